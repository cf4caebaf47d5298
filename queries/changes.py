"""Which version the parts of the read models have, in memory and as of the last look at `pg.change`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from infra.event_recorder import Pool
from read_models.changes import Part, days_of

# One statement, so that checkpoints and versions are of one moment.
_SINCE = """
SELECT projection, position, NULL AS version, NULL AS tenant, NULL AS dataset, NULL AS iso, NULL AS market, NULL AS day
FROM pg.checkpoint WHERE projection = ANY(%(projections)s) AND store = ANY(%(stores)s)
UNION ALL
SELECT projection, position, version, tenant, dataset, iso, market, day
FROM unnest(%(projections)s::text[], %(seen)s::bigint[]) AS known (projection, seen)
JOIN pg.change USING (projection)
WHERE store = ANY(%(stores)s) AND version > seen
"""
# Over more days than these, any change of the market counts.
_MOST_DAYS = 400
_STEP = timedelta(microseconds=1)


class Changed(NamedTuple):
    """When a part last changed: its version, and the position of the newest event that changed it."""

    version: int
    position: int

    def and_also(self, other: Changed) -> Changed:
        return Changed(max(self.version, other.version), max(self.position, other.position))


_NEVER = Changed(0, 0)
Find = Callable[["Changes", str], Changed]
"""When what a question asks of a projection, by name, last changed."""


class Changes:
    """Versions by part. The state of a question is another one after anything that its answer shows has changed.

    Where it is not known more closely what changed, more counts as changed, and never less.
    """

    def __init__(self, pool: Pool, projections: Sequence[str], store: str) -> None:
        """`store` is that of the columnar projections among `projections`."""
        self._pool = pool
        self._seen = dict.fromkeys(projections, 0)
        self._stores = ["", store]
        self._reached: dict[str, int] = {}
        self.generation = 0
        """Another number after anything has changed."""
        self._newest: dict[tuple[str, ...], Changed] = {}

    def catch_up(self) -> None:
        """Reads what was committed since the last time. Not to be called by two threads at once."""
        asked = {"projections": list(self._seen), "seen": list(self._seen.values()), "stores": self._stores}
        with self._pool.connection() as connection:
            found = connection.execute(_SINCE.encode(), asked).fetchall()
        seen, reached = dict(self._seen), {}
        for projection, position, version, *part in found:
            if version is None:
                reached[projection] = position
                continue
            self._note(projection, Part(*part), Changed(version, position))
            seen[projection] = max(seen[projection], version)
        if (seen, reached) != (self._seen, self._reached):
            self._seen, self._reached = seen, reached
            self.generation += 1

    def state(self, projections: Sequence[str], find: Find) -> tuple[int | None, ...]:
        """What an answer from some projections depends on: equal states, equal answers.

        Such an answer shows what all of them have come to. As long as one of them has not come to the newest change,
        how far it has come counts too.
        """
        found = [find(self, projection) for projection in projections]
        reached = min(self._reached.get(projection, 0) for projection in projections)
        is_settled = all(changed.position <= reached for changed in found)
        return (*(changed.version for changed in found), None if is_settled else reached)

    def of_all(self, projection: str) -> Changed:
        """Of everything that a projection fills."""
        return self._newest_of(("all", projection))

    def of_tenant(self, projection: str, tenant: str) -> Changed:
        """Of a tenant's rows."""
        return self._newest_of(("swept", projection), ("tenant", projection, tenant))

    def of_iso(self, projection: str, iso: str) -> Changed:
        """Of all that is of an ISO, in whichever dataset."""
        return self._newest_of(("swept", projection), ("iso", projection, iso))

    def of_market(
        self, projection: str, dataset: str, iso: str, market: str, start_utc: datetime, end_utc: datetime
    ) -> Changed:
        """Of a dataset's intervals that start in [start_utc, end_utc); of all markets where it is empty."""
        if end_utc - start_utc > timedelta(days=_MOST_DAYS):
            return self._newest_of(("swept", projection), ("market", projection, dataset, iso, market))
        days = days_of(start_utc, max(start_utc, end_utc - _STEP))
        return self._newest_of(
            ("swept", projection),
            ("days", projection, dataset, iso, market),
            *(("day", projection, dataset, iso, market, day) for day in days),
        )

    def _newest_of(self, *keys: tuple[str, ...]) -> Changed:
        newest = _NEVER
        for key in keys:
            if found := self._newest.get(key):
                newest = newest.and_also(found)
        return newest

    def _note(self, projection: str, part: Part, changed: Changed) -> None:
        for key in _keys(projection, part):
            self._newest[key] = changed.and_also(self._newest.get(key, _NEVER))


def _keys(projection: str, part: Part) -> list[tuple[str, ...]]:
    """Under which a part's change is looked for: its own, and those of what it is a part of."""
    tenant, dataset, iso, market, day = part
    keys: list[tuple[str, ...]] = [("all", projection)]
    if tenant:
        return [*keys, ("tenant", projection, tenant)]
    if not dataset:
        return [*keys, ("swept", projection)]
    keys.append(("iso", projection, iso))
    for some in {market, ""}:
        place = (projection, dataset, iso, some)
        keys += [("market", *place), ("day", *place, day) if day else ("days", *place)]
    return keys
