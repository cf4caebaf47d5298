"""Holds the event log against its seals and its streams' hashes, and names the first event that does not agree.

The log is compared a page at a time by its digests; only an event that differs is looked at itself, to say what
happened to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import iter_unpack
from typing import Literal
from uuid import UUID

import msgspec

from infra.event_digests import DigestedPage, Tie
from infra.event_mapper import GENESIS_HASH
from infra.event_store import EventLog
from infra.recorder import LoggedNotification
from infra.seals import HASH_DIGITS, BrokenSeal, Seal, SealedEvent, Seals, StoredSeal, sealed_event

Kind = Literal["changed", "missing", "inserted", "reordered", "cut off", "broken chain", "broken seal", "unknown seal"]
Progress = Callable[[int, int], None]
"""Told the position reached and the one to be reached."""


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


def _untold(position: int, of: int) -> None:
    """For those who do not want to know."""


def verify_log(
    log: EventLog, seals: Seals, kept: bytes | str | None = None, progress: Progress = _untold
) -> Verification:
    """Reads the whole log once. `kept`: a seal kept elsewhere, its file or its SHA-256, which must be in the chain."""
    run = _Run(log, seals, kept)
    try:
        run.verify(progress)
    except _Found as found:
        return run.result(found.difference)
    return run.result(None)


class _Found(Exception):
    def __init__(self, kind: Kind, detail: str, position: int | None = None, stream_id: UUID | None = None) -> None:
        super().__init__(detail)
        self.difference = Difference(kind, detail, position, stream_id)


class _Run:
    """One verification. The first `events` events are good; `head` is a number of events, wherever they stand."""

    def __init__(self, log: EventLog, seals: Seals, kept: bytes | str | None) -> None:
        self._log, self._seals, self._kept = log, seals, kept
        self._events = self._sealed = 0
        self._links = _Links()
        # The seals are listed first: all that they vouch for is in the log by then, however it grows meanwhile.
        self._expected = _ExpectedHashes(seals)

    def result(self, difference: Difference | None) -> Verification:
        unsealed = self._events - self._sealed
        return Verification(self._events, self._sealed, unsealed, self._expected.seals, difference)

    def verify(self, progress: Progress) -> None:
        head, last = self._log.extent()
        head, of = self._log.count(head), self._log.count(last)
        for page in self._log.recorder.digested_pages(last):
            self._compare(page)
            progress(self._events, of)
        if self._events < head or self._expected.take(1):
            self._name_lost(head)
        if self._events > head:
            stored = self._stored_at(head + 1)
            detail = f"the log has come to position {head}, but {stored.topic} was put in behind its back"
            raise _Found("inserted", detail, stored.id, sealed_event(stored).stream_id)
        self._expected.check_rest()
        self._check_kept()

    def _compare(self, page: DigestedPage) -> None:
        count = len(page.versions)
        if page.after != self._events:
            self._name_lost(self._log.count())
        expected, found = self._expected.take(count), page.digests.hex()
        differing = None
        if not found.startswith(expected):
            differing = next(i for i in range(count) if _hash(found, i) != _hash(expected, i))
        wrong = [i for i in (differing, page.misplaced, page.untied) if i is not None]
        unlinked = self._links.first_unlinked(page, min(wrong, default=count))
        if unlinked is not None:
            wrong.append(unlinked)
        good = min(wrong, default=count)
        self._sealed += min(good, len(expected) // HASH_DIGITS)
        self._events += good
        if wrong:
            self._name_wrong(self._stored_at(self._events + 1))

    def _name_wrong(self, stored: LoggedNotification) -> None:
        """Raises _Found for an event that is known to be wrong."""
        ordinal = self._events + 1
        self._events += 1
        sealed = self._seals.event(ordinal)
        if sealed is not None and sealed.hash != stored.hash:
            raise self._explain(stored, sealed, ordinal)
        self._sealed += sealed is not None
        if self._log.count(stored.id) != ordinal:
            raise _Found("missing", f"position {ordinal} is empty", self._place(ordinal))
        self._links.explain(stored)

    def _name_lost(self, head: int) -> None:
        """Raises _Found where the log ends, or has a gap, before it should."""
        ordinal = self._events + 1
        if self._log.stored_after(self._events, 1):
            self._name_wrong(self._stored_at(ordinal))
        sealed = self._seals.event(ordinal)
        if sealed is not None:
            detail = f"version {sealed.version}, sealed at this position, and all after it are gone"
            raise _Found("cut off", detail, self._place(ordinal), sealed.stream_id)
        detail = f"the log reached position {head} once and ends at {self._events}; what is gone was not sealed yet"
        raise _Found("cut off", detail, self._place(ordinal))

    def _place(self, ordinal: int) -> int:
        """The position of the `ordinal`-th event, or the log's end where it has not that many."""
        return self._log.recorder.position_of(ordinal)

    def _stored_at(self, ordinal: int) -> LoggedNotification:
        """The event that stands as the `ordinal`-th, while all before it stand at their places."""
        return self._log.stored_after(ordinal - 1, 1)[0]

    def _explain(self, stored: LoggedNotification, sealed: SealedEvent, ordinal: int) -> _Found:
        """What happened where another event stands than was sealed."""
        found = sealed_event(stored)
        if (found.stream_id, found.version) == (sealed.stream_id, sealed.version):
            detail = (
                f"version {found.version} ({stored.topic}) is not as it was sealed: payload, metadata or name changed"
            )
            return _Found("changed", detail, stored.id, found.stream_id)
        place = self._place_of(sealed)
        if place is None:
            detail = f"version {sealed.version}, sealed here, is gone"
            return _Found("missing", detail, self._place(ordinal), sealed.stream_id)
        if any(found.hash in stored_seal.seal.hashes for stored_seal in self._seals.chain()):
            detail = f"version {sealed.version} was sealed here and stands at position {place} now"
            return _Found("reordered", detail, self._place(ordinal), sealed.stream_id)
        detail = f"version {found.version} ({stored.topic}) was put in before an event that is sealed"
        return _Found("inserted", detail, stored.id, found.stream_id)

    def _place_of(self, sealed: SealedEvent) -> int | None:
        """Where an event with the sealed hash stands now, if anywhere."""
        found = self._log.recorder.select_events(sealed.stream_id)
        return next((event.id for event in found if event.hash == sealed.hash), None)

    def _check_kept(self) -> None:
        """A kept seal no more in the chain tells of log and seals replaced together; its file, of which event."""
        if self._kept is None:
            return
        stored = self._trusted(self._kept) if isinstance(self._kept, bytes) else None
        sha256 = stored.sha256 if stored else self._kept
        if sha256 in self._expected.names:
            return
        replaced = f"the seal {sha256!s} is not in the chain: log and seals were replaced since it was kept"
        if stored:
            self._compare_with(stored.seal, replaced)
        raise _Found("unknown seal", replaced)

    def _trusted(self, kept: bytes) -> StoredSeal:
        try:
            return self._seals.kept(kept)
        except BrokenSeal as error:
            raise _Found("unknown seal", error.message) from error

    def _compare_with(self, seal: Seal, replaced: str) -> None:
        for ordinal in range(seal.first_ordinal, seal.last_ordinal + 1):
            sealed = seal.event(ordinal)
            if ordinal > self._events:
                detail = f"version {sealed.version}, sealed at this position, is gone; {replaced}"
                raise _Found("cut off", detail, self._place(ordinal), sealed.stream_id)
            stored = self._stored_at(ordinal)
            if stored.hash != sealed.hash:
                found = self._explain(stored, sealed, ordinal).difference
                raise _Found(found.kind, f"{found.detail}; {replaced}", found.position, found.stream_id)


