"""Taking a backup apart: each file is held against its hash, and what is damaged is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from infra.backup_format import EVENTS, LISTS, OBJECTS, SEALS, DamagedBackup, Manifest
from infra.backup_place import BackupPlace
from infra.backup_writing import COPIES_AT_ONCE, Report
from infra.event_mapper import GENESIS_HASH, LoggedEvent
from infra.objects import Objects
from infra.receiving import PAGE, Progress
from infra.recorder import StoredRow, read_recorded_at
from infra.seals import Seals


@dataclass(frozen=True)
class UpTo:
    """Where a restore ends: at a position, or with the last event before the first that was recorded later."""

    position: int
    moment: datetime | None = None

    def has(self, row: StoredRow) -> bool:
        if row[0] > self.position:
            return False
        recorded_at = read_recorded_at(row[4]).recorded_at if self.moment else None
        return recorded_at is None or self.moment is None or recorded_at <= self.moment


@dataclass(frozen=True)
class Checked:
    """What a backup holds, every byte of it read and found right."""

    backup: str
    made_at: datetime
    position: int
    events: int
    seals: int
    objects: int
    has_keys: bool


def event_pages(place: BackupPlace, manifest: Manifest, after: int, up_to: UpTo) -> Iterator[list[StoredRow]]:
    """The events behind a position, in pages. Raises DamagedBackup."""
    for rows in place.rows(manifest, EVENTS, after):
        stored: list[StoredRow] = [(row[0], UUID(bytes=row[1]), *row[2:]) for row in rows]
        wanted = stored if up_to.moment is None and stored[-1][0] <= up_to.position else _until(stored, up_to)
        for start in range(0, len(wanted), PAGE):
            yield wanted[start : start + PAGE]
        if len(wanted) < len(stored):
            return


def _until(rows: list[StoredRow], up_to: UpTo) -> list[StoredRow]:
    return rows[: next((i for i, row in enumerate(rows) if not up_to.has(row)), len(rows))]


def restore_seals(place: BackupPlace, manifest: Manifest, seals: Seals, through: int) -> None:
    """Brings back the seals that vouch for the first `through` events; later ones vouch for what is not there."""
    follows = 0
    for rows in place.rows(manifest, SEALS):
        for last_ordinal, name, content in rows:
            if last_ordinal <= through:
                seals.take_copy(name, content, follows)
                follows = last_ordinal


def restore_objects(place: BackupPlace, manifest: Manifest, objects: Objects, told: Progress) -> int:
    """Brings back every object, checked; what is there already stays. Raises DamagedBackup."""

    def take(path: str) -> None:
        objects.take_copy(path, _object(place, path))

    return _each_object(place, manifest, take, told)


def check_backup(place: BackupPlace, report: Report) -> Checked:
    """Reads everything. Raises DamagedBackup at the first file that is missing or was changed."""
    manifest = place.demand_manifest()
    told, events, last_hash = report("events"), 0, GENESIS_HASH
    for page in event_pages(place, manifest, 0, UpTo(manifest.position)):
        events += len(page)
        _, stream, version, name, metadata, payload = page[-1]
        last_hash = LoggedEvent(stream, version, name, payload, metadata=metadata).hash
        told(events, manifest.events)
    demand_end(place, manifest, events, last_hash)
    for _ in place.rows(manifest, SEALS):
        pass
    objects = _each_object(place, manifest, lambda path: len(_object(place, path)), report("objects"))
    return Checked(
        place.name, manifest.made_at, manifest.position, events, manifest.rows_of(SEALS), objects, manifest.has_keys
    )


def demand_end(place: BackupPlace, manifest: Manifest, events: int, last_hash: str) -> None:
    """Raises DamagedBackup where its events are not as many as it says, or end in another one."""
    if events != manifest.events:
        raise DamagedBackup(place.name, f"it has {events:,} events and should have {manifest.events:,}")
    if last_hash != manifest.last_hash:
        what = f"the event at position {manifest.position:,} is not the one that it should end in"
        raise DamagedBackup(place.name, what)


def _each_object(place: BackupPlace, manifest: Manifest, work: Callable[[str], object], told: Progress) -> int:
    of, done = manifest.rows_of(LISTS), 0
    with ThreadPoolExecutor(COPIES_AT_ONCE, thread_name_prefix="restore") as threads:
        for rows in place.rows(manifest, LISTS):
            for _ in threads.map(work, [path for _, path in rows]):
                done += 1
                told(done, of)
    return done


def _object(place: BackupPlace, path: str) -> bytes:
    content = place.read_or_none(f"{OBJECTS}/{path}")
    if content is None:
        raise DamagedBackup(place.name, f"{OBJECTS}/{path} is missing")
    key = path.rpartition("/")[2]
    if not path.startswith("claims/") and Objects.key(content) != key:
        raise DamagedBackup(place.name, f"{OBJECTS}/{path} was changed")
    return content
