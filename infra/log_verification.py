"""Holds the event log against its seals and its streams' hashes, and names the first event that does not agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from infra.event_mapper import GENESIS_HASH
from infra.event_recorder import LoggedNotification
from infra.event_store import EventLog
from infra.seals import BrokenSeal, SealedEvent, Seals, sealed_event

PAGE = 5000

Kind = Literal["changed", "missing", "inserted", "reordered", "cut off", "broken chain", "broken seal", "unknown seal"]


@dataclass(frozen=True)
class Difference:
    """The first thing that does not agree; stream and position where it is an event."""

    kind: Kind
    detail: str
    position: int | None = None
    stream_id: UUID | None = None


@dataclass(frozen=True)
class Verification:
    """`sealed_events` are vouched for by `seals`; the newest `unsealed_events` by their streams' hashes alone."""

    events: int
    sealed_events: int
    unsealed_events: int
    seals: int
    difference: Difference | None


class _Linked(msgspec.Struct):
    """The fields of an event's metadata that tie it to its place."""

    previous_hash: str
    recorded_at: datetime


class _Found(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.detail)
        self.difference = difference


@dataclass
class _Count:
    events: int = 0
    sealed: int = 0
    seals: int = 0


def verify_log(log: EventLog, seals: Seals, known_seal: str | None = None) -> Verification:
    """Reads the whole log once. `known_seal` is the SHA-256 of a seal kept elsewhere, which must be in the chain."""
    count = _Count()
    try:
        _verify(log, seals, known_seal, count)
    except _Found as found:
        return Verification(count.events, count.sealed, count.events - count.sealed, count.seals, found.difference)
    return Verification(count.events, count.sealed, count.events - count.sealed, count.seals, None)


def _verify(log: EventLog, seals: Seals, known_seal: str | None, count: _Count) -> None:
    expected = _sealed_events(seals, known_seal, count)
    links = _Links()
    head = log.head()
    for stored in _stored_events(log):
        count.events += 1
        sealed = next(expected, None)
        if sealed is not None:
            if sealed.hash != stored.hash:
                raise _Found(_explain(log, seals, stored, sealed, count.events))
            count.sealed += 1
        links.check(stored, count.events)
    lost = next(expected, None)
    if lost is not None:
        detail = f"version {lost.version}, sealed at this position, and all after it are gone"
        raise _Found(Difference("cut off", detail, count.events + 1, lost.stream_id))
    if count.events < head:  # it may have grown meanwhile
        detail = f"the log reached position {head} once and ends at {count.events}; what is gone was not sealed yet"
        raise _Found(Difference("cut off", detail, position=count.events + 1))


def _sealed_events(seals: Seals, known_seal: str | None, count: _Count) -> Iterator[SealedEvent]:
    known_is_found = known_seal is None
    try:
        for stored in seals.chain():
            count.seals += 1
            known_is_found = known_is_found or stored.sha256 == known_seal
            yield from stored.seal.events
    except BrokenSeal as error:
        raise _Found(Difference("broken seal", error.message)) from error
    if not known_is_found:
        detail = f"the seal {known_seal} is not in the chain: log and seals were replaced since it was kept"
        raise _Found(Difference("unknown seal", detail))


def _stored_events(log: EventLog) -> Iterator[LoggedNotification]:
    after = 0
    while page := log.stored_page(after, PAGE):
        yield from page
        after = page[-1].id


class _Links:
    """What ties an event to the log without any seal: its position, its stream's versions and hashes, its time."""

    def __init__(self) -> None:
        self._last: dict[UUID, SealedEvent] = {}
        self._decoder = msgspec.json.Decoder(_Linked)

    def check(self, stored: LoggedNotification, ordinal: int) -> None:
        event = sealed_event(stored)
        before = self._last.get(event.stream_id)
        linked = self._decoder.decode(stored.metadata)
        if stored.id != ordinal:
            raise _Found(Difference("missing", f"position {ordinal} is empty", position=ordinal))
        if event.version != (before.version + 1 if before else 0):
            where = f"version {event.version} follows {before.version if before else 'nothing'}"
            raise _Found(Difference("broken chain", where, stored.id, event.stream_id))
        if linked.previous_hash != (before.hash if before else GENESIS_HASH):
            detail = "it does not carry the hash of the event before it, which was changed or replaced"
            raise _Found(Difference("broken chain", detail, stored.id, event.stream_id))
        if stored.recorded_at != linked.recorded_at:
            detail = f"the column recorded_at says {stored.recorded_at}, the event {linked.recorded_at}"
            raise _Found(Difference("changed", detail, stored.id, event.stream_id))
        self._last[event.stream_id] = event


def _explain(log: EventLog, seals: Seals, stored: LoggedNotification, sealed: SealedEvent, ordinal: int) -> Difference:
    """What happened where another event stands than was sealed."""
    found = sealed_event(stored)
    if (found.stream_id, found.version) == (sealed.stream_id, sealed.version):
        detail = f"version {found.version} ({stored.topic}) is not as it was sealed: payload, metadata or name changed"
        return Difference("changed", detail, stored.id, found.stream_id)
    place = _stands_at(log, sealed)
    if place is None:
        return Difference("missing", f"version {sealed.version}, sealed here, is gone", ordinal, sealed.stream_id)
    if any(event.hash == found.hash for seal in seals.chain() for event in seal.seal.events):
        detail = f"version {sealed.version} was sealed here and stands at position {place} now"
        return Difference("reordered", detail, ordinal, sealed.stream_id)
    detail = f"version {found.version} ({stored.topic}) was put in before an event that is sealed"
    return Difference("inserted", detail, stored.id, found.stream_id)


def _stands_at(log: EventLog, sealed: SealedEvent) -> int | None:
    """Where an event with the sealed hash stands now, if anywhere."""
    found = log.recorder.select_events(sealed.stream_id)
    return next((event.id for event in found if event.hash == sealed.hash), None)
