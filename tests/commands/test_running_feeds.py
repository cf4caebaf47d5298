"""Feeds of a platform: one run of a feed at a time, failures on show, and an end that waits for no pace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import pytest

from api.platform import Platform
from commands.feeds import FeedRun
from commands.running_feeds import MOST_MADE_UP, FeedError, Feeds, Stopped, Stopping
from integrations.isos.feeds import AgedOut, Feed, Request, Source
from integrations.isos.http import Fetcher
from queries.feeds import newest_interval_end_utc
from tests.commands.test_bus import caller
from tests.commands.test_feeds import FIRST, daily, feed, midnight
from tests.e2e.market_files import miso_text


def serve(request: httpx2.Request) -> httpx2.Response:
    day = datetime.strptime(request.url.path.strip("/")[:8], "%Y%m%d").date()
    return httpx2.Response(200, text=miso_text("da_expost_lmp", {f"N{request.url.host}": [20] * 24}, day))


def feeds_of(
    wanted: Feed,
    answer: Callable[[httpx2.Request], httpx2.Response] = serve,
    newest: Callable[[str], datetime | None] = lambda _: None,
) -> Feeds:
    stopping = Stopping()
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return Feeds({wanted.id: wanted}, Fetcher(client, sleep=stopping.sleep), stopping, newest)


def run(platform: Platform, feeds: Feeds, wanted: Feed, progress: Any = lambda _, __: None) -> FeedRun:
    return feeds.run(
        wanted.id,
        midnight(FIRST),
        midnight(FIRST) + timedelta(days=3),
        tools=platform.bus.tools,
        dispatch=platform.bus.dispatch,
        caller=caller(),
        progress=progress,
    )


def test_two_runs_of_a_feed_at_once_are_refused(platform: Platform) -> None:
    wanted = feed()
    feeds = feeds_of(wanted)
    refused = []

    def meanwhile(done: FeedRun, _: int) -> None:
        if done.requests == 1:
            with pytest.raises(FeedError, match="is being run already") as error:
                run(platform, feeds, wanted)
            refused.append(error)

    assert run(platform, feeds, wanted, meanwhile).fetched == 3
    assert len(refused) == 1
    assert run(platform, feeds, wanted).known == 3


def test_closing_ends_a_run_that_waits_for_its_turn_and_the_next_goes_on(platform: Platform) -> None:
    wanted = feed(source=Source("slow", "http://slow.test", 600.0))
    feeds, ended = feeds_of(wanted), []

    first_done = threading.Event()

    def running() -> None:
        with pytest.raises(Stopped):
            run(platform, feeds, wanted, lambda *_: first_done.set())
        ended.append(True)

    thread = threading.Thread(target=running)
    thread.start()
    assert first_done.wait(60)
    thread.join(0.5)
    assert thread.is_alive(), "it waits for its turn"
    feeds.close()
    thread.join(60)  # a tenth of what it would have waited
    assert ended
    assert run(platform, feeds_of(feed_again := quick(wanted)), feed_again).known == 1


def quick(wanted: Feed) -> Feed:
    return feed(name=wanted.name, source=Source("quick", "http://slow.test", 0.0))


def test_failures_are_on_show_until_a_run_goes_well(platform: Platform) -> None:
    wanted, down = feed(), [True]

    def failing(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(403) if down[0] else serve(request)

    feeds = feeds_of(wanted, failing)
    run(platform, feeds, wanted)
    first = feeds.state(wanted.id)
    run(platform, feeds, wanted)
    second = feeds.state(wanted.id)
    assert first.failing_since == second.failing_since is not None
    assert "answered 403" in (second.last_failure or "")
    down[0] = False
    run(platform, feeds, wanted)
    assert feeds.state(wanted.id).failing_since is None


def test_a_stretch_that_the_source_no_longer_serves_is_refused(platform: Platform) -> None:
    def aged(*_: object) -> Any:
        raise AgedOut("it serves four days")

    wanted = feed(plan=aged)
    with pytest.raises(FeedError, match="it serves four days"):
        run(platform, feeds_of(wanted), wanted)


def test_what_need_not_be_there_yet_is_awaited(platform: Platform) -> None:
    now = platform.bus.tools.now()
    late, early = midnight(now.date() - timedelta(days=9)), midnight(now.date() - timedelta(days=1))
    wanted = feed(freshness_target=timedelta(days=4))
    feeds = feeds_of(wanted, lambda _: httpx2.Response(404))
    found = feeds.run(
        wanted.id, late, late + timedelta(days=1), tools=platform.bus.tools, dispatch=platform.bus.dispatch,
        caller=caller(), progress=lambda _, __: None,
    )  # fmt: skip
    assert (found.awaited, len(found.failed)) == (0, 1)
    found = feeds.run(
        wanted.id, early, early + timedelta(days=1), tools=platform.bus.tools, dispatch=platform.bus.dispatch,
        caller=caller(), progress=lambda _, __: None,
    )  # fmt: skip
    assert (found.awaited, found.failed) == (1, [])


def test_the_recent_stretch_is_bounded() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    often = feed(market="RT5", cadence=timedelta(minutes=5), settled_after=timedelta(days=7))
    rarely = feed(cadence=timedelta(days=1), settled_after=timedelta(days=7))
    assert feeds_of(often).recent(often.id, now) == (now - timedelta(hours=1), now)
    # What is cleared for tomorrow is already out.
    assert feeds_of(rarely).recent(rarely.id, now) == (now - timedelta(days=7), now + timedelta(days=1))


def test_what_was_missed_while_no_server_ran_is_made_up(platform: Platform) -> None:
    """Three days are on record; the next server, which remembers nothing, begins a day and a half after them.

    The feed is day-ahead, so that it is asked for tomorrow, too.
    """
    wanted = feed(plan=plan_days, cadence=timedelta(minutes=5), settled_after=timedelta(minutes=5))
    run(platform, feeds_of(wanted), wanted)
    platform.settled_position()
    restarted = feeds_of(wanted, newest=partial(newest_interval_end_utc, platform.pool))
    ends = midnight(FIRST) + timedelta(days=3)
    now = ends + timedelta(days=1.5)
    start_utc, end_utc = restarted.recent(wanted.id, now)
    assert (start_utc, end_utc) == (ends - timedelta(minutes=5), now + timedelta(days=1))
    made_up = restarted.run(
        wanted.id, start_utc, now, tools=platform.bus.tools, dispatch=platform.bus.dispatch, caller=caller(),
        progress=lambda _, __: None,
    )  # fmt: skip
    assert (made_up.known, made_up.fetched, made_up.failed) == (1, 2, [])


def plan_days(start_utc: datetime, end_utc: datetime, _: datetime) -> list[Request]:
    """All market days that the stretch touches."""
    first = (start_utc - timedelta(hours=5)).date()
    days = ((end_utc - timedelta(hours=5, microseconds=1)).date() - first).days
    return [daily(first + timedelta(days=day)) for day in range(days + 1)]


def test_how_far_back_is_made_up_has_bounds() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    def kept_two_days(start_utc: datetime, _: datetime, now_utc: datetime) -> list[Request]:
        if start_utc < now_utc - timedelta(days=2):
            raise AgedOut("it is kept for two days")
        return []

    def since(last: datetime, **changes: object) -> timedelta:
        wanted = feed(cadence=timedelta(hours=1), settled_after=timedelta(hours=1), **changes)
        return now - feeds_of(wanted, newest=lambda _: last).recent(wanted.id, now)[0]

    hour = timedelta(hours=1)
    assert since(now - timedelta(days=3)) == timedelta(days=3) + hour
    assert since(now - timedelta(days=400)) == MOST_MADE_UP + hour
    assert since(now + timedelta(days=1)) == hour, "a forecast reaches beyond now"
    assert hour <= since(now - timedelta(days=3), plan=kept_two_days) <= timedelta(days=2)
    assert since(now - timedelta(days=3), plan=kept_two_days) > timedelta(days=1)


def test_the_registry_sums_up_what_was_fetched_and_a_rebuild_says_the_same(platform: Platform) -> None:
    wanted, day = feed(settled_after=timedelta(days=100_000)), [20]

    def changing(request: httpx2.Request) -> httpx2.Response:
        text = serve(request).text.replace(",20", f",{day[0]}")
        return httpx2.Response(200, text=text)

    feeds = feeds_of(wanted, changing)
    run(platform, feeds, wanted)
    day[0] = 31
    run(platform, feeds, wanted)
    platform.settled_position()
    with platform.pool.connection() as connection:
        rows = connection.execute(
            "SELECT requests, bytes_fetched, newest_interval_end_utc FROM source_registry WHERE feed = %s", [wanted.id]
        ).fetchall()
        answers = connection.execute("SELECT answers FROM feed_fetch WHERE feed = %s", [wanted.id]).fetchall()
    ((requests, size_bytes, newest),) = rows
    assert (requests, newest) == (3, midnight(FIRST) + timedelta(days=3))
    assert size_bytes > 3 * 2 * 100
    assert answers == [(2,), (2,), (2,)]
    feeds_projection = [p for p in platform.relational.projections if p.name == "feeds"]
    assert platform.relational.verify(feeds_projection, lambda _, __: None) == {"feeds": []}
