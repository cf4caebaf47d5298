"""The client of EventStoreDB that is installed: `kurrentdbclient`, or its predecessor `esdbclient`.

What they need of grpcio excludes each other, so there is never more than one. One author wrote both, and what is called
here is the same in both but for the names below, and for the addresses: the older one knows `esdb://` alone.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("kurrentdbclient"):
    from kurrentdbclient import KurrentDBClient, NewEvent, RecordedEvent, StreamState
    from kurrentdbclient.common import AbstractCatchupSubscription
    from kurrentdbclient.exceptions import KurrentDBClientError, NotFoundError, WrongCurrentVersionError
else:
    from esdbclient import EventStoreDBClient, NewEvent, RecordedEvent, StreamState
    from esdbclient.common import AbstractCatchupSubscription
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
    "AbstractCatchupSubscription",
    "KurrentDBClient",
    "KurrentDBClientError",
    "NewEvent",
    "NotFoundError",
    "RecordedEvent",
    "StreamState",
    "WrongCurrentVersionError",
    "address",
]


def address(uri: str) -> str:
    """The address as both clients know it: `kurrentdb` and `kdb` are later names of `esdb`, and mean the same."""
    scheme, separator, rest = uri.partition("://")
    name, discover, _ = scheme.partition("+discover")
    return f"{'esdb' if name in ('kurrentdb', 'kdb') else name}{discover}{separator}{rest}"
