"""Backups: what is new is added, what is damaged is named, and what comes back is what was there."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from infra.backup_format import EVENTS, LISTS, SEALS, DamagedBackup, Kind, in_parts
from infra.backup_keys import decrypt_keys, encrypt_keys
from infra.backup_place import BackupPlace
from infra.backup_reading import UpTo, check_backup, event_pages, restore_objects, restore_seals
from infra.backup_writing import BackupMade, Source, make_backup
from infra.errors import PlatformError
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.log_verification import verify_log
from infra.objects import Objects
from infra.postgres_receiver import PostgresReceiver
from infra.receiving import receive_all
from infra.recorder import EventRecorder
from infra.sealing import Sealer
from infra.seals import Seals
from tests.infra.test_event_store import NOON, define
from tests.infra.test_receiving import databases, untold
from tests.plugins_log import SEAL_KEY

__all__ = ["databases"]

KEYS = {"seal-key": SEAL_KEY.hex(), "cursor-key": "c" * 64}


class Backed:
    """A log with seals and objects, and a place for its backup."""

    def __init__(self, log: EventLog, folder: Path) -> None:
        self.log, self.folder = log, folder / "backup"
        self.objects = Objects.in_folder(folder / "source-objects")
        self.seals = Seals(folder / "source-seals", SEAL_KEY)
        self.passphrase: str | None = "secret"

    def grow(self, streams: int) -> None:
        for number in range(streams):
            self.objects.put("rows", f"{self.log.count()} {number}".encode())
            define(self.log, events=1 + number % 3, recorded_at=NOON + timedelta(minutes=self.log.count()))
        Sealer(self.log, self.seals, lambda: datetime.now(UTC)).seal_pending()

    def source(self) -> Source:
        return Source(
            self.log, self.seals, self.objects, KEYS, self.passphrase, is_simulated=False, store="x", code_version="1"
        )

    def back_up(self) -> BackupMade:
        return make_backup(self.source(), BackupPlace.at(str(self.folder), made=True), NOON, lambda _: untold)

    @property
    def place(self) -> BackupPlace:
        return BackupPlace.at(str(self.folder))

    def files(self) -> set[str]:
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def backed(recorder: EventRecorder, tmp_path: Path) -> Backed:
    return Backed(EventLog(recorder), tmp_path)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few rows, so that there are many."""
    for kind, most in ((EVENTS, 10), (SEALS, 2), (LISTS, 5)):
        monkeypatch.setitem(kind.__dict__, "most_rows", most)


@pytest.mark.usefixtures("small_parts")
def test_what_is_new_is_added_and_all_of_it_comes_back(
    backed: Backed, databases: Callable[[], Pool], tmp_path: Path
) -> None:
    """Whatever store the log is on: its positions have gaps on one of them."""
    counts = []
    for streams in (3, 0, 9, 30, 1):
        backed.grow(streams)
        before = backed.files()
        made = backed.back_up()
        counts.append((made.new_events, made.new_objects))
        full = {file for file in before if file.startswith("objects/")}
        assert full <= backed.files()
        assert check_backup(backed.place, lambda _: untold).events == made.events == backed.log.count()
    assert counts == [(6, 3), (0, 0), (18, 9), (60, 30), (1, 1)]
    manifest = backed.place.demand_manifest()
    named = {part.file for parts in manifest.parts.values() for part in parts}
    assert named == {file for file in backed.files() if file.endswith(".parquet")}
    assert [part.rows for part in manifest.parts["events"]] == [10] * 8 + [5]

    pool = databases()
    receiver = PostgresReceiver(pool)
    receiver.begin(manifest.log_id)
    pages = event_pages(backed.place, manifest, 0, UpTo(manifest.position))
    assert receive_all(receiver, pages, 0, 0, untold) == 85
    receiver.end()
    restored = EventLog(PostgresRecorder(pool))
    assert restored.recorder.select_rows(0, 100) == backed.log.recorder.select_rows(0, 100)
    seals = Seals(tmp_path / "seals", SEAL_KEY)
    restore_seals(backed.place, manifest, seals, 85)
    found = verify_log(restored, seals)
    assert (found.difference, found.sealed_events, found.unsealed_events) == (None, 85, 0)
    objects = Objects.in_folder(tmp_path / "objects")
    for _ in range(2):
        assert restore_objects(backed.place, manifest, objects, untold) == 43
    assert set(objects.paths()) == set(backed.objects.paths())


@pytest.mark.usefixtures("small_parts")
def test_a_point_in_time_is_that_of_the_log(backed: Backed) -> None:
    backed.grow(20)
    made = backed.back_up()
    manifest = backed.place.demand_manifest()
    events = list(backed.log.read())

    def restored(up_to: UpTo) -> list[int]:
        return [row[0] for page in event_pages(backed.place, manifest, 0, up_to) for row in page]

    for event in events[::7]:
        assert restored(UpTo(event.position))[-1] == event.position
        moment = event.metadata.recorded_at
        position = backed.log.settled(backed.log.position_at(moment))
        assert restored(UpTo(2**63 - 1, moment)) == [e.position for e in events if e.position <= position]
    assert restored(UpTo(2**63 - 1, NOON - timedelta(days=1))) == []
    assert restored(UpTo(made.position)) == [event.position for event in events]


