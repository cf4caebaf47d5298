"""`pg.change`: when each part of a read model last changed, written in the transaction that moves its checkpoint.

An answer that was made after a part had a version is as good as new as long as the part has that version. A projection
writes its versions under the lock of its checkpoint, so they grow in the order in which they are committed. `position`
is that of the newest event that changed the part: a reader of several projections, who stops at the least of their
checkpoints, may not have come to it yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from read_models.batch import Cursor

CHANGES = """
CREATE TABLE IF NOT EXISTS change (
    projection text NOT NULL, store text NOT NULL,
    tenant text NOT NULL, dataset text NOT NULL, iso text NOT NULL, market text NOT NULL, day text NOT NULL,
    version bigint NOT NULL, position bigint NOT NULL,
    PRIMARY KEY (projection, store, tenant, dataset, iso, market, day)
);
CREATE INDEX IF NOT EXISTS change_by_version ON change (projection, store, version);
"""

# The time in microseconds, so that no version comes again in a database that was restored from a backup.
_NOTE = """
WITH changed AS (
    SELECT * FROM unnest(%(projections)s::text[], %(tenants)s::text[], %(datasets)s::text[], %(isos)s::text[],
        %(markets)s::text[], %(days)s::text[], %(positions)s::bigint[])
        AS c (projection, tenant, dataset, iso, market, day, position)
), next AS (
    SELECT projection, greatest(
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
        (SELECT coalesce(max(version), 0) + 1 FROM change held
         WHERE held.projection = named.projection AND held.store = %(store)s)) AS version
    FROM (SELECT DISTINCT projection FROM changed) named
)
INSERT INTO change AS held (projection, store, tenant, dataset, iso, market, day, version, position)
SELECT projection, %(store)s, tenant, dataset, iso, market, day, version, position
FROM changed JOIN next USING (projection)
ON CONFLICT (projection, store, tenant, dataset, iso, market, day)
    DO UPDATE SET version = excluded.version, position = greatest(held.position, excluded.position)
"""
# A stretch of so many days is told as all days: a file of some years would bring a thousand rows.
_MOST_DAYS = 62
_DAY = timedelta(days=1)


class Part(NamedTuple):
    """Rows of a read model that change together; an empty name is for all of them.

    A tenant's rows, or those of a dataset, ISO, market and day (UTC, of the intervals' starts, as `2026-01-31`).
    """

    tenant: str = ""
    dataset: str = ""
    iso: str = ""
    market: str = ""
    day: str = ""


WHOLE = Part()
ANEW: Mapping[Part, int] = {WHOLE: 0}
"""What is noted where the same events are told another way: rebuilt, or applied after all."""


def market_parts(dataset: str, iso: str, market: str, start_utc: datetime, end_utc: datetime) -> list[Part]:
    """The parts in which intervals lie that start in [start_utc, end_utc]."""
    # Some places are valid for centuries, whose days nobody need count.
    days = days_of(start_utc, end_utc) if end_utc - start_utc < _MOST_DAYS * _DAY else [""]
    return [Part("", dataset, iso, market, day) for day in days]


def days_of(start_utc: datetime, end_utc: datetime) -> list[str]:
    """The days in UTC that [start_utc, end_utc] touches."""
    first, last = (moment.astimezone(UTC).date() for moment in (start_utc, end_utc))
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def note_changes(cursor: Cursor, changes: Mapping[str, Mapping[Part, int]], store: str = "") -> None:
    """Gives parts of projections, by name, new versions: each with the position of the newest event that changed it.

    `store` is that of the projections' checkpoints.
    """
    changed = [(name, *part, position) for name, parts in changes.items() for part, position in parts.items()]
    if not changed:
        return
    projections, tenants, datasets, isos, markets, days, positions = (list(c) for c in zip(*changed, strict=True))
    # Before the versions are chosen: the next statement sees what was committed before it got the lock.
    cursor.execute(
        "SELECT FROM checkpoint WHERE projection = ANY(%s) AND store = %s ORDER BY projection FOR UPDATE",
        (projections, store),
    )
    cursor.execute(
        _NOTE,
        {
            "projections": projections, "tenants": tenants, "datasets": datasets, "isos": isos, "markets": markets,
            "days": days, "positions": positions, "store": store,
        },
    )  # fmt: skip
