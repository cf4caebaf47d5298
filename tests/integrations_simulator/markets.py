"""A platform that fetches simulated markets in the test's own time: over HTTP on loopback, or without any socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import unquote

import httpx2

from api.platform import Platform
from commands.feeds import FeedRun
from commands.message import Tools
from commands.running_feeds import Feeds, Stopping
from infra.clock import Clock
from integrations.isos.feed_registry import FEEDS
from integrations.isos.feeds import Request, Source
from integrations.isos.http import Fetched, Fetcher, FetchFailed, Validators
from integrations.isos.simulator.exchange import Exchange, Reply
from integrations.isos.simulator.faults import Faults, Wanted
from integrations.isos.simulator.manners import MEMBER_KEY, MEMBER_PACES
from integrations.isos.simulator.server import MOUNT
from integrations.isos.simulator.world import FEWEST_NODES, simulated_world
from tests.commands.test_bus import caller

KEYS = {"pjm_data_miner": MEMBER_KEY}
BASE = f"http://simulator.test/{MOUNT}"


class SteppedClock(Clock):
    """Stands still until it is moved on; whoever waits by it moves it on."""

    def __init__(self, start_utc: datetime) -> None:
        super().__init__(start_utc)
        self._begin = self._now = start_utc

    def now(self) -> datetime:
        return self._now

    def seconds(self) -> float:
        return (self._now - self._begin).total_seconds()

    def wall_seconds(self, seconds: float) -> float:
        return 0.0 * seconds

    def wait(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def move_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment.astimezone(UTC))


def world(clock: Clock, *faults: str, seed: int = 7, rate: float = 0.0, where: str = "*") -> Exchange:
    """The smallest simulated markets, with the faults of a list (`kind:where:times`) or at a rate."""
    chosen = Faults(seed, rate, [Wanted.of(text) for text in faults], where)
    return simulated_world(seed=seed, nodes=FEWEST_NODES, clock=clock, faults=chosen)


class Answering(Protocol):
    """An exchange in this process, or one apart."""

    def reply(self, source: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply: ...


def client_of(exchange: Answering) -> httpx2.Client:
    """A client that needs no socket; a slow body is one that the client gave up."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        source, _, path = unquote(request.url.path).removeprefix(f"/{MOUNT}/").partition("/")
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = exchange.reply(source, path, dict(request.url.params), headers)
        if reply.takes_s:
            raise httpx2.ReadTimeout("the body was not there in time", request=request)
        return httpx2.Response(reply.status, headers=dict(reply.headers), content=reply.content)

    return httpx2.Client(transport=httpx2.MockTransport(answer))


class NotingFetcher(Fetcher):
    """Also notes what was not there: the moment, and the request as the simulator's journal writes it."""

    def __init__(self, client: httpx2.Client | None, moment: Callable[[], datetime], **options: Any) -> None:
        super().__init__(client, **options)
        self._moment = moment
        self.absent: list[tuple[datetime, str]] = []

    def fetch(self, source: Source, request: Request, known: Validators | None = None) -> Fetched:
        try:
            return super().fetch(source, request, known)
        except FetchFailed as error:
            if error.is_absent:
                asked = (f"{name}={value}" for name, value in sorted(request.params.items()))
                self.absent.append((self._moment(), "&".join((request.path, *asked))))
            raise


@dataclass
class Fetching:
    """The feeds of a platform, asked of simulated markets by a stepped clock. `absent` are moment and request of each
    answer that there is no such file.
    """

    platform: Platform
    clock: SteppedClock
    feeds: Feeds
    absent: list[tuple[datetime, str]]

    @classmethod
    def of(
        cls,
        platform: Platform,
        clock: SteppedClock,
        *,
        base_urls: dict[str, str],
        client: httpx2.Client | None = None,
        patience_s: float = 300.0,
    ) -> Fetching:
        fetcher = NotingFetcher(
            client, clock.now, base_urls=base_urls, keys=KEYS, paces=MEMBER_PACES, sleep=clock.wait,
            clock=clock.seconds, patience_s=patience_s,
        )  # fmt: skip
        feeds = Feeds(FEEDS, fetcher, Stopping(clock), lambda _: None, base_urls)
        return cls(platform, clock, feeds, fetcher.absent)

    @property
    def tools(self) -> Tools:
        return replace(self.platform.bus.tools, now=self.clock.now)

    def run(self, feed_id: str, start_utc: datetime | None = None, end_utc: datetime | None = None) -> FeedRun:
        """One run of a feed, over its recent stretch where none is given."""
        recent = self.feeds.recent(feed_id, self.clock.now())
        return self.feeds.run(
            feed_id, start_utc or recent[0], end_utc or recent[1], tools=self.tools,
            dispatch=self.platform.bus.dispatch, caller=caller(), progress=lambda _, __: None,
        )  # fmt: skip