@pytest.mark.usefixtures("small_parts")
def test_whatever_is_damaged_or_missing_is_named(backed: Backed) -> None:
    backed.objects.claim("acme", backed.objects.put("raw", b"bytes"))
    backed.grow(20)
    backed.back_up()
    checked = sorted(backed.files() - {"keys.json"})
    assert any(file.startswith("objects/claims/") for file in checked)
    for name in checked:
        file = backed.folder / name
        content = file.read_bytes()
        if content:
            changed = bytearray(content)
            changed[len(content) // 2] ^= 1
            file.write_bytes(changed)
            with pytest.raises(DamagedBackup, match="backup.json" if name == "backup.json" else name):
                check_backup(backed.place, lambda _: untold)
        file.unlink()
        with pytest.raises(PlatformError, match="no backup" if name == "backup.json" else f"{name} is missing"):
            check_backup(backed.place, lambda _: untold)
        file.write_bytes(content)
    check_backup(backed.place, lambda _: untold)


def test_an_object_that_is_lost_keeps_nothing_else_from_being_backed_up(backed: Backed, tmp_path: Path) -> None:
    backed.grow(3)
    path = sorted(backed.objects.paths())[0]
    file = tmp_path / "source-objects" / path
    content = file.read_bytes()
    file.write_bytes(b"other bytes")
    made = backed.back_up()
    assert (made.unreadable, made.new_objects, made.events) == ([path], 2, 6)
    file.write_bytes(content)
    mended = backed.back_up()
    assert (mended.unreadable, mended.new_objects) == ([], 1)


def test_a_backup_that_breaks_off_leaves_the_one_before(backed: Backed, monkeypatch: pytest.MonkeyPatch) -> None:
    backed.grow(3)
    backed.back_up()
    backed.grow(5)

    def fails(*_: object) -> None:
        raise PlatformError("The disk is full", "Free some space.")

    with monkeypatch.context() as broken:
        broken.setattr(BackupPlace, "write_manifest", fails)
        with pytest.raises(PlatformError, match="disk is full"):
            backed.back_up()
    assert check_backup(backed.place, lambda _: untold).events == 6
    assert backed.back_up().events == check_backup(backed.place, lambda _: untold).events == backed.log.count()


def test_a_place_is_of_one_log_and_of_nothing_else(backed: Backed, log: EventLog, tmp_path: Path) -> None:
    backed.grow(2)
    backed.back_up()
    if backed.log.recorder.log_id() != log.recorder.log_id():
        other = Backed(log, tmp_path)
        with pytest.raises(PlatformError, match="another event log"):
            other.back_up()
    (backed.folder / "letter.txt").write_text("mine")
    with pytest.raises(PlatformError, match=r"holds other things than a backup: letter\.txt"):
        backed.back_up()
    with pytest.raises(PlatformError, match="names no place"):
        BackupPlace.at("backup")
    with pytest.raises(PlatformError, match="There is no backup"):
        BackupPlace.at(str(tmp_path / "nowhere"))


def test_a_log_that_went_another_way_is_not_added(backed: Backed, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a restore of the database alone: the position is there, but another event stands at it."""
    backed.grow(2)
    backed.back_up()
    backed.grow(1)
    actual = EventLog.at
    newer = backed.log.at(backed.log.head())
    before = backed.place.demand_manifest().position
    monkeypatch.setattr(EventLog, "at", lambda log, position: newer if position == before else actual(log, position))
    with pytest.raises(PlatformError, match="is not the one that the backup"):
        backed.back_up()


def test_keys_are_opened_by_their_passphrase_alone(backed: Backed) -> None:
    box = encrypt_keys(KEYS, "secret")
    assert decrypt_keys(box, "secret") == KEYS
    assert KEYS["seal-key"].encode() not in box
    for content, passphrase in ((box, "Secret"), (box[:-9], "secret")):
        with pytest.raises(PlatformError, match="cannot be opened"):
            decrypt_keys(content, passphrase)
    backed.passphrase = None
    assert not backed.back_up().has_keys
    assert "keys.json" not in backed.files()


def test_parts_are_bounded_in_rows_and_bytes() -> None:
    kind = Kind("x", EVENTS.schema, most_rows=3, most_bytes=10)
    rows = [(number, b"12345") for number in range(8)]
    assert [(len(part), is_full) for part, is_full in in_parts(kind, rows)] == [(2, True)] * 4
    assert [(len(part), is_full) for part, is_full in in_parts(kind, [(i, b"") for i in range(4)])] == [
        (3, True),
        (1, False),
    ]


@pytest.mark.enable_socket
@pytest.mark.usefixtures("small_parts")
def test_a_bucket_is_as_good_as_a_folder(backed: Backed) -> None:
    address = os.environ.get("TEST_OBJECTS")
    if not address:
        pytest.skip("no S3 service: TEST_OBJECTS is not set")
    place = BackupPlace.at(f"{address}/{uuid4()}")
    with pytest.raises(PlatformError, match="There is no backup"):
        place.demand_manifest()
    for streams, events in ((9, 18), (1, 19)):
        backed.grow(streams)
        assert make_backup(backed.source(), place, NOON, lambda _: untold).events == events
        assert check_backup(place, lambda _: untold).events == events
    manifest = place.demand_manifest()
    restored = [row for page in event_pages(place, manifest, 0, UpTo(manifest.position)) for row in page]
    assert restored == backed.log.recorder.select_rows(0, 100)
    place.demand_ours()
    place.write(manifest.parts["events"][0].file, b"other bytes")
    with pytest.raises(DamagedBackup, match="events/"):
        check_backup(place, lambda _: untold)
