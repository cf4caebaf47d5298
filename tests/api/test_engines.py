"""What one of many processes needs: every missing setting is named; seals that lie among the objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from api.engines import _SHORTLY_USED, Closers, join_engines, own_engines
from api.platform import Duties, Platform
from api.wiring import _held_connections
from commands.polling import ALL, SourceThreads, chosen_feeds
from infra.clickhouse import ClickHouse
from infra.errors import PlatformError
from infra.event_store import EventLog
from infra.log_verification import verify_log
from infra.objects import Objects
from infra.seal_files import SealedElsewhere, SealObjects
from infra.sealing import Sealer
from infra.seals import BrokenSeal, Seals, public_key_of, sealed_event
from infra.settings import Settings
from tests.infra.test_event_store import define

SEAL_KEY = bytes(range(32))
WHOLE: Mapping[str, Any] = {
    "database_url": "postgresql://nobody@127.0.0.1:9/none",
    "clickhouse_dsn": "clickhouse://nobody@127.0.0.1:9/default",
    "objects": "s3://bucket",
    "oidc_issuer": "https://identity.example.com",
    "oidc_audience": "carbon254",
    "cursor_key": "0" * 64,
    "seal_public_key": public_key_of(SEAL_KEY),
}


def join(changes: Mapping[str, Any], *, seals: bool = False) -> None:
    join_engines(Settings(**{**WHOLE, **changes}), lambda: datetime.now(UTC), [], seals=seals)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("database_url", "DATABASE_URL"),
        ("clickhouse_dsn", "CLICKHOUSE_DSN"),
        ("objects", "CARBON254_OBJECTS"),
        ("oidc_issuer", "CARBON254_OIDC_ISSUER"),
        ("cursor_key", "CARBON254_CURSOR_KEY"),
        ("seal_public_key", "CARBON254_SEAL_PUBLIC_KEY"),
    ],
)
def test_the_setting_that_is_missing_is_named(setting: str, named: str) -> None:
    with pytest.raises(PlatformError, match=f"Not set: {named}\\. "):
        join({setting: None})


def test_who_seals_needs_the_key_that_seals() -> None:
    with pytest.raises(PlatformError, match=r"Not set: CARBON254_SEAL_KEY\. "):
        join({}, seals=True)


def test_a_cluster_needs_one_of_its_hosts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", clickhouse_cluster="c254")
    with pytest.raises(PlatformError, match="CLICKHOUSE_CLUSTER is set, and CLICKHOUSE_DSN is not"):
        own_engines(settings, lambda: datetime.now(UTC), [], is_simulated=False)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("given", ["prices`eu", "a b", "'", "{cluster}", "1a", "a" * 101])
def test_a_cluster_is_named_as_servers_name_it(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("CLICKHOUSE_CLUSTER", "prices-eu_1")
    assert Settings().clickhouse_cluster == "prices-eu_1"
    monkeypatch.setenv("CLICKHOUSE_CLUSTER", given)
    with pytest.raises(ValueError, match="letters, digits, _ and -"):
        Settings()


def test_a_key_that_is_none_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits") as error:
        Settings(cursor_key=SecretStr("0" * 63))
    assert "0" * 63 not in str(error.value)


@pytest.mark.enable_socket
def test_what_duties_hold_is_not_taken_from_who_asks(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClickHouse, "server", lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(Objects, "in_s3", lambda _: Objects.in_folder(tmp_path))
    closers: Closers = []
    engines = join_engines(Settings(**{**WHOLE, "database_url": dsn}), lambda: datetime.now(UTC), closers, held=9)
    with ExitStack() as stack:
        for close in closers:
            stack.callback(close)
        for _ in range(9 + 12):
            stack.enter_context(engines.pool.connection())


def test_a_worker_that_fetches_holds_a_connection_for_each_thread(platform: Platform) -> None:
    feeds = platform.feeds
    poller = SourceThreads(feeds, platform.bus.tools, platform.bus.dispatch, chosen_feeds(feeds, [ALL]), platform.clock)
    assert _held_connections(Duties(feeds=True)) == len(poller._threads)
    assert _held_connections(Duties(curves=True)) == 1
    assert _held_connections(Duties(seals=True)) == 0


def test_the_page_tells_how_many_connections_a_process_has() -> None:
    """Besides those of the pool, one says that it has joined, and one holds its claims."""
    least = _SHORTLY_USED + 2
    most = least + _held_connections(Duties(feeds=True, seals=True, curves=True))
    page = (Path(__file__).parents[2] / "docs" / "operations" / "processes.md").read_text()
    assert f"Up to {least} connections a process, {most} a worker with all queues" in page


@pytest.fixture
def stored(tmp_path: Path) -> Objects:
    return Objects.in_folder(tmp_path / "objects")


def reader_of(objects: Objects) -> Seals:
    return Seals(SealObjects(objects), None, bytes.fromhex(public_key_of(SEAL_KEY)))


def test_one_seals_and_others_verify_with_the_public_key(log: EventLog, stored: Objects) -> None:
    worker, gateway = Seals(SealObjects(stored), SEAL_KEY), reader_of(stored)
    assert gateway.newest() is None
    for _ in range(2):
        define(log, events=3)
        assert Sealer(log, worker, lambda: datetime.now(UTC)).seal_pending() == 3
        gateway.newest()  # remembered, and not taken for the newest for ever
    newest = gateway.newest()
    assert newest
    assert newest.seal.last_ordinal == log.count()
    found = verify_log(log, gateway)
    assert (found.difference, found.sealed_events, found.seals) == (None, 6, 2)
    content = gateway.content(newest.sha256)
    assert content
    assert gateway.kept(content) == newest


def test_another_worker_goes_on_where_the_first_ended(log: EventLog, stored: Objects) -> None:
    for _ in range(3):
        define(log, events=2)
        Sealer(log, Seals(SealObjects(stored), SEAL_KEY), lambda: datetime.now(UTC)).seal_pending()
    assert [stored.seal.last_ordinal for stored in reader_of(stored).chain()] == [2, 4, 6]


def test_a_seal_that_is_taken_away_is_missed(log: EventLog, stored: Objects, tmp_path: Path) -> None:
    worker, gateway = Seals(SealObjects(stored), SEAL_KEY), reader_of(stored)
    for _ in range(2):
        define(log, events=2)
        Sealer(log, worker, lambda: datetime.now(UTC)).seal_pending()
    first, second = sorted((tmp_path / "objects" / "seals").iterdir())
    first.unlink()
    assert verify_log(log, gateway).difference is not None
    second.unlink()
    assert gateway.newest() is None


def test_two_that_both_think_they_seal_do_not_fork_the_chain(log: EventLog, stored: Objects) -> None:
    """The second had looked for the newest seal before the first one made its own."""
    first, second = Seals(SealObjects(stored), SEAL_KEY), Seals(SealObjects(stored), SEAL_KEY)
    define(log, events=2)
    late = [sealed_event(event) for event in log.stored_after(0, 10)]
    define(log, events=1)
    Sealer(log, first, lambda: datetime.now(UTC)).seal_pending()
    second._files = Unknowing(SealObjects(stored))
    with pytest.raises(SealedElsewhere, match="What follows event 0"):
        second.append(1, late, datetime.now(UTC))
    second._files = SealObjects(stored)
    define(log, events=1)
    Sealer(log, second, lambda: datetime.now(UTC)).seal_pending()
    found = verify_log(log, reader_of(stored))
    assert (found.difference, found.seals, found.unsealed_events) == (None, 2, 0)


def test_one_that_dies_between_is_completed(log: EventLog, stored: Objects, tmp_path: Path) -> None:
    """What follows is settled, but its seal was never written."""
    define(log, events=2)
    Sealer(log, Seals(SealObjects(stored), SEAL_KEY), lambda: datetime.now(UTC)).seal_pending()
    (seal,) = (tmp_path / "objects" / "seals").iterdir()
    seal.unlink()
    later = Sealer(log, Seals(SealObjects(stored), SEAL_KEY), lambda: datetime.now(UTC))
    define(log, events=1)
    with pytest.raises(SealedElsewhere):
        later.seal_pending()
    assert later.seal_pending() == 1
    assert [each.seal.last_ordinal for each in reader_of(stored).chain()] == [2, 3]


class Unknowing(SealObjects):
    """Has not heard of any seal yet."""

    def __init__(self, files: SealObjects) -> None:
        super().__init__(files._objects)

    def newest(self, known: str | None) -> str | None:
        return None


def test_a_file_is_never_written_over(stored: Objects) -> None:
    assert stored.settle_file("seals/a", b"one") == b"one"
    assert stored.settle_file("seals/a", b"two") == b"one"
    assert stored.read_file("seals/a") == b"one"


def test_what_follows_a_seal_is_all_that_is_listed(log: EventLog, stored: Objects) -> None:
    listed: list[str | None] = []

    class Listed(SealObjects):
        def names(self, after: int = 0) -> Sequence[str]:
            found = super().names(after)
            listed.extend(found)
            return found

    seals = Seals(Listed(stored), SEAL_KEY)
    for _ in range(3):
        define(log, events=2)
        Sealer(log, seals, lambda: datetime.now(UTC)).seal_pending()
    listed.clear()
    assert [each.seal.last_ordinal for each in seals.newest_first()] == [6, 4, 2]
    assert listed == []
    assert [last for last, _, _ in seals.files(after=2, through=4)] == [4]
    assert len(listed) == 2
    found = seals.event(5)
    assert found == sealed_event(log.stored_after(4, 1)[0])
    assert len(listed) == 3
    assert seals.event(7) is None


def test_the_list_backwards_tells_of_a_seal_that_is_gone(log: EventLog, stored: Objects, tmp_path: Path) -> None:
    seals = Seals(SealObjects(stored), SEAL_KEY)
    for _ in range(3):
        define(log, events=1)
        Sealer(log, seals, lambda: datetime.now(UTC)).seal_pending()
    sorted((tmp_path / "objects" / "seals").iterdir())[1].unlink()
    backwards = seals.newest_first()
    assert next(backwards).seal.last_ordinal == 3
    with pytest.raises(BrokenSeal, match="no longer there"):
        next(backwards)
