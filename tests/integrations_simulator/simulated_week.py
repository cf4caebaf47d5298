"""A stretch of simulated market time with faults at a rate, as fast as it goes: what was injected, found, recovered.

Polls come when the platform's own poller would make them, and once a day somebody asks again in between, so that a
restatement can be seen: by the next poll there is a newer interval. MISO's five-minute prices are what is looked at:
the public API only has the newest interval, so what is missed there stays a gap until the weekly report brings it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

from api.platform import Platform
from commands.feeds import FeedRun
from commands.polling import next_poll
from integrations.isos import http
from integrations.isos.simulator.faults import HELD_BACK, Injected, Wanted
from integrations.isos.simulator.miso_answers import CONSOLIDATED_TABLE
from queries.publications import superseded_readings
from queries.quality import FeedToJudge, Quality, quality
from tests.integrations_simulator.markets import BASE, Fetching, SteppedClock, in_process, world

FEED, FINAL, STORED = "miso/rt_five_min_lmp", "miso/5min_lmp", "rt_five_min_lmp"
EST = ZoneInfo("Etc/GMT+5")
FIVE_MINUTES = timedelta(minutes=5)
SEED = 7
WHERE = "miso-public-api/*"
DAY = timedelta(days=1)
RESTATED_FROM, ASKED_AGAIN_AFTER_S = timedelta(hours=4), 60.0
"""Since when of each day prices are restated as soon as they are asked for again, and when after a poll they are."""
# What each fault is for the platform. Late and restated ones are seen in the prices themselves.
SEEN_AS = {
    "too_many": "too_many_requests", "unavailable": "server_error", "error_page": "error_page", "slow": "too_slow",
    "missing": "absent", "truncated": "quarantined", "duplicated": "quarantined", "wrong_schema": "quarantined",
}  # fmt: skip


@dataclass
class Week:
    """What came of it. `delays` are from the end of each interval to the poll after which it could be queried;
    `with_versions` are the starts of intervals of which the platform has several publications before recovery.
    """

    polls: int = 0
    injected: list[Injected] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    delays: dict[datetime, timedelta] = field(default_factory=dict)
    with_versions: set[datetime] = field(default_factory=set)
    before: Quality = field(default_factory=Quality)
    after: Quality = field(default_factory=Quality)

    @property
    def expected(self) -> Counter[str]:
        """What the platform ought to have found of faults that are seen while fetching."""
        return Counter(SEEN_AS[fault.kind] for fault in self.injected if fault.kind in SEEN_AS)

    @property
    def held_back(self) -> set[datetime]:
        """The starts of intervals that no answer ever showed, by the journal: news came ten minutes late, or more."""
        lost = set()
        for fault in self.injected:
            if fault.kind == "late":
                first = _newest_end(fault.at_utc)
                shown = _newest_end(fault.at_utc + HELD_BACK)
                lost |= {first + number * FIVE_MINUTES for number in range((shown - first) // FIVE_MINUTES)}
        return {end - FIVE_MINUTES for end in lost}

    @property
    def restated(self) -> set[datetime]:
        """The starts of intervals that were restated, by the journal."""
        return {_newest_end(fault.at_utc) - FIVE_MINUTES for fault in self.injected if fault.kind == "restated"}

    @property
    def gaps(self) -> set[datetime]:
        """The starts of intervals that the quality report calls gaps, before recovery."""
        return {row["interval_start_utc"].replace(tzinfo=UTC) for row in self.before.findings if row["kind"] == "gap"}


def play(
    platform: Platform, start_utc: datetime, length: timedelta, *, rate: float, each_hour: Callable[[datetime], None]
) -> Week:
    """Plays a stretch that begins with a market day, and what recovers it: the weekly report, two weeks later.

    `each_hour` is called as the stretch begins, and again after each hour of it.
    """
    with patch.object(http, "_backoff", lambda _: 1.0):  # it is random, and no two weeks would be the same
        return _play(platform, start_utc, length, rate=rate, each_hour=each_hour)


def _play(
    platform: Platform, start_utc: datetime, length: timedelta, *, rate: float, each_hour: Callable[[datetime], None]
) -> Week:
    clock = SteppedClock(start_utc + timedelta(seconds=65))
    exchange = world(clock, seed=SEED, rate=rate, where=WHERE)
    base_urls = {source: f"{BASE}/{source}" for source in exchange.sources}
    fetching = Fetching.of(platform, clock, base_urls=base_urls, client=in_process(exchange))
    (definition,) = (feed for feed in fetching.feeds.definitions if feed.id == FEED)
    week, end_utc, hour_utc = Week(), start_utc + length, start_utc
    # The last interval may be asked for again, but the next one must not be seen.
    while clock.now() < end_utc + timedelta(minutes=4):
        if clock.now() >= hour_utc:
            each_hour(hour_utc)
            hour_utc += timedelta(hours=1)
        run = _polled(fetching, week)
        due = (clock.now() - start_utc - RESTATED_FROM) // DAY + 1
        if due > sum(fault.kind == "restated" for fault in exchange.faults.journal):
            exchange.faults.wanted = [Wanted("restated", WHERE, due)]
            clock.wait(ASKED_AGAIN_AFTER_S)
            run = _polled(fetching, week)
        clock.move_to(next_poll(definition, run, clock.now()))
    week.injected = exchange.faults.journal
    week.before = _quality(platform, start_utc, end_utc)
    week.with_versions = _with_versions(platform)
    monday = start_utc - timedelta(days=start_utc.astimezone(EST).weekday())
    clock.move_to(monday + timedelta(days=15))
    for _ in range(3):  # whatever comes in between, it is asked for again
        fetching.run(FINAL, start_utc, end_utc)
    week.after = _quality(platform, start_utc, end_utc)
    fetching.feeds.close()
    return week


def _polled(fetching: Fetching, week: Week) -> FeedRun:
    """A poll, and what it found."""
    run, now = fetching.run(FEED), fetching.clock.now()
    week.polls += 1
    week.found += Counter(trouble["kind"] for trouble in run.troubles)
    week.found += Counter("absent" for failed in run.failed if "answered 404" in failed["reason"])
    week.found["quarantined"] += run.quarantined
    if run.newest_interval_end_utc:
        week.delays.setdefault(run.newest_interval_end_utc, now - run.newest_interval_end_utc)
    return run


def _newest_end(now: datetime) -> datetime:
    return datetime.fromtimestamp(CONSOLIDATED_TABLE.newest_end_s(int(now.timestamp())), UTC)


def _with_versions(platform: Platform) -> set[datetime]:
    found = platform.clickhouse.query_arrow(
        "SELECT interval_start_utc FROM ch.market_price_ticks WHERE iso = 'MISO' AND feed = {feed:String} "
        "GROUP BY interval_start_utc HAVING uniqExact(publication_id) > 1",
        {"feed": STORED},
    )
    return set(found["interval_start_utc"].to_pylist())


def _quality(platform: Platform, start_utc: datetime, end_utc: datetime) -> Quality:
    known = platform.settled_position()
    first, last = start_utc.astimezone(EST).date(), (end_utc - FIVE_MINUTES).astimezone(EST).date()
    days: list[date] = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return quality(
        platform.clickhouse, "MISO", days, [FeedToJudge("prices", STORED, "RT5", start_utc)],
        now_utc=end_utc, through_position=known, superseded=superseded_readings(platform.pool, known),
    )  # fmt: skip
