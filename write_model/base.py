"""What every aggregate here shares: versions that start at 0, stable names, ids that a command can find again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.utils import register_topic

EVENTS: dict[str, type] = {}
"""The class of every event by the name under which the log stores it."""

_NAMESPACE = UUID("25400000-c0de-5eed-8a11-254ca4b04254")


class Aggregate(LibraryAggregate):
    """An aggregate whose first event has version 0, as EventStoreDB counts.

    A concrete aggregate has a `NAME` and each of its events a `TOPIC`: what the log stores, whatever becomes of the
    classes and modules.
    """

    INITIAL_VERSION = 0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Set only now: the library would ask a topic of the event classes that it adds itself and nobody triggers.
        if name := cls.__dict__.get("NAME"):
            cls.TOPIC = name  # type: ignore[attr-defined]  # the library reads it with getattr
            register_topic(name, cls)
            for attribute in vars(cls).values():
                if isinstance(attribute, type) and (topic := getattr(attribute, "TOPIC", None)):
                    register_topic(topic, attribute)
                    EVENTS[topic] = attribute


class Refused(Exception):
    """A well-formed command that the present state does not allow.

    `status` is the HTTP status the refusal travels with, `remedy` says what would make the command acceptable.
    """

    def __init__(self, reason: str, *, remedy: str = "", status: int = 409) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.status = status


class NotFound(Refused):
    """A command or question about something this tenant does not have."""

    def __init__(self, noun: str, given: object, *, remedy: str) -> None:
        super().__init__(f"there is no {noun} {given}", remedy=remedy, status=404)


def stream_id(tenant: str, noun: str, key: Mapping[str, object] | str) -> UUID:
    """The stream that `key` names for ever: the same tenant, noun and key give the same id on every machine."""
    text = key if isinstance(key, str) else json.dumps(key, sort_keys=True, separators=(",", ":"), default=str)
    return uuid5(_NAMESPACE, "\n".join((tenant, noun, text)))
