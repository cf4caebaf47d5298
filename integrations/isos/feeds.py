"""What a feed is: where an operator publishes one product, how often, and which requests bring a stretch of time.

A feed only plans; `http.py` sends, and the catalogue reads what comes back. Planning is pure: the same stretch is the
same requests, so that what was fetched already can be told from the log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Source:
    """A host that serves feeds: `base_url` can be set otherwise (a simulator, a mirror), pacing is shared by all feeds.

    `seconds_between_requests` counts from start to start. `key_header` is the header that carries the API key, where
    the source wants one; `page_error` tells an error page that comes with status 200 from a file.
    """

    name: str
    base_url: str
    seconds_between_requests: float
    key_header: str | None = None


@dataclass(frozen=True)
class Request:
    """One GET: `path` is below the source's base URL, `name` what the operator calls the file that comes back.

    [start_utc, end_utc) is the stretch that the answer holds. `key` tells it from every other request of the feed: what
    was fetched under a key and can no longer change is not asked for again. A list leads on and holds nothing itself.
    """

    path: str
    name: str
    start_utc: datetime
    end_utc: datetime
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    is_list: bool = False

    @property
    def key(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in sorted(self.params.items()))
        return f"{self.path}?{query}" if query else self.path


class AgedOut(ValueError):
    """The stretch lies beyond what the source still serves. The text says since when it serves."""


Plan = Callable[[datetime, datetime, datetime], Sequence[Request]]
Follow = Callable[[Request, bytes], Sequence[Request]]


def follows_nothing(_: Request, __: bytes) -> Sequence[Request]:
    return ()


def never_empty(_: bytes) -> bool:
    return False


@dataclass(frozen=True)
class Feed:
    """One product of one operator.

    `plan(start_utc, end_utc, now_utc)` names the requests for intervals that start in [start, end), oldest first; it
    raises AgedOut. `follow(request, content)` names what an answer leads to (the next page, the documents of a list);
    it raises UnreadablePublication where that can't be told. `is_empty(content)` says whether an answer is the source's
    way of saying that it has nothing, or nothing yet. `settled_after` is how long after its end a stretch may still
    change (negative where an answer is as it is from the start), `freshness_target` how old the newest interval
    may be, `cadence` how often something new comes.
    """

    iso: str
    name: str
    title: str
    dataset: str
    market: str
    source: Source
    plan: Plan
    cadence: timedelta
    freshness_target: timedelta
    settled_after: timedelta
    licence: str
    follow: Follow = follows_nothing
    is_empty: Callable[[bytes], bool] = never_empty

    @property
    def id(self) -> str:
        """`miso/da_expost_lmp`: how users name the feed."""
        return f"{self.iso.lower()}/{self.name}"
