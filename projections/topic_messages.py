"""What an event says on the broker's topics: the rows that it brings, cut into messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import pyarrow as pa

from infra.broker import Record
from infra.canonical import from_parquet
from infra.columns import shared_objects
from infra.event_mapper import RecordedEvent, Undecodable
from infra.objects import Objects
from infra.topics import TOPICS, CurveInputs
from projections.published import NAMES, Published, published, rows_of
from write_model.curves import Curve
from write_model.entitlements import Entitlements
from write_model.followed_curves import FollowedCurve
from write_model.quotes import QuoteSheet
from write_model.scenarios import Scenario

Kind = Literal["quotes", "scenario", "follow", "entitlement"]

# Where an event is cut belongs to the version of its topic: a part that comes again holds the same rows.
MOST_ROWS = 4_000
MOST_BYTES = 900_000
"""A broker takes 1 MiB, unless it is told otherwise."""

CURVES = "curves.forward.v1"
INPUTS = "curves.inputs.v1"
TICKS = "power.ticks.v1"
DATASETS: Mapping[str, str] = {
    "prices": TICKS,
    "capacity": "power.capacity.v1",
    "ordc": "power.ordc.v1",
    "fundamentals": "fundamentals.series.v1",
}
"""The topics of the datasets that have one."""

_INPUTS: Mapping[type, Kind] = {
    QuoteSheet.Recorded: "quotes",
    Scenario.Revised: "scenario",
    FollowedCurve.Followed: "follow",
    FollowedCurve.FollowedAgain: "follow",
    Entitlements.Granted: "entitlement",
}
_NAMES = (*NAMES, Curve.Built.TOPIC)
_encoder = msgspec.json.Encoder()


def topic_of(recorded: RecordedEvent) -> str | None:
    """The topic on which an event says something, if it does. Raises what kept such an event from being decoded."""
    if isinstance(recorded.event, Undecodable) and recorded.name in _NAMES:
        raise recorded.event.error
    if isinstance(recorded.event, Curve.Built):
        return CURVES
    if type(recorded.event) in _INPUTS:
        return INPUTS
    publication = published(recorded)
    return DATASETS.get(publication.dataset) if publication else None


def records_of(objects: Objects, recorded: RecordedEvent) -> list[Record]:
    """The messages of an event that has a topic. Raises MissingObject, DamagedObject."""
    if isinstance(event := recorded.event, Curve.Built):
        points = from_parquet(objects.get("curves", event.computation.artifact_sha256))
        return curve_records(recorded, event, points)
    if kind := _INPUTS.get(type(event)):
        return [input_record(recorded, kind)]
    publication = published(recorded)
    assert publication is not None
    return publication_records(publication, rows_of(objects, publication))


def publication_records(publication: Published, rows: pa.Table) -> list[Record]:
    facts = {
        "log_position": publication.position,
        "recorded_at": publication.recorded_at,
        "publication_id": publication.publication_id,
        "publication_position": publication.rank,
        "is_reread": publication.is_reread,
        "iso": publication.iso,
        "market": publication.market,
        "feed": publication.feed,
        "vintage": publication.vintage,
        "published_at": publication.published_at,
    }
    # A place's prices compete within one feed; all of a feed stays in the order of the log.
    key = f"{publication.iso}/{publication.market}/{publication.feed}"
    return _records(DATASETS[publication.dataset], key, facts, rows)


def curve_records(recorded: RecordedEvent, event: Curve.Built, points: pa.Table) -> list[Record]:
    tenant, hub = recorded.metadata.tenant, event.shape.hub
    facts = {
        "log_position": recorded.position,
        "recorded_at": recorded.metadata.recorded_at,
        "tenant": tenant,
        "curve_id": recorded.stream_text,
        "hub": hub,
    }
    return _records(CURVES, f"{tenant}/{hub}", facts, points)


def input_record(recorded: RecordedEvent, kind: Kind) -> Record:
    # A tenant is granted entitlements by another one.
    event, metadata = recorded.event, recorded.metadata
    tenant = event.tenant if isinstance(event, Entitlements.Granted) else metadata.tenant
    message = CurveInputs(log_position=recorded.position, recorded_at=metadata.recorded_at, tenant=tenant, kind=kind)
    return Record(tenant, _encoder.encode(message), _headers(INPUTS, recorded.position, 1))


def _headers(topic: str, position: int, part: int) -> Mapping[str, str]:
    version = topic.rpartition(".v")[2]
    return {
        "content-type": "application/json", "schema": topic, "schema-version": version,
        "message-id": f"{position}/{part}",
    }  # fmt: skip


def _records(topic: str, key: str, facts: Mapping[str, Any], rows: pa.Table) -> list[Record]:
    columns = {name: _cells(rows[name]) for name in rows.column_names}
    most_rows = MOST_ROWS
    while True:
        messages = _messages(TOPICS[topic], facts, columns, rows.num_rows, most_rows)
        if most_rows == 1 or max(map(len, messages)) <= MOST_BYTES:
            break
        most_rows //= 2
    return [
        Record(key, message, _headers(topic, facts["log_position"], part))
        for part, message in enumerate(messages, start=1)
    ]


def _messages(
    kind: Any, facts: Mapping[str, Any], columns: Mapping[str, list[Any] | None], count: int, most_rows: int
) -> list[bytes]:
    """At least one: that a publication has no rows any more is told too."""
    (columns_kind,) = (field.type for field in msgspec.structs.fields(kind) if field.name == "columns")
    firsts = range(0, max(count, 1), most_rows)
    return [
        _encoder.encode(
            kind(
                **facts,
                part=part,
                of=len(firsts),
                columns=columns_kind(
                    **{name: cells and cells[first : first + most_rows] for name, cells in columns.items()}
                ),
            )
        )
        for part, first in enumerate(firsts, start=1)
    ]


def _cells(column: pa.ChunkedArray) -> list[Any] | None:
    """Null for a column that has no value, where it has rows."""
    if len(column) and column.null_count == len(column):
        return None
    if pa.types.is_floating(column.type) or pa.types.is_boolean(column.type):
        return list(column.to_pylist())
    return list(shared_objects(column))
