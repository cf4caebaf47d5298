"""Whose fault a failure is: the event's, which no waiting mends, or that of a store, which comes back.

The one place where that is decided, for all projections. An event that fails by its own fault is tried a few times and
then set aside as a dead letter; a store that fails is waited for, however long it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg import errors as postgres

from infra.errors import PlatformError
from infra.objects import DamagedObject, MissingObject

T = TypeVar("T")

TRIES = 3
_PAUSE_S = 0.02  # before the second try, and four times as long before the third

# Codes of ClickHouse that say that a value does not fit; every other one may be the engine's or the disk's trouble.
_UNFIT_VALUES = frozenset({
    6,    # CANNOT_PARSE_TEXT
    33,   # CANNOT_READ_ALL_DATA
    53,   # TYPE_MISMATCH
    69,   # ARGUMENT_OUT_OF_BOUND
    70,   # CANNOT_CONVERT_TYPE
    117,  # INCORRECT_DATA
    321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    407,  # DECIMAL_OVERFLOW
    691,  # UNKNOWN_ELEMENT_OF_ENUM
})  # fmt: skip
_STORE_FAILURES = (
    OSError,  # a disk, a connection, a timeout
    MemoryError,
    psycopg.OperationalError,  # connection lost, disk full, time out, a lock that is not given
    psycopg.InterfaceError,  # the connection was closed under us
    psycopg.InternalError,  # damaged pages
    # Only somebody's hand on the database does this, and it would hit every event alike.
    postgres.UndefinedTable,
    postgres.InvalidSchemaName,
    postgres.InsufficientPrivilege,
)


@dataclass(frozen=True)
class Failure:
    """Why an event could not be applied (`type: message`), and how often that was tried."""

    reason: str
    attempts: int


def is_fault_of_event(error: BaseException) -> bool:
    """True for data and code errors and for a missing or damaged object: trying again for ever would stop the rest."""
    if isinstance(error, MissingObject | DamagedObject):
        return True
    if isinstance(error, PlatformError) or not isinstance(error, Exception):
        return False
    if type(error).__module__.startswith("clickhouse_connect."):
        return getattr(error, "code", None) in _UNFIT_VALUES
    return not isinstance(error, _STORE_FAILURES)


def reason_of(error: BaseException) -> str:
    """`type: message`, as failures are shown everywhere."""
    return f"{type(error).__name__}: {error}"


def attempt(work: Callable[[], T]) -> T | Failure:
    """What `work` returns, or why it failed each time by the event's fault. Raises at once what is a store's fault."""
    for tries in range(1, TRIES + 1):
        try:
            return work()
        except Exception as error:
            if not is_fault_of_event(error):
                raise
            reason = reason_of(error)
        if tries < TRIES:
            time.sleep(_PAUSE_S * 4 ** (tries - 1))
    return Failure(reason, TRIES)
