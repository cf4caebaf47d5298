"""A stretch of simulated market time with faults at a rate, as fast as it goes: what was injected, found, recovered.

Each feed is asked when the platform's own poller would ask, by a clock of its own, as each source has a thread of its
own there; the one whose turn comes first goes first. Before the end come fifteen minutes without faults, so that what
is late shows itself.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from unittest.mock import patch

from api.platform import Platform
from commands.feeds import FeedRun
from commands.polling import next_poll
from commands.running_feeds import FeedDefinition
from integrations.isos import http
from integrations.isos.simulator.faults import Wanted
from queries.publications import superseded_readings
from queries.quality import FeedToJudge, Quality, quality
from tests.integrations_simulator.exchange_apart import ExchangeApart
from tests.integrations_simulator.markets import BASE, Fetching, SteppedClock, client_of
from tests.integrations_simulator.played_feeds import FIVE_MINUTES, PlayedFeed
from tests.integrations_simulator.week_of_feed import FeedWeek

SEED = 7
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIRST_POLL, LAST_POLL = timedelta(seconds=65), timedelta(minutes=4)
"""After the start, and after the end: the last interval may be asked for again, but the next one must not be seen."""
NOTHING_WRONG = timedelta(minutes=15)
RESTATED_FROM, ASKED_AGAIN_AFTER_S = timedelta(hours=4), 60.0
"""Where the source only has what is newest, only those who ask again before the next interval see a restatement. So
somebody does once a day: since when of the day, and how long after a poll."""


def play(
    platform: Platform,
    first_day: date,
    length: timedelta,
    feeds: Sequence[PlayedFeed],
    *,
    faults: float = 1.0,
    each_hour: Callable[[datetime], None] = lambda _: None,
) -> list[FeedWeek]:
    """Plays a stretch that begins with a market day of each feed, and what recovers it; a week for each feed.

    `faults` is how many times as many there are as `PlayedFeed.rate` says. `each_hour` is called as the stretch
    begins, and again after each hour of it.
    """
    with patch.object(http, "_backoff", lambda _: 1.0):  # it is random, and no two weeks would be the same
        players = [_Player.of(platform, feed, first_day, length, faults) for feed in feeds]
        hour_utc = min(player.week.start_utc for player in players)
        while playing := [player for player in players if not player.is_over]:
            player = min(playing, key=lambda each: each.clock.now())
            while player.clock.now() >= hour_utc:
                each_hour(hour_utc)
                hour_utc += HOUR
            player.poll()
        for player in players:
            player.finish()
        return [player.week for player in players]


@dataclass
class _Player:
    """Plays one feed. `heads` are the position of the log after each poll, `polled_at` when that was, in seconds since
    1970: a week of them must not pass for what the platform holds.
    """

    platform: Platform
    clock: SteppedClock
    exchange: ExchangeApart
    fetching: Fetching
    definition: FeedDefinition
    week: FeedWeek
    heads: array[int] = field(default_factory=lambda: array("q"))
    polled_at: array[float] = field(default_factory=lambda: array("d"))

    @classmethod
    def of(cls, platform: Platform, feed: PlayedFeed, first_day: date, length: timedelta, faults: float) -> _Player:
        start_utc = datetime.combine(first_day, time(), feed.zone).astimezone(UTC)
        clock = SteppedClock(start_utc + FIRST_POLL)
        exchange = ExchangeApart(clock, seed=SEED, rate=faults * feed.rate, where=feed.where)
        base_urls = {source: f"{BASE}/{source}" for source in exchange.sources}
        fetching = Fetching.of(platform, clock, base_urls=base_urls, client=client_of(exchange))
        (definition,) = (each for each in fetching.feeds.definitions if each.id == feed.id)
        return cls(platform, clock, exchange, fetching, definition, FeedWeek(feed, start_utc, start_utc + length))

    @property
    def is_over(self) -> bool:
        return self.clock.now() >= self.week.end_utc + LAST_POLL

    def poll(self) -> None:
        """One poll, and what it found; the clock then stands at the next one."""
        if self.clock.now() >= self.week.end_utc - NOTHING_WRONG:
            self.exchange.set_rate(0.0)
        run = self._polled()
        if self.week.feed.recovered_by and self._is_restatement_due():
            self.clock.wait(ASKED_AGAIN_AFTER_S)
            run = self._polled()
        self.clock.move_to(next_poll(self.definition, run, self.clock.now()))

    def finish(self) -> None:
        """Looks at what came of it, has what was missed recovered, and looks again."""
        week = self.week
        week.injected, week.absent = self.exchange.journal, set(self.fetching.absent)
        self._look_at_prices()
        week.before = week.after = self._quality()
        if week.feed.recovered_by:
            monday = week.start_utc - DAY * week.start_utc.astimezone(week.feed.zone).weekday()
            self.clock.move_to(monday + timedelta(days=15))
            for _ in range(3):  # whatever comes in between, it is asked for again
                self.fetching.run(week.feed.recovered_by, week.start_utc, week.end_utc)
            week.after = self._quality()
        self.fetching.feeds.close()
        self.exchange.close()

    def _is_restatement_due(self) -> bool:
        due = (self.clock.now() - self.week.start_utc - RESTATED_FROM) // DAY + 1
        if due <= sum(fault.kind == "restated" for fault in self.exchange.journal):
            return False
        self.exchange.want(Wanted("restated", self.week.feed.where, due))
        return True

    def _polled(self) -> FeedRun:
        run = self.fetching.run(self.week.feed.id)
        self.week.polls += 1
        self.week.found += Counter(trouble["kind"] for trouble in run.troubles)
        self.week.found["quarantined"] += run.quarantined
        self.heads.append(self.platform.log.head())
        self.polled_at.append(self.clock.now().timestamp())
        return run

    def _look_at_prices(self) -> None:
        """When each interval could be queried first, and which have several prices."""
        self.platform.settled_position()
        found = self.platform.clickhouse.query_arrow(
            """SELECT interval_end_utc, min(position) AS first, uniqExact(prices) AS versions FROM (
                   SELECT interval_end_utc, publication_id, min(log_position) AS position,
                          groupBitXor(cityHash64(node, node_type, lmp_usd_per_mwh)) AS prices
                   FROM ch.market_price_ticks WHERE iso = {iso:String} AND feed = {feed:String}
                   GROUP BY interval_end_utc, publication_id
               ) GROUP BY interval_end_utc""",
            {"iso": self.week.feed.iso, "feed": self.definition.rows_feed},
        )
        for row in found.to_pylist():
            end_utc = row["interval_end_utc"]
            if self.week.start_utc < end_utc <= self.week.end_utc:
                polled_at = self.polled_at[bisect_left(self.heads, row["first"])]
                self.week.shown[end_utc] = datetime.fromtimestamp(polled_at, UTC)
                if row["versions"] > 1:
                    self.week.restated.add(end_utc)

    def _quality(self) -> Quality:
        week, known = self.week, self.platform.settled_position()
        first, last = (
            moment.astimezone(week.feed.zone).date() for moment in (week.start_utc, week.end_utc - FIVE_MINUTES)
        )
        days = [first + DAY * number for number in range((last - first).days + 1)]
        return quality(
            self.platform.clickhouse, week.feed.iso, days,
            [FeedToJudge("prices", self.definition.rows_feed, "RT5", week.start_utc)],
            now_utc=week.end_utc, through_position=known, superseded=superseded_readings(self.platform.pool, known),
        )  # fmt: skip
