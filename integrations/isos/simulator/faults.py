"""Faults on demand: which request is served wrong and how, and a journal of each that was.

A fault is chosen by a list (a kind, which requests, how often) or by a rate. The choice depends on the seed, the
request and how often it came before, not on time, so a run can be repeated.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "late": "what is new is held back for ten minutes of the market's time",
    "missing": "404, as if there were no such file",
    "duplicated": "the last row stands there twice",
    "restated": "the same intervals with other prices, from now on",
    "truncated": "the file ends half-way, and its length says so",
    "error_page": "a page of HTML with status 200",
    "too_many": "429 with Retry-After",
    "unavailable": "503",
    "slow": "the body takes its time",
    "wrong_schema": "a needed column has another name",
}
"""What each kind does to an answer."""

HELD_BACK: Final = timedelta(minutes=10)
SLOW_BODY_S: Final = 5.0


@dataclass(frozen=True)
class Wanted:
    """A fault of the list: `kind` for the first `times` requests whose `source/path` matches the glob `where`."""

    kind: str
    where: str = "*"
    times: int = 1

    @classmethod
    def of(cls, text: str) -> "Wanted":
        """From `kind:where:times`, the last two of which may be left out. Raises ValueError naming what is wrong."""
        kind, _, rest = text.partition(":")
        where, _, times = rest.partition(":")
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of fault; there are {', '.join(KINDS)}")
        if times and not (times.isdigit() and int(times)):
            raise ValueError(f"{text!r}: {times!r} is not how often, a whole number from 1")
        return cls(kind, where or "*", int(times or 1))


@dataclass(frozen=True)
class Injected:
    """A fault that was served: when (market time), to which request, what."""

    at_utc: datetime
    source: str
    request: str
    kind: str


@dataclass
class Faults:
    """Chooses and remembers. Safe to use from any thread.

    `rate` is the share, 0 to 1, of requests whose `source/path` matches the glob `where` that get one of `kinds`.
    """

    seed: int = 0
    rate: float = 0.0
    wanted: Sequence[Wanted] = ()
    where: str = "*"
    kinds: Sequence[str] = tuple(KINDS)
    _journal: list[Injected] = field(default_factory=list)
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _served: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def journal(self) -> list[Injected]:
        """Every fault that was injected, in order."""
        with self._lock:
            return list(self._journal)

    def inject(
        self, source: str, path: str, request: str, now_utc: datetime, can_be: Callable[[str], bool]
    ) -> str | None:
        """The kind of fault that this request gets, written into the journal; None for none.

        `can_be` says whether a kind would make a difference to what is there to be answered.
        """
        with self._lock:
            number = self._asked[source, request]
            self._asked[source, request] += 1
            kind = self._listed(f"{source}/{path}", can_be)
            if kind is None and self.rate and fnmatchcase(f"{source}/{path}", self.where):
                kind = self._drawn(f"{source}/{request}/{number}", can_be)
            if kind:
                self._journal.append(Injected(now_utc, source, request, kind))
            return kind

    def forget(self, source: str, request: str) -> None:
        """The next one counts as the first."""
        with self._lock:
            self._asked.pop((source, request), None)

    def _listed(self, place: str, can_be: Callable[[str], bool]) -> str | None:
        for number, wanted in enumerate(self.wanted):
            if self._served[number] < wanted.times and fnmatchcase(place, wanted.where) and can_be(wanted.kind):
                self._served[number] += 1
                return wanted.kind
        return None

    def _drawn(self, name: str, can_be: Callable[[str], bool]) -> str | None:
        draw = int.from_bytes(blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest())
        if draw % 1_000_000 >= self.rate * 1_000_000:
            return None
        possible = [kind for kind in self.kinds if can_be(kind)]
        return possible[draw // 1_000_000 % len(possible)] if possible else None
