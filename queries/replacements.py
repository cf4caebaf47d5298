"""What replaced what: of things that come in versions, where another one counts now than did at an earlier position.

A version counts from `start` on, until the position `end` where it was withdrawn; of those that count at a position,
the one with the highest rank is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple


class Origin(NamedTuple):
    """The aggregate that a version came from, and the position of the event that brought it."""

    id: str
    position: int


class Version(NamedTuple):
    """One version of the thing `key`."""

    key: Any
    start: int
    end: int | None
    rank: Any
    value: Any
    origin: Origin


@dataclass(frozen=True)
class Replacement:
    """Who read `key` at a position in [start, end) knew `replaced`; now `by` is known, with another value.

    `replaced` is None where nothing was known yet, `by` where what was known has been withdrawn.
    """

    key: Any
    start: int
    end: int
    replaced: Origin | None
    by: Origin | None

    def concerns(self, position: int) -> bool:
        return self.start <= position < self.end


def replacements(versions: Iterable[Version]) -> Iterator[Replacement]:
    """Of every key all that differs from what is known now. `versions` of a key stand together, in any order."""
    for key, group in groupby(versions, key=attrgetter("key")):
        known = _timeline(list(group))
        now = known[-1][1]
        ends = (start for start, _ in known[1:])
        for (start, version), end in zip(known, ends, strict=False):
            if (version and version.value) != (now and now.value):
                yield Replacement(key, start, end, version and version.origin, now and now.origin)


def _timeline(versions: list[Version]) -> list[tuple[int, Version | None]]:
    """What is known from which position on, beginning with nothing at 0."""
    comes: dict[int, list[Version]] = {}
    goes: dict[int, list[Version]] = {}
    for version in versions:
        comes.setdefault(version.start, []).append(version)
        if version.end is not None:
            goes.setdefault(version.end, []).append(version)
    counting: list[Version] = []
    known: list[tuple[int, Version | None]] = [(0, None)]
    for position in sorted(comes.keys() | goes.keys()):
        gone = goes.get(position, [])
        counting = [version for version in counting if version not in gone]
        for version in comes.get(position, []):
            if version.end is None:  # it stays, so what it outranks never comes back
                counting = [other for other in counting if other.rank > version.rank]
            counting.append(version)
        best = max(counting, key=attrgetter("rank"), default=None)
        if best is not known[-1][1]:
            known.append((position, best))
    return known
