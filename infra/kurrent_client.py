"""The client of EventStoreDB that is installed: `kurrentdbclient`, or its predecessor `esdbclient`.

What they need of grpcio excludes each other, so there is never more than one. One author wrote both, and what is called
here is the same in both but for the names below, and for the addresses: the older one knows `esdb://` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from infra.errors import EventStoreError

if TYPE_CHECKING or find_spec("kurrentdbclient"):
    from kurrentdbclient import KurrentDBClient, NewEvent, RecordedEvent, StreamState
    from kurrentdbclient.common import AbstractCatchupSubscription, AbstractPersistentSubscription
    from kurrentdbclient.exceptions import KurrentDBClientError, NotFoundError, WrongCurrentVersionError
else:
    from esdbclient import EventStoreDBClient, NewEvent, RecordedEvent, StreamState
    from esdbclient.common import AbstractCatchupSubscription, AbstractPersistentSubscription
    from esdbclient.exceptions import EventStoreDBClientException as KurrentDBClientError
    from esdbclient.exceptions import NotFound as NotFoundError
    from esdbclient.exceptions import WrongCurrentVersion as WrongCurrentVersionError

    class KurrentDBClient(EventStoreDBClient):
        """As it comes, but for one option: the grpcio that it is held to forgets deadlines when it is to retry.

        A call that follows on a server's farewell (GOAWAY) then waits for ever. The client retries by itself.
        """

        def _construct_grpc_channel(self, grpc_target, grpc_options=()):
            return super()._construct_grpc_channel(grpc_target, (*grpc_options, ("grpc.enable_retries", 0)))


__all__ = [
    "PATIENCE_S",
    "AbstractCatchupSubscription",
    "AbstractPersistentSubscription",
    "KurrentDBClient",
    "KurrentDBClientError",
    "NewEvent",
    "NotFoundError",
    "RecordedEvent",
    "StreamState",
    "WrongCurrentVersionError",
    "address",
    "answered",
    "open_kurrent",
]

PATIENCE_S = 30.0
_KEEP_ALIVE = "KeepAliveInterval=10000&KeepAliveTimeout=10000"  # ms


def open_kurrent(uri: str) -> KurrentDBClient:
    """A client of the EventStoreDB that `uri` leads to. Raises EventStoreError, which does not repeat the password."""
    try:
        client = KurrentDBClient(kept_alive(address(uri)))
    except (ValueError, OSError, KurrentDBClientError) as error:
        raise EventStoreError(
            f"EVENTSTOREDB_URI leads to no EventStoreDB: {type(error).__name__}",
            "Write it as esdb://user:password@host:2113 or kurrentdb://…, with ?tls=false where the server has no TLS.",
        ) from error
    try:
        with answered("tell its newest event"):
            client.get_commit_position(timeout=PATIENCE_S)
    except BaseException:
        client.close()
        raise
    return client


@contextmanager
def answered(what: str) -> Iterator[None]:
    """Turns whatever the client raises, but for what is handled inside, into one error that says what to do."""
    try:
        yield
    except KurrentDBClientError as error:
        raise EventStoreError(
            f"EventStoreDB could not {what}: {type(error).__name__}.",  # the client's own words may name hosts
            "See that it runs and that EVENTSTOREDB_URI leads to it; then try again.",
        ) from error


def kept_alive(uri: str) -> str:
    """The address, so that a connection that dies without a word is noticed: what waits for events never asks."""
    if "keepaliveinterval" in uri.lower():
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{_KEEP_ALIVE}"


def address(uri: str) -> str:
    """The address as both clients know it: `kurrentdb` and `kdb` are later names of `esdb`, and mean the same."""
    scheme, separator, rest = uri.partition("://")
    name, discover, _ = scheme.partition("+discover")
    return f"{'esdb' if name in ('kurrentdb', 'kdb') else name}{discover}{separator}{rest}"
