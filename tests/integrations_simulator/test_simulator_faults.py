"""What the platform makes of each fault: over HTTP on loopback, through the real fetcher and the real connectors.

Each test also compares with the simulator's journal that this fault was injected, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from api.cli.connection import Connection
from api.platform import Platform
from commands.feeds import FeedRun
from commands.polling import next_poll
from integrations.isos.simulator.server import SimulatorServer
from tests.integrations_simulator.markets import Fetching, SteppedClock, world

pytestmark = pytest.mark.enable_socket

DAY_AHEAD, REAL_TIME, PJM = "miso/da_expost_lmp", "miso/rt_five_min_lmp", "pjm/rt_unverified_fivemin_lmps"
DAY = timedelta(days=1)
# No test looks further than 20 days ahead, and none meets what another one ingested.
DAYS_OF_A_CALL = timedelta(days=23)
_calls = count()

Start = Callable[..., tuple[Fetching, SimulatorServer]]


@pytest.fixture
def start(platform: Platform) -> Iterator[Start]:
    """Simulated markets with faults, and feeds that ask them; each call on days of its own."""
    with ExitStack() as servers:

        def opened(
            *faults: str, at: datetime | None = None, patience_s: float = 300.0
        ) -> tuple[Fetching, SimulatorServer]:
            clock = SteppedClock(at or datetime(2024, 1, 1, 18, 2, tzinfo=UTC) + next(_calls) * DAYS_OF_A_CALL)
            server = servers.enter_context(SimulatorServer(world(clock, *faults)))
            fetching = Fetching.of(platform, clock, base_urls=server.base_urls, patience_s=patience_s)
            servers.callback(fetching.feeds.close)
            return fetching, server

        yield opened


def injected(server: SimulatorServer) -> list[str]:
    return [fault["kind"] for fault in server.faults()]


def one_day(fetching: Fetching) -> FeedRun:
    """Yesterday's day-ahead report."""
    midnight = fetching.clock.now().replace(hour=5, minute=0, second=0)
    return fetching.run(DAY_AHEAD, midnight - DAY, midnight)


@pytest.mark.parametrize(
    ("kind", "seen", "waits_s"),
    [("too_many", "too_many_requests", 10), ("unavailable", "server_error", 5), ("error_page", "error_page", 0)],
)
def test_what_is_no_answer_is_asked_for_again_and_noted(start: Start, kind: str, seen: str, waits_s: int) -> None:
    fetching, server = start(f"{kind}:miso-reports/*:2")
    began = fetching.clock.now()
    run = one_day(fetching)
    assert (run.fetched, run.publications, run.failed) == (1, 1, [])
    assert [trouble["kind"] for trouble in run.troubles] == [seen] * 2
    assert injected(server) == [kind] * 2
    if kind == "too_many":  # as long as Retry-After says
        assert fetching.clock.now() - began >= 2 * timedelta(seconds=waits_s)


def test_a_source_that_stays_down_is_a_failure_with_its_reason(start: Start) -> None:
    fetching, server = start("unavailable:miso-reports/*:5")
    run = one_day(fetching)
    assert (run.fetched, len(run.failed), len(run.troubles)) == (0, 1, 5)
    assert "the source answered 503" in run.failed[0]["reason"]
    assert injected(server) == ["unavailable"] * 5
    fetching.clock.wait(60)  # the breaker has opened, and closes again
    assert one_day(fetching).fetched == 1


def test_a_body_that_takes_for_ever_is_given_up_and_asked_for_again(start: Start) -> None:
    fetching, server = start("slow:miso-reports/*", patience_s=3.0)
    run = one_day(fetching)
    assert (run.fetched, run.publications) == (1, 1)
    assert [trouble["kind"] for trouble in run.troubles] == ["too_slow"]
    assert injected(server) == ["slow"]


def test_a_missing_file_is_named_and_fetched_once_it_is_there(start: Start) -> None:
    fetching, server = start("missing:miso-reports/*")
    fetching.clock.wait(3 * DAY.total_seconds())
    midnight = fetching.clock.now().replace(hour=5, minute=0, second=0)
    long_due = (midnight - 3 * DAY, midnight - 2 * DAY)
    first = fetching.run(DAY_AHEAD, *long_due)
    assert (first.fetched, first.awaited) == (0, 0)
    assert "answered 404" in first.failed[0]["reason"]
    assert fetching.run(DAY_AHEAD, *long_due).publications == 1
    assert injected(server) == ["missing"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [("truncated", ""), ("duplicated", "twice"), ("wrong_schema", "HE 12")],
)
def test_a_damaged_report_is_quarantined_and_taken_whole_next_time(
    start: Start, api: Connection, kind: str, said: str
) -> None:
    fetching, server = start(f"{kind}:miso-reports/*")
    first = one_day(fetching)
    assert (first.fetched, first.publications, first.quarantined) == (1, 0, 1)
    assert said in newest_defect(api)
    assert injected(server) == [kind]
    second = one_day(fetching)
    assert (second.fetched, second.publications, second.quarantined) == (1, 1, 0)
    assert one_day(fetching).unchanged == 1


