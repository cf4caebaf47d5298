"""Domain events to stored bytes and back: canonical JSON with sorted keys, typed on the way in."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, TypedDict, cast, get_type_hints
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from infra.event_digests import event_digest

_CARRIED_ELSEWHERE = frozenset({"originator_id", "originator_version", "timestamp"})
GENESIS_HASH = ""


class Metadata(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known about an event besides its facts; stored as bytes of its own and covered by the stream's hashes."""

    tenant: str
    actor: str
    command: str
    command_id: UUID
    body_sha256: str
    status: str
    correlation_id: UUID
    causation_id: UUID
    recorded_at: datetime
    schema_version: int
    previous_hash: str


read_metadata = msgspec.json.Decoder(Metadata).decode


@dataclass(frozen=True)
class LoggedEvent(StoredEvent):
    """A stored event with its metadata; `state` is the payload."""

    metadata: bytes = b"{}"

    @cached_property
    def hash(self) -> str:
        """The event's digest in hexadecimal; the stream's next event carries it."""
        stream = str(self.originator_id)
        return event_digest(stream, self.originator_version, self.topic, self.metadata, self.state).hex()


@dataclass(frozen=True)
class Undecodable:
    """Stands for an event whose bytes say nothing to today's code: no class of that name, or no such fields.

    `kind` is the class of that name; this one itself where there is none.
    """

    originator_id: UUID
    originator_version: int
    timestamp: datetime
    error: Exception
    kind: type


class RecordedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as the log gives it back: where it stands, what was recorded about it, and the event itself.

    `payload_bytes` and `metadata_bytes` are what the log holds. A page of the log is thousands of these, so that
    nothing is in them that hardly anybody asks for; and none is part of a cycle.
    """

    position: int
    stream_id: UUID
    name: str
    metadata: Metadata
    event: DomainEventProtocol[UUID]
    metadata_bytes: bytes
    payload_bytes: bytes

    @property
    def stored(self) -> LoggedEvent:
        """The event as it was stored."""
        event = self.event
        return LoggedEvent(
            event.originator_id, event.originator_version, self.name, self.payload_bytes, metadata=self.metadata_bytes
        )

    @property
    def kind(self) -> type:
        """The event's class, also of one that can't be decoded; `Undecodable` where no class bears its name."""
        event = self.event
        return event.kind if isinstance(event, Undecodable) else type(event)

    @property
    def stream_text(self) -> str:
        """The stream's id as text."""
        text: str = msgspec.to_builtins(self.stream_id)  # far faster than `str`
        return text

    def payload(self) -> dict[str, Any]:
        """The event's own facts as plain JSON values."""
        decoded: dict[str, Any] = msgspec.json.decode(self.payload_bytes)
        decoded.pop("originator_topic", None)
        return decoded


def kind_of(name: str) -> type:
    """The class of the events of a name; `Undecodable` where there is none."""
    try:
        return _reader(name)[0]
    except Exception:  # whatever hinders the class from being found
        return Undecodable


def encode(event: DomainEventProtocol[UUID], metadata: Metadata) -> LoggedEvent:
    """The bytes of one event. Keys are sorted, so equal events give equal bytes whatever wrote them."""
    state = {name: getattr(event, name) for name in _payload_fields(type(event))}
    return LoggedEvent(
        originator_id=event.originator_id,
        originator_version=event.originator_version,
        topic=get_topic(type(event)),
        state=msgspec.json.encode(state, order="sorted"),
        metadata=msgspec.json.encode(metadata, order="sorted"),
    )


def decode(stream_id: UUID, version: int, name: str, payload: bytes, metadata: Metadata) -> DomainEventProtocol[UUID]:
    """The event behind stored bytes, lifted by its class's upcasters where it was written by an older version."""
    event_class, decoder, current = _reader(name)
    if metadata.schema_version == current:
        facts: dict[str, Any] = decoder.decode(payload)
    else:
        raw = msgspec.json.decode(payload)
        for older in range(metadata.schema_version, current):
            getattr(event_class, f"upcast_v{older}_v{older + 1}")(raw)
        facts = msgspec.convert(raw, _payload(event_class))
    facts["originator_id"] = stream_id
    facts["originator_version"] = version
    facts["timestamp"] = metadata.recorded_at
    event: DomainEventProtocol[UUID] = object.__new__(event_class)
    # Frozen dataclasses refuse assignment; the library's own mapper fills them in the same way.
    object.__setattr__(event, "__dict__", facts)
    return event


@lru_cache
def _reader(topic: str) -> tuple[type, msgspec.json.Decoder[dict[str, Any]], int]:
    """The class behind a stored name, what decodes its payload, and the version it has now."""
    event_class = resolve_topic(topic)
    return event_class, msgspec.json.Decoder(_payload(event_class)), getattr(event_class, "class_version", 1)


@lru_cache
def _payload_fields(event_class: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(event_class) if field.name not in _CARRIED_ELSEWHERE)


def _payload(event_class: type) -> type[dict[str, Any]]:
    hints = get_type_hints(event_class)
    fields_of_payload = {name: hints[name] for name in _payload_fields(event_class)}
    return cast(type[dict[str, Any]], TypedDict(event_class.__name__, fields_of_payload))  # type: ignore[operator]
