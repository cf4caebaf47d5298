"""What was published, as a stream of it tells: the facts of each reading in the order of the log, and its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from infra.canonical import from_parquet
from infra.event_mapper import RecordedEvent
from infra.event_store import EventLog
from infra.objects import Objects
from write_model.entitlements import Entitlements
from write_model.publications import Publication

NAMES = (Publication.Ingested.TOPIC, Publication.Reread.TOPIC)


@dataclass(frozen=True)
class Published:
    """One reading of a publication; times are aware. `rank` is the position as which its rows compete with others."""

    position: int
    publication_id: str
    is_reread: bool
    dataset: str
    iso: str
    market: str
    feed: str
    vintage: str
    row_count: int
    gap_count: int
    rows_sha256: str
    first_interval_start_utc: datetime
    last_interval_end_utc: datetime
    published_at: datetime | None
    recorded_at: datetime
    rank: int


def published(recorded: RecordedEvent) -> Published | None:
    """The reading that an event brings; None for every other event, and for one that can't be decoded."""
    event = recorded.event
    if not isinstance(event, Publication.Ingested | Publication.Reread):
        return None
    reading = event.reading
    return Published(
        position=recorded.position,
        publication_id=str(recorded.stream_id),
        is_reread=isinstance(event, Publication.Reread),
        dataset=reading.dataset,
        iso=reading.iso,
        market=reading.market,
        feed=reading.feed,
        vintage=reading.vintage,
        row_count=reading.row_count,
        gap_count=reading.gap_count,
        rows_sha256=reading.rows_sha256,
        first_interval_start_utc=reading.first_interval_start_utc,
        last_interval_end_utc=reading.last_interval_end_utc,
        published_at=reading.published_at,
        recorded_at=recorded.metadata.recorded_at,
        rank=reading.ranked_as or recorded.position,
    )


def rows_of(objects: Objects, publication: Published) -> pa.Table:
    """Its rows as the parser left them. Raises MissingObject or DamagedObject."""
    return from_parquet(objects.get("rows", publication.rows_sha256))


def published_between(log: EventLog, after: int, through: int, limit: int) -> list[Published] | None:
    """The readings at positions (after, through]; None where there are more than `limit`."""
    found = log.named(NAMES, after=after, through=through, limit=limit + 1)
    if len(found) > limit:
        return None
    return [publication for recorded in found if (publication := published(recorded))]


def changes_entitlements(recorded: RecordedEvent) -> bool:
    """Whether after this event some tenant may have other market data than before."""
    return isinstance(recorded.event, Entitlements.Granted | Entitlements.Revoked)
