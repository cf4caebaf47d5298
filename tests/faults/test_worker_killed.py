"""The process that fetches feeds is killed in the midst of a request: after its return nothing is missing or twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.e2e.market_files import miso_name, miso_text
from tests.e2e.on_engines import program_on_engines
from tests.e2e.operator_server import Operator, operator
from tests.e2e.program import Program, wait_until
from tests.faults.checks import long_or_short, nothing_lost_or_doubled
from tests.faults.conftest import Tell

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
FEED = "miso/da_expost_lmp"
FIRST = date(2026, 3, 10)
DAYS = [FIRST + timedelta(days=number) for number in range(long_or_short(24, 6))]
KILLS = long_or_short(8, 2)


def path_of(day: date) -> str:
    return f"/marketreports/{miso_name('da_expost_lmp', day)}"


@pytest.fixture
def miso() -> Iterator[Operator]:
    with operator() as serving:
        for day in DAYS:
            serving.files[path_of(day)] = miso_text("da_expost_lmp", {"INDIANA.HUB": [30] * 24}, day).encode()
        yield serving


def test_a_backfill_that_loses_its_server_again_and_again_ends_whole(
    tmp_path: Path, miso: Operator, tell: Tell
) -> None:
    """Each life is killed while a request of it is not answered yet, each time at a later day."""
    program = program_on_engines(
        tmp_path / "home", CARBON254_SOURCES=json.dumps({"miso-reports": f"{miso.address}/marketreports"})
    )
    stretch = ("--start", "2026-03-10T05:00Z", "--end", f"{DAYS[-1] + timedelta(days=1)}T05:00Z")
    for number in range(KILLS):
        kill_while_it_asks(program, miso, DAYS[(number + 1) * len(DAYS) // (KILLS + 1)], stretch)
    began_s = time.monotonic()
    with program.serve() as server:
        done = program.json("feeds", "backfill", FEED, *stretch)
        whole_s = time.monotonic() - began_s
        assert done["failed"] == []
        assert done["known"] + done["fetched"] == len(DAYS)
        nothing_lost_or_doubled(server, len(DAYS), of="publication.")
    asked = Counter(miso.asked)
    # Only what had no answer on record when the worker was killed is asked for again.
    assert sum(asked.values()) <= len(DAYS) + 2 * KILLS
    tell(
        f"{KILLS} kills while {len(DAYS)} days were fetched: {sum(asked.values())} requests, every day once; whole "
        f"{whole_s:.1f} s after the last start"
    )


def kill_while_it_asks(program: Program, miso: Operator, day: date, stretch: tuple[str, ...]) -> None:
    """A server that is killed when it has asked for a day and has no answer yet; whoever waits for it is told."""
    miso.held.add(path_of(day))
    with program.serve() as server:
        verb = program.start("feeds", "backfill", FEED, *stretch)
        wait_until(lambda: path_of(day) in miso.asked or verb.poll() is not None)
        assert verb.poll() is None, verb.communicate()
        server.kill()
        _, said = verb.communicate(timeout=120)
    assert "does not answer" in said
    miso.held.clear()
