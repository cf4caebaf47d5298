"""Restores and moves that break off at any stage: nothing can be opened half-way, and the same order goes on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.log_moves import move_log
from api.restores import Wanted, restore_backup
from infra.backup_place import BackupPlace
from infra.backup_writing import Source, make_backup
from infra.data_folder import DataFolder
from infra.errors import DataFolderError, PlatformError, UnusableLog
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.kurrent_client import open_kurrent
from infra.kurrent_recorder import KurrentRecorder
from infra.log_verification import verify_log
from infra.objects import Objects
from infra.sealing import Sealer
from infra.seals import Seals
from infra.settings import Settings
from tests.infra.test_event_store import define
from tests.infra.test_receiving import databases, untold
from tests.services.kurrentdb import KurrentStandIn

__all__ = ["databases"]
Progress = Callable[[int, int], None]


class Cut(Exception):
    """What ends the work, as a kill would, at the first thing that is told of a stage."""


def cutting(stage: str) -> Callable[[str], Progress]:
    def report(name: str) -> Progress:
        def told(done: int, of: int) -> None:
            if name == stage:
                raise Cut(stage)

        return told

    return report


@pytest.fixture
def home(tmp_path: Path, pool: Pool, log: EventLog) -> Path:
    """A data folder with its log: twelve sealed events and an object."""
    with DataFolder.open(tmp_path / "home") as folder:
        for events in (3, 1, 5, 3):
            define(log, events=events)
        folder.pair_with(log.recorder.log_id())
        Objects.in_folder(folder.objects).put("rows", b"rows")
        seals = Seals(folder.home / "seals", folder.ensure_seal_key())
        Sealer(log, seals, lambda: datetime.now(UTC)).seal_pending()
    return folder.home


def backed_up(home: Path, log: EventLog) -> BackupPlace:
    place = BackupPlace.at(str(home.parent / "backup"), made=True)
    with DataFolder.open(home) as folder:
        seals = Seals(home / "seals", folder.ensure_seal_key())
        source = Source(
            log, seals, Objects.in_folder(folder.objects), folder.keys(), None, is_simulated=True, store="x",
            code_version="1",
        )  # fmt: skip
        make_backup(source, place, datetime.now(UTC), lambda _: untold)
    return place


def test_without_the_seal_key_a_log_is_restored_and_sealed_anew(
    home: Path, log: EventLog, databases: Callable[[], Pool], tmp_path: Path
) -> None:
    place, pool, target = backed_up(home, log), databases(), tmp_path / "target"
    settings = Settings(home=target, database_url=pool.conninfo, eventstoredb_uri=None, objects=None)  # type: ignore[arg-type]
    with pytest.raises(PlatformError, match="The key that signed the seals"):
        restore_backup(settings, place, Wanted(), lambda _: untold)
    done = restore_backup(settings, place, Wanted(without_seals=True), lambda _: untold)
    assert (done.events, done.seals) == (12, 0)
    with DataFolder.open(target) as folder:
        assert folder.keys() != {}
        seals = Seals(target / "seals", folder.ensure_seal_key())
        restored = EventLog(PostgresRecorder(pool))
        assert verify_log(restored, seals).unsealed_events == 13
        assert Sealer(restored, seals, lambda: datetime.now(UTC)).seal_pending() == 13
        assert verify_log(restored, seals).difference is None


@pytest.mark.parametrize("stage", ["events", "objects", "verify"])
def test_a_restore_goes_on_where_it_broke_off(
    stage: str, home: Path, log: EventLog, databases: Callable[[], Pool], tmp_path: Path
) -> None:
    place = backed_up(home, log)
    pool, target = databases(), tmp_path / "target"
    settings = Settings(home=target, database_url=pool.conninfo, eventstoredb_uri=None, objects=None)  # type: ignore[arg-type]
    wanted = Wanted(keys=home)
    with pytest.raises(Cut):
        restore_backup(settings, place, wanted, cutting(stage))
    with pytest.raises(DataFolderError, match="is not whole"):
        DataFolder.open(target)
    if stage == "events":
        with pytest.raises(UnusableLog):
            PostgresRecorder(pool).log_id()
    with pytest.raises(PlatformError, match="another restore was begun"):
        restore_backup(settings, place, Wanted(to="3", keys=home), lambda _: untold)

    done = restore_backup(settings, place, wanted, lambda _: untold)
    assert (done.events, done.lost_events, done.objects) == (12, 0, 1)
    restored = EventLog(PostgresRecorder(pool))
    assert restored.recorder.select_rows(0, 12) == log.recorder.select_rows(0, 12)
    assert [event.name for event in restored.read(12)] == ["event_log.restored"]
    with DataFolder.open(target) as folder:
        assert folder.is_simulated
        found = verify_log(restored, Seals(target / "seals", folder.ensure_seal_key()))
        assert (found.difference, found.sealed_events) == (None, 12)
    with pytest.raises(DataFolderError, match="is not empty"):
        restore_backup(settings, place, wanted, lambda _: untold)


@pytest.mark.parametrize("stage", ["verify source", "copy", "compare", "verify target"])
def test_a_move_goes_on_where_it_broke_off(stage: str, home: Path, dsn: str, log: EventLog) -> None:
    store = KurrentStandIn()
    settings = Settings(home=home, database_url=dsn, eventstoredb_uri=None, objects=None)
    try:
        with pytest.raises(Cut):
            move_log(settings, dsn, store.uri, cutting(stage))
        log.recorder.log_id()  # it is still here
        if stage in ("copy", "compare"):
            client = open_kurrent(store.uri)
            with pytest.raises(UnusableLog):
                KurrentRecorder(client).log_id()
            client.close()
        moved = move_log(settings, dsn, store.uri, lambda _: untold)
        assert (moved.events, moved.position, moved.seals) == (12, 12, 1)
        assert "password" not in moved.source
        with pytest.raises(UnusableLog, match="moved away from here, to esdb://127"):
            log.recorder.log_id()
        client = open_kurrent(store.uri)
        target = EventLog(KurrentRecorder(client))
        assert target.recorder.select_rows(0, 12) == log.recorder.select_rows(0, 12)
        (told,) = [event.payload() for event in target.read(12)]
        assert (told["source"], told["target"]) == (moved.source, moved.target)
        assert told["extent"]["events"] == 12
        client.close()
    finally:
        store.stop()


def test_a_log_that_was_tampered_with_is_not_moved(home: Path, dsn: str, pool: Pool) -> None:
    with pool.connection() as connection:
        connection.execute("UPDATE log.events SET payload = '{}' WHERE position = 5")
    settings = Settings(home=home, database_url=dsn, eventstoredb_uri=None, objects=None)
    store = KurrentStandIn()
    try:
        with pytest.raises(PlatformError, match="does not agree with its seals: changed at position 5"):
            move_log(settings, dsn, store.uri, lambda _: untold)
        assert all(not record.stream.startswith("carbon254") for record in store.store.all)
    finally:
        store.stop()
