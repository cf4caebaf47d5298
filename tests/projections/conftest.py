"""Publications in an event log, without a parser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from infra.canonical import digest, to_parquet
from infra.clickhouse import ClickHouse
from infra.event_mapper import Metadata
from infra.event_recorder import Pool
from infra.event_store import EventLog, Stream
from infra.objects import Objects
from projections.columnar import ColumnarProjector
from projections.columnar_build import ColumnarProjection
from projections.prices import prices_projection
from tests.plugins_clickhouse import tick_rows
from write_model.publications import Publication, Reading, Source

START = datetime(2026, 1, 1, tzinfo=UTC)
Publish = Callable[..., Stream]


def metadata(command_id: UUID | None = None) -> Metadata:
    command = command_id or uuid4()
    return Metadata(
        tenant="local", actor="a", command="ingest-publication", command_id=command, body_sha256="b", status="done",
        correlation_id=command, causation_id=command, recorded_at=datetime.now(UTC), schema_version=1,
        previous_hash="",
    )  # fmt: skip


@pytest.fixture
def publish(log: EventLog, objects: Objects) -> Publish:
    """Appends a publication with so many hours of one node; given its stream, a newer reading of it."""

    def append(
        *,
        node: str = "A",
        hours: int = 3,
        lmp_usd_per_mwh: float = 30.0,
        again: Stream | None = None,
        iso: str = "PJM",
    ) -> Stream:
        rows = tick_rows([node], START, count=hours, lmp_usd_per_mwh=lmp_usd_per_mwh)
        reading = Reading(
            iso=iso, market="DA", feed="da_hrl_lmps", vintage="final", parser="test", parser_version=1,
            rows_sha256=objects.put("rows", to_parquet(rows)), rows_digest=digest(rows), row_count=rows.num_rows,
            gaps_sha256=None, gap_count=0, first_interval_start_utc=START, last_interval_end_utc=START,
            published_at=None, ranked_as=again.events[0].position if again else None,
        )  # fmt: skip
        if again is None:
            source = Source((uuid4().hex * 2,), ("f.csv",), "f.csv", 1, {})
            stream = Stream(uuid4(), ())
            publication = Publication.ingest(stream.id, source, reading)
        else:
            stream = log.stream(again.id)
            known = stream.aggregate(Publication)
            assert known is not None
            known.read_again(reading)
            publication = known
        return log.append(stream, publication.collect_events(), metadata())

    return append


@pytest.fixture
def prices_of(objects: Objects) -> ColumnarProjection:
    return prices_projection(objects)


@pytest.fixture
def projector(pool: Pool, price_store: ClickHouse, prices_of: ColumnarProjection) -> ColumnarProjector:
    """Of prices alone, with nothing loaded."""
    made = ColumnarProjector(pool, price_store, [prices_of])
    made.load(prices_of)
    return made