class _ExpectedHashes:
    """The hashes that the chain of seals says the log's events have, in order, a page at a time."""

    def __init__(self, seals: Seals) -> None:
        self._chain = seals.chain()
        self._waiting = ""
        self.seals = 0
        self.names: set[str] = set()

    def take(self, count: int) -> str:
        """The next `count` hashes end to end; fewer where the seals end. Raises _Found for a broken seal."""
        digits = count * HASH_DIGITS
        parts, length = [self._waiting], len(self._waiting)
        while length < digits and (stored := self._next()):
            parts.append(stored.seal.hashes)
            length += len(stored.seal.hashes)
        whole = "".join(parts)
        self._waiting = whole[digits:]
        return whole[:digits]

    def check_rest(self) -> None:
        while self._next():
            pass

    def _next(self) -> StoredSeal | None:
        try:
            stored = next(self._chain, None)
        except BrokenSeal as error:
            raise _Found("broken seal", error.message) from error
        if stored:
            self.seals += 1
            self.names.add(stored.sha256)
        return stored


class _Links:
    """What ties an event to its stream without any seal: the version and the hash of the one before it.

    A stream costs some 200 bytes, for most have one event and their version need not be kept.
    """

    def __init__(self) -> None:
        self._digests: dict[bytes, bytes] = {}
        self._versions: dict[bytes, int] = {}  # of streams past version 0

    def first_unlinked(self, page: DigestedPage, before: int) -> int | None:
        """The index of the first event that does not follow its stream's last one, among those ahead of `before`."""
        digests, versions = self._digests, self._versions
        streams = (stream for (stream,) in iter_unpack("16s", page.streams))
        hashes = (digest for (digest,) in iter_unpack("32s", page.digests))
        rows = zip(range(before), streams, page.versions, hashes, page.previous_hashes, strict=False)
        for i, stream, version, digest, previous_hash in rows:
            if version:
                last = digests.get(stream, b"")
                if last.hex() != previous_hash or versions.get(stream, 0) != version - 1 or not last:
                    return i
                versions[stream] = version
            elif previous_hash != GENESIS_HASH or stream in digests:
                return i
            digests[stream] = digest
        return None

    def explain(self, stored: LoggedNotification) -> None:
        """Raises _Found for the event at which `first_unlinked` stopped, or that is not tied to its place."""
        event = sealed_event(stored)
        last = self._digests.get(event.stream_id.bytes)
        try:
            tie = msgspec.json.decode(stored.metadata, type=Tie)
        except ValueError as error:
            raise _Found("changed", f"its metadata cannot be read: {error}", stored.id, event.stream_id) from error
        last_version = None if last is None else self._versions.get(event.stream_id.bytes, 0)
        if event.version != (0 if last_version is None else last_version + 1):
            where = f"version {event.version} follows {'nothing' if last_version is None else last_version}"
            raise _Found("broken chain", where, stored.id, event.stream_id)
        if tie.previous_hash != (last.hex() if last else GENESIS_HASH):
            detail = "it does not carry the hash of the event before it, which was changed or replaced"
            raise _Found("broken chain", detail, stored.id, event.stream_id)
        detail = f"the column recorded_at says {stored.recorded_at}, the event {tie.recorded_at}"
        raise _Found("changed", detail, stored.id, event.stream_id)


def _hash(hashes: str, index: int) -> str:
    return hashes[index * HASH_DIGITS : (index + 1) * HASH_DIGITS]
