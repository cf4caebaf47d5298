"""What the services of the stand-in for EventStoreDB have in common: events as messages, and filters."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.services.kurrentdb_store import Record
from tests.services.kurrentdb_stubs import shared_pb2

Wanted = Callable[[Record], bool]


def content_of(record: Record) -> dict[str, Any]:
    """The fields of a recorded event, which is a message of its own in each service."""
    return {
        "id": shared_pb2.UUID(string=record.id),
        "stream_identifier": shared_pb2.StreamIdentifier(stream_name=record.stream.encode()),
        "stream_revision": record.revision,
        "prepare_position": record.position,
        "commit_position": record.position,
        "metadata": {"type": record.type, "content-type": record.content_type, "created": "0"},
        "custom_metadata": record.metadata,
        "data": record.data,
    }


def wanted_by(options: Any) -> Wanted:
    """Which records the caller wants: by type or by stream, by a regular expression or by prefixes."""
    if options.WhichOneof("filter_option") != "filter":
        return lambda record: True
    by_stream = options.filter.WhichOneof("filter") == "stream_identifier"
    expression = options.filter.stream_identifier if by_stream else options.filter.event_type
    prefixes, pattern = tuple(expression.prefix), re.compile(expression.regex)

    def wanted(record: Record) -> bool:
        text = record.stream if by_stream else record.type
        return text.startswith(prefixes) if prefixes else pattern.search(text) is not None

    return wanted
