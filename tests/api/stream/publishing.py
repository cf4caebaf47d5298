"""Publications put straight into a platform's log, as an ingest would leave them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from api.platform import LOCAL_ACTOR, Platform
from infra.canonical import digest, to_parquet
from infra.event_mapper import GENESIS_HASH, Metadata
from tests.plugins_clickhouse import tick_rows
from write_model.publications import Publication, Reading, Source

START = datetime(2026, 3, 15, 5, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)


def publish(
    platform: Platform,
    nodes: Sequence[str],
    price: float,
    *,
    iso: str = "MISO",
    market: str = "RT5",
    feed: str = "rt_5min",
    vintage: str = "preliminary",
    start: datetime = START,
) -> int:
    """One interval of all nodes at one price; returns the position of its event."""
    return append(
        platform,
        prepared(platform, nodes, price, iso=iso, market=market, feed=feed, vintage=vintage, start=start),
    )


def prepared(
    platform: Platform,
    nodes: Sequence[str],
    price: float,
    *,
    iso: str = "MISO",
    market: str = "RT5",
    feed: str = "rt_5min",
    vintage: str = "preliminary",
    start: datetime = START,
) -> Reading:
    """A reading of such an interval, whose rows lie in the object store."""
    rows = tick_rows(list(nodes), start, count=1, lmp_usd_per_mwh=price)
    return Reading(
        iso=iso, market=market, feed=feed, vintage=vintage, parser="test", parser_version=1,
        rows_sha256=platform.objects.put("rows", to_parquet(rows)), rows_digest=digest(rows), row_count=rows.num_rows,
        gaps_sha256=None, gap_count=0, first_interval_start_utc=start, last_interval_end_utc=start + FIVE_MINUTES,
        published_at=None,
    )  # fmt: skip


def append(platform: Platform, reading: Reading) -> int:
    """Appends its event as a publication of its own, and returns the position."""
    name = f"{uuid4()}.csv"
    publication = Publication.ingest(uuid4(), Source((uuid4().hex * 2,), (name,), name, 1_000, {}), reading)
    command_id = uuid4()
    metadata = Metadata(
        tenant="local", actor=LOCAL_ACTOR, command="test", command_id=command_id, body_sha256="b" * 64, status="done",
        correlation_id=command_id, causation_id=command_id, recorded_at=datetime.now(UTC), schema_version=1,
        previous_hash=GENESIS_HASH,
    )  # fmt: skip
    stream = platform.log.stream(publication.id)
    return platform.log.append(stream, publication.collect_events(), metadata).position
