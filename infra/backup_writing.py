"""Making a backup while the platform serves: what is new since the last one is added, the manifest comes last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count

from infra.backup_format import EVENTS, FORMAT, KEYS, LISTS, OBJECTS, SEALS, Kind, Manifest, Part, Row, in_parts
from infra.backup_keys import encrypt_keys
from infra.backup_place import BackupPlace
from infra.errors import PlatformError
from infra.event_mapper import GENESIS_HASH
from infra.event_store import EventLog
from infra.objects import DamagedObject, MissingObject, Objects
from infra.receiving import PAGE, Progress
from infra.seals import Seals

COPIES_AT_ONCE = 8
Report = Callable[[str], Progress]


@dataclass(frozen=True)
class Source:
    """What is backed up. `keys` are the data folder's, kept only where there is a `passphrase` to encrypt them."""

    log: EventLog
    seals: Seals
    objects: Objects
    keys: Mapping[str, str]
    passphrase: str | None
    is_simulated: bool
    store: str
    code_version: str


@dataclass(frozen=True)
class BackupMade:
    """A backup as it stands now, and what this run added. `unreadable` are objects that are lost or damaged here."""

    backup: str
    position: int
    events: int
    new_events: int
    seals: int
    objects: int
    new_objects: int
    new_object_bytes: int
    has_keys: bool
    unreadable: list[str]


def make_backup(source: Source, place: BackupPlace, now: datetime, report: Report) -> BackupMade:
    """Adds to the backup at `place`, or begins it. It is as of the newest position at the start of this.

    Until the manifest is replaced at the end the place is the backup that it was. Raises PlatformError.
    """
    place.demand_ours()
    before = place.manifest()
    position = source.log.head()
    last = source.log.at(position) if position else None
    events = source.log.count(position)
    if before:
        _demand_same_log(source.log, before, place.name)
    writing = _Writing(place, before)
    event_parts = writing.extend(EVENTS, partial(_event_rows, source.log, position), report("events"), events)
    seal_parts = writing.extend(SEALS, lambda after: source.seals.files(after, events), report("seals"), events)
    # Only now: whatever the events up to the position name was stored before they were appended.
    copied = _copy_objects(source.objects, place, before, report("objects"))
    list_parts = writing.extend(LISTS, copied.rows_after, _untold, 0)
    if source.passphrase:
        place.write(KEYS, encrypt_keys(source.keys, source.passphrase))
    manifest = Manifest(
        format=FORMAT, log_id=source.log.recorder.log_id(), store=source.store, code_version=source.code_version,
        made_at=now, position=position, events=events, last_hash=last.stored.hash if last else GENESIS_HASH,
        seal_key=source.seals.public_key, is_simulated=source.is_simulated,
        has_keys=bool(source.passphrase) or bool(before and before.has_keys),
        parts={EVENTS.name: event_parts, SEALS.name: seal_parts, LISTS.name: list_parts},
    )  # fmt: skip
    place.write_manifest(manifest)
    writing.drop_replaced(manifest)
    return BackupMade(
        place.name, position, events, events - (before.events if before else 0), manifest.rows_of(SEALS),
        manifest.rows_of(LISTS), len(copied.new), copied.size_bytes, manifest.has_keys, copied.unreadable,
    )  # fmt: skip


class _Writing:
    """The parts of a backup that are there already, and those that follow them."""

    def __init__(self, place: BackupPlace, before: Manifest | None) -> None:
        self._place, self._before = place, before

    def extend(self, kind: Kind, rows_after: Callable[[int], Iterable[Row]], told: Progress, of: int) -> list[Part]:
        """All parts of a kind, once the rows behind the last full one are written."""
        parts = [part for part in self._before.parts[kind.name] if part.is_full] if self._before else []
        done = sum(part.rows for part in parts)
        for rows, is_full in in_parts(kind, rows_after(parts[-1].last if parts else 0)):
            parts.append(self._place.write_part(kind, rows, is_full=is_full))
            done += len(rows)
            told(done if kind is EVENTS else parts[-1].last, of)
        return parts

    def drop_replaced(self, manifest: Manifest) -> None:
        """Deletes the parts that longer ones have replaced."""
        if self._before:
            kept = {part.file for parts in manifest.parts.values() for part in parts}
            for part in (part for parts in self._before.parts.values() for part in parts):
                if part.file not in kept:
                    self._place.delete(part.file)


def _event_rows(log: EventLog, through: int, after: int) -> Iterator[Row]:
    while after < through and (page := log.recorder.select_rows(after, PAGE)):
        for position, stream_id, *rest in page:
            if position > through:
                return
            yield position, stream_id.bytes, *rest
        after = page[-1][0]


@dataclass(frozen=True)
class _Copied:
    known: list[Row]
    new: list[str]
    unreadable: list[str]
    size_bytes: int

    def rows_after(self, number: int) -> Iterator[Row]:
        """The list of all objects behind a number."""
        yield from (row for row in self.known if row[0] > number)
        yield from zip(count(len(self.known) + 1), self.new, strict=False)


def _copy_objects(objects: Objects, place: BackupPlace, before: Manifest | None, told: Progress) -> _Copied:
    known = [row for rows in place.rows(before, LISTS) for row in rows] if before else []
    there = {path for _, path in known}
    missing = sorted(path for path in objects.paths() if path not in there)
    new, unreadable, size_bytes = [], [], 0

    def copy(path: str) -> int | None:
        with suppress(MissingObject, DamagedObject):
            content = objects.copied(path)
            place.write(f"{OBJECTS}/{path}", content)
            return len(content)
        return None

    with ThreadPoolExecutor(COPIES_AT_ONCE, thread_name_prefix="backup") as threads:
        for path, size in zip(missing, threads.map(copy, missing), strict=True):
            if size is None:
                unreadable.append(path)
            else:
                new.append(path)
                size_bytes += size
            told(len(new), len(missing))
    return _Copied(known, new, unreadable, size_bytes)


def _demand_same_log(log: EventLog, before: Manifest, name: str) -> None:
    remedy = "Name another place: a backup is of one log."
    if log.recorder.log_id() != before.log_id:
        raise PlatformError(f"The backup {name} is one of another event log.", remedy)
    last = log.at(before.position) if before.position else None
    if (last.stored.hash if last else GENESIS_HASH) != before.last_hash:
        raise PlatformError(
            f"The event at position {before.position:,} is not the one that the backup {name} has there.",
            "Find out what happened with `carbon254 audit verify`; keep this backup, and make another elsewhere.",
        )


def _untold(done: int, of: int) -> None:
    """For what takes no time."""