@pytest.mark.parametrize("kind", ["truncated", "duplicated", "wrong_schema"])
@pytest.mark.parametrize(
    ("feed_id", "source"),
    [
        (REAL_TIME, "miso-public-api"), (PJM, "pjm_data_miner"), ("caiso/prc_intvl_lmp", "caiso-oasis"),
        ("ercot/sced_lmp", "ercot-mis"),
    ],
)  # fmt: skip
def test_damaged_prices_of_every_operator_are_quarantined_and_asked_for_again(
    start: Start, feed_id: str, source: str, kind: str
) -> None:
    fetching, server = start(f"{kind}:{source}/*")
    first = fetching.run(feed_id)
    assert first.quarantined == 1
    assert injected(server) == [kind]
    second = fetching.run(feed_id)
    assert second.quarantined == 0
    assert second.publications >= 1


def test_what_settles_at_once_is_not_settled_while_it_is_quarantined(start: Start) -> None:
    fetching, _ = start("truncated:miso-reports/*")
    fetching.clock.wait(30 * DAY.total_seconds())
    midnight = fetching.clock.now().replace(hour=5, minute=0, second=0)
    long_settled = (midnight - 20 * DAY, midnight - 19 * DAY)
    assert fetching.run(DAY_AHEAD, *long_settled).quarantined == 1
    assert fetching.run(DAY_AHEAD, *long_settled).publications == 1
    assert fetching.run(DAY_AHEAD, *long_settled).known == 1


def test_what_is_late_is_seen_as_late_and_comes_in_when_it_is_there(start: Start, api: Connection) -> None:
    fetching, server = start("late:miso-public-api/*Consolidated*")
    (definition,) = (feed for feed in fetching.feeds.definitions if feed.id == REAL_TIME)
    late = fetching.run(REAL_TIME)
    assert injected(server) == ["late"]
    now = fetching.clock.now()
    assert late.newest_interval_end_utc is not None
    assert now - late.newest_interval_end_utc > definition.freshness_target
    assert next_poll(definition, late, now) - now < definition.cadence / 2, "it is asked for again soon"
    fetching.clock.wait(600)
    in_time = fetching.run(REAL_TIME)
    assert in_time.newest_interval_end_utc is not None
    assert fetching.clock.now() - in_time.newest_interval_end_utc < timedelta(minutes=3)
    # The intervals that were never shown are gaps until the weekly file brings them.
    missed = in_time.newest_interval_end_utc - late.newest_interval_end_utc - timedelta(minutes=5)
    assert missed >= timedelta(minutes=10)


def test_restated_prices_become_another_version_and_win(start: Start, api: Connection) -> None:
    fetching, server = start("restated:miso-reports/*")
    first = one_day(fetching)
    asked = {"iso": "MISO", "market": "DA", "node": "INDIANA.HUB"}
    midnight = fetching.clock.now().replace(hour=5, minute=0, second=0)
    stretch = {"start": (midnight - DAY).isoformat(), "end": midnight.isoformat()}
    before = prices(api, **asked, **stretch)
    position = fetching.platform.log.head()
    again = one_day(fetching)
    assert (first.publications, again.publications, again.fetched) == (1, 1, 1)
    after = prices(api, **asked, **stretch)
    assert len(before) == len(after) == 24
    assert before != after
    assert prices(api, **asked, **stretch, as_of=str(position)) == before
    assert injected(server) == ["restated"]
    assert one_day(fetching).unchanged == 1, "restated prices stay"


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 8, 18, tzinfo=UTC), 23), (datetime(2026, 11, 1, 18, tzinfo=UTC), 25)]
)
def test_the_days_of_the_clock_change_have_all_their_hours(
    start: Start, api: Connection, day: datetime, hours: int
) -> None:
    fetching, server = start(at=day)
    midnight = day.replace(hour=5 if hours == 23 else 4)
    run = fetching.run("pjm/da_hrl_lmps", midnight, midnight + timedelta(hours=hours))
    assert (run.failed, run.quarantined) == ([], 0)
    found = prices(
        api, iso="PJM", market="DA", node="WESTERN HUB", start=midnight.isoformat(),
        end=(midnight + timedelta(hours=hours)).isoformat(),
    )  # fmt: skip
    assert len(found) == hours
    caiso = day.replace(hour=8 if hours == 23 else 7)
    run = fetching.run("caiso/prc_lmp", caiso, caiso + timedelta(hours=hours))
    assert (run.publications, run.failed, run.quarantined) == (1, [], 0)
    assert injected(server) == []


def prices(api: Connection, **asked: str) -> list[float]:
    return [row["lmp_usd_per_mwh"] for row in api.get("/v1/prices", **asked)]


def newest_defect(api: Connection) -> str:
    (newest,) = api.items("/v1/publications", status="quarantined", most=1)
    return str(newest["reason"])
