"""Restoring a backup into an empty data folder, and an empty database where one is set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from api.log_moves import demand_clean
from api.log_stores import EMBEDDED, Databases, Store, opened, store_uri
from commands.event_logs import extent_of, record_restore
from infra.backup_format import KEYS, Manifest
from infra.backup_keys import decrypt_keys
from infra.backup_place import BackupPlace
from infra.backup_reading import UpTo, demand_end, event_pages, restore_objects, restore_seals
from infra.data_folder import KEY_FILES, SEAL_KEY, DataFolder
from infra.errors import PlatformError
from infra.event_store import EventLog
from infra.objects import Objects
from infra.receiving import NotEmpty, Progress, receive_all
from infra.seals import Seals
from infra.settings import Settings

Report = Callable[[str], Progress]


class RestoreUnderWay(msgspec.Struct, frozen=True):
    """What a folder that is being restored is marked with: of which log, how far, and the id that its log gets."""

    source_log_id: UUID
    to: str | None
    log_id: UUID


@dataclass(frozen=True)
class Wanted:
    """`to` is a position or a time as it was written; `keys` a folder with copies of the keys."""

    to: str | None = None
    up_to: UpTo | None = None
    keys: Path | None = None
    without_seals: bool = False


@dataclass(frozen=True)
class Restored:
    """What was restored; `lost_events` of the backup lie behind the point in time that was asked for."""

    backup: str
    backed_up_at: datetime
    position: int
    events: int
    lost_events: int
    seals: int
    objects: int


def restore_backup(settings: Settings, place: BackupPlace, wanted: Wanted, report: Report) -> Restored:
    """Brings back log, objects, seals and keys; interrupted, it goes on where it was. Read models are built later.

    Raises DamagedBackup, and PlatformError where anything is there already.
    """
    manifest = place.demand_manifest()
    up_to = wanted.up_to or UpTo(manifest.position)
    if up_to.moment is None and up_to.position > manifest.position:
        raise PlatformError(
            f"The backup {place.name} ends at position {manifest.position:,}, before {up_to.position:,}.",
            "Give an earlier one with --to, or none.",
        )
    if manifest.events and not next(event_pages(place, manifest, 0, up_to), []):
        raise PlatformError(f"Nothing of the backup {place.name} was recorded by then.", "Give a later --to, or none.")
    keys = _keys(settings, place, manifest, wanted)
    mark = _marked(settings.home, manifest, wanted)
    with ExitStack() as open_parts:
        folder = open_parts.enter_context(DataFolder.open(settings.home, restoring=True))
        folder.take_keys(keys)
        databases = Databases(folder, open_parts)
        databases.own(settings.database_url or EMBEDDED)
        store = open_parts.enter_context(opened(store_uri(settings), databases))
        log = _restore_log(store, place, manifest, mark, up_to, report("events"))
        objects = Objects.in_s3(settings.objects) if settings.objects else Objects.in_folder(folder.objects)
        objects_there = restore_objects(place, manifest, objects, report("objects"))
        extent = extent_of(log)
        seals = Seals(folder.home / "seals", folder.ensure_seal_key())
        if not wanted.without_seals:
            restore_seals(place, manifest, seals, extent.events)
        seals_there = demand_clean(log, seals, place.name, report("verify"))
        record_restore(
            log, settings.platform_tenant, backup=place.name, backed_up_at=manifest.made_at,
            source_log_id=manifest.log_id, extent=extent,
        )  # fmt: skip
        if manifest.is_simulated:
            folder.mark_simulated()
        folder.end_restore()
    lost = max(0, manifest.events - extent.events)
    return Restored(place.name, manifest.made_at, extent.position, extent.events, lost, seals_there, objects_there)


def _marked(home: Path, manifest: Manifest, wanted: Wanted) -> RestoreUnderWay:
    """The mark of the folder, made where there is none. Raises PlatformError where another restore was begun there."""
    text = DataFolder.restore_of(home)
    if text is None:
        mark = RestoreUnderWay(manifest.log_id, wanted.to, uuid4())
        DataFolder.begin_restore(home, msgspec.json.encode(mark).decode())
        return mark
    mark = msgspec.json.decode(text, type=RestoreUnderWay)
    if (mark.source_log_id, mark.to) != (manifest.log_id, wanted.to):
        begun = f"--to {mark.to}" if mark.to else "to its end"
        raise PlatformError(
            f"In {home} another restore was begun, of the log {mark.source_log_id} {begun}.",
            "Repeat that one as it was, or empty the folder (and the database) first.",
        )
    return mark


def _keys(settings: Settings, place: BackupPlace, manifest: Manifest, wanted: Wanted) -> dict[str, str]:
    """The keys for the folder: from a folder of copies, else from the backup. Raises PlatformError."""
    if wanted.keys:
        keys = {name: (wanted.keys / name).read_text("ascii") for name in KEY_FILES if (wanted.keys / name).exists()}
    else:
        passphrase, content = settings.backup_passphrase, place.read_or_none(KEYS)
        keys = decrypt_keys(content, passphrase.get_secret_value()) if passphrase and content else {}
    if wanted.without_seals:
        return keys
    if SEAL_KEY not in keys:
        first = "Set CARBON254_BACKUP_PASSPHRASE," if manifest.has_keys else "The backup has no keys:"
        raise PlatformError(
            f"The key that signed the seals of {place.name} is not known.",
            f"{first} name a folder with a copy of `{SEAL_KEY}` by --keys, or do without by --without-seals.",
        )
    return keys


def _restore_log(
    store: Store, place: BackupPlace, manifest: Manifest, mark: RestoreUnderWay, up_to: UpTo, told: Progress
) -> EventLog:
    """The log with the backup's events; one that a restore before this one has ended already is taken as it is."""
    try:
        come_to = store.receiver.begin(mark.log_id)
    except NotEmpty:
        if store.recorder().known_id() != mark.log_id:
            raise
        return EventLog(store.recorder())
    done = sum(len(page) for page in event_pages(place, manifest, 0, UpTo(come_to))) if come_to else 0
    receive_all(store.receiver, event_pages(place, manifest, come_to, up_to), done, manifest.events, told)
    store.receiver.end()
    log = EventLog(store.recorder())
    if up_to == UpTo(manifest.position):
        extent = extent_of(log)
        demand_end(place, manifest, extent.events, extent.last_hash)
    return log
