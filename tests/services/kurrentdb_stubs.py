"""The servicer classes and messages that come with the client of EventStoreDB, whichever of the two is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("kurrentdbclient"):
    from kurrentdbclient.protos.v1 import shared_pb2, status_pb2, streams_pb2, streams_pb2_grpc
else:
    from esdbclient.protos.Grpc import shared_pb2, status_pb2, streams_pb2, streams_pb2_grpc

__all__ = ["shared_pb2", "status_pb2", "streams_pb2", "streams_pb2_grpc"]
