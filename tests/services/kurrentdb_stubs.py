"""The servicer classes and messages that come with the client of EventStoreDB, whichever of the two is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("kurrentdbclient"):
    from kurrentdbclient.protos.v1 import (
        persistent_pb2,
        persistent_pb2_grpc,
        shared_pb2,
        status_pb2,
        streams_pb2,
        streams_pb2_grpc,
    )  # fmt: skip
else:
    from esdbclient.protos.Grpc import (
        persistent_pb2,
        persistent_pb2_grpc,
        shared_pb2,
        status_pb2,
        streams_pb2,
        streams_pb2_grpc,
    )  # fmt: skip

__all__ = ["persistent_pb2", "persistent_pb2_grpc", "shared_pb2", "status_pb2", "streams_pb2", "streams_pb2_grpc"]
