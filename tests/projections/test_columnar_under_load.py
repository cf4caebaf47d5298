"""A million prices are built anew while four clients read them in parts and new publications come in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import queries.prices
from api.cli.connection import Connection
from api.platform import Platform
from infra.canonical import to_parquet
from infra.event_store import Stream
from tests.plugins_clickhouse import tick_rows
from tests.projections.conftest import START, metadata
from write_model.publications import Publication, Reading, Source

PUBLICATIONS, NODES, HOURS = 100, 50, 204
ROWS = PUBLICATIONS * NODES * HOURS
READERS = 4


def publish(platform: Platform, rows: pa.Table) -> int:
    """Appends a publication; returns its position."""
    reading = Reading(
        iso="PJM", market="DA", feed="da_hrl_lmps", vintage="final", parser="test", parser_version=1,
        rows_sha256=platform.objects.put("rows", to_parquet(rows)), rows_digest="d", row_count=rows.num_rows,
        gaps_sha256=None, gap_count=0, first_interval_start_utc=START, last_interval_end_utc=START, published_at=None,
    )  # fmt: skip
    command = metadata()
    source = Source(("a" * 64,), ("f.csv",), "f.csv", 1, {})
    publication = Publication.ingest(command.command_id, source, reading)
    stream = platform.log.append(Stream(command.command_id, ()), publication.collect_events(), command)
    return stream.position


@pytest.fixture
def million(platform: Platform) -> int:
    """The position of the last of the publications that hold a million rows, all loaded, and all damaged since."""
    block = [f"NODE {i:02}" for i in range(NODES)]
    for number in range(PUBLICATIONS):
        position = publish(platform, tick_rows(block, START + number * timedelta(hours=HOURS), count=HOURS))
    platform.wait_for(position)
    platform.clickhouse.command(
        "ALTER TABLE ch.market_price_ticks UPDATE lmp_usd_per_mwh = 99 WHERE true SETTINGS mutations_sync = 2"
    )
    return position


class Reader(threading.Thread):
    """A client that asks for a quarter of the prices again and again, each answer in many parts."""

    def __init__(self, platform: Platform, position: int, quarter: int, done: threading.Event) -> None:
        super().__init__()
        self.answers: list[tuple[float, ...]] = []
        self.error: BaseException | None = None
        self._platform, self._done = platform, done
        hours = PUBLICATIONS * HOURS // READERS
        start = START + quarter * timedelta(hours=hours)
        self._question = {"iso": "PJM", "as_of": str(position), "format": "arrow", "start": start.isoformat(),
                          "end": (start + timedelta(hours=hours)).isoformat()}  # fmt: skip

    def run(self) -> None:
        connection = Connection.to_platform(self._platform)
        try:
            while not self._done.is_set():
                answer = connection.run(connection.request("GET", "/v1/prices", params=self._question)).content
                found = pa.ipc.open_stream(answer).read_all()
                assert found.num_rows == ROWS // READERS
                self.answers.append(tuple(sorted(pc.unique(found["lmp_usd_per_mwh"]).to_pylist())))
        except BaseException as error:
            self.error = error
        finally:
            connection.close()


def ingested(platform: Platform, done: threading.Event) -> Iterator[int]:
    """Publications of five new nodes, each restating the one before; yields the position of each once it is read."""
    while not done.is_set():
        position = publish(platform, tick_rows([f"NEW {i}" for i in range(5)], START, count=24, lmp_usd_per_mwh=31.0))
        platform.wait_for(position)
        yield position
        done.wait(0.1)


@pytest.mark.timeout(900)
def test_a_million_rows_are_built_anew_under_load(
    platform: Platform, api: Connection, million: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(queries.prices, "_ROWS_AT_ONCE", 50_000)
    done = threading.Event()
    new: list[int] = []
    ingesting = threading.Thread(target=lambda: new.extend(ingested(platform, done)))
    readers = [Reader(platform, million, quarter, done) for quarter in range(READERS)]
    ingesting.start()
    for reader in readers:
        # One after the other: FastAPI builds a route at its first request, and mutes the warnings of all threads.
        reader.start()
        while not (reader.answers or reader.error):
            time.sleep(0.05)
    known = len(new)
    started_at = time.monotonic()
    *_, last = api.lines("POST", "/v1/projections/prices/rebuild")
    took_s = time.monotonic() - started_at
    came_meanwhile = len(new) - known
    asked = [len(reader.answers) for reader in readers]
    while not all(
        reader.error or len(reader.answers) > before + 1 for reader, before in zip(readers, asked, strict=True)
    ):
        time.sleep(0.05)
    done.set()
    for thread in (*readers, ingesting):
        thread.join()

    assert [reader.error for reader in readers] == [None] * READERS
    for reader in readers:
        assert reader.answers[0] == (99.0,), "as the damaged table has it"
        assert reader.answers[-1] == (30.0,), "as the events have it"
        assert set(reader.answers) == {(99.0,), (30.0,)}, "and never some of each"
    assert last["items"][0]["position"] >= million
    assert came_meanwhile > 0, "ingest went on, and was read"
    assert platform.columnar.verify(platform.columnar.projections[0], platform.log, lambda *_: None) == []
    (stored,) = platform.clickhouse.query_arrow(
        "SELECT count() AS rows, uniqExact(node, interval_start_utc, log_position) AS distinct_rows,"
        " uniqExact(log_position) AS publications FROM ch.market_price_ticks"
    ).to_pylist()
    expected = ROWS + len(new) * 5 * 24
    assert stored == {"rows": expected, "distinct_rows": expected, "publications": PUBLICATIONS + len(new)}
    with capsys.disabled():
        reads = sum(len(reader.answers) for reader in readers)
        print(f"\n{ROWS:,} rows built anew in {took_s:.1f} s beside {READERS} readers ({reads} answers of"
              f" {ROWS // READERS:,} rows) and {came_meanwhile} publications that came meanwhile")  # fmt: skip
