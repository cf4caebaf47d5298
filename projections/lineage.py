"""Lineage: nodes and edges from every result down to raw bytes; those of publications are read off their own rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from infra.canonical import from_parquet
from infra.event_mapper import RecordedEvent
from infra.objects import Bucket, Objects
from projections.relational import RelationalProjection
from read_models import lineage as table
from read_models.batch import Batch, Wanted, json_text
from read_models.lineage import OBJECT, RAW_BYTES, Edge
from write_model.curves import Curve
from write_model.instruments import Instrument
from write_model.ppas import PpaContract, PpaValuation
from write_model.quotes import QuoteSheet
from write_model.results import Computation
from write_model.scenarios import Scenario

# The columns by which rows of an input snapshot name the aggregate they came from.
_ORIGIN_COLUMNS = {"publication_id": "prices", "sheet_id": "quotes"}
_BUCKET_OF_INPUT: dict[str, Bucket] = {"curve": "curves"}
_ENTERED: Mapping[type, str] = {
    Instrument.Registered: "instrument",
    Scenario.Defined: "scenario",
    Scenario.Revised: "scenario",
    PpaContract.Registered: "ppa",
}
_COMPUTED = (Curve.Built, PpaValuation.Priced)


def lineage_projection(objects: Objects) -> RelationalProjection:
    """The projection of lineage; which publications and sheets a result used stands in its input snapshots."""

    @lru_cache(maxsize=256)
    def snapshot(role: str, sha256: str) -> tuple[int, tuple[Edge, ...]]:
        """The rows of an input snapshot, and the edges to each publication or sheet that they came from."""
        rows = from_parquet(objects.get(_BUCKET_OF_INPUT.get(role, "runs"), sha256))
        edges: list[Edge] = []
        for column, origin_role in _ORIGIN_COLUMNS.items():
            if column in rows.column_names:
                used = rows.select([column, "log_position"]).group_by([column]).aggregate([("log_position", "max")])
                # The position of a row is that of the event which brought it, hence of its origin's node.
                origins = zip(used[column].to_pylist(), used["log_position_max"].to_pylist(), strict=True)
                edges += [(str(origin), position, origin_role) for origin, position in origins]
        return rows.num_rows, tuple(edges)

    def computed(batch: Batch, recorded: RecordedEvent) -> None:
        event = recorded.event
        assert isinstance(event, _COMPUTED)
        computation = event.computation
        is_curve = isinstance(event, Curve.Built)
        label = f"of {event.shape.hub}" if isinstance(event, Curve.Built) else f"seed {computation.parameters['seed']}"
        kind = "curve" if is_curve else "ppa valuation"
        child = _node(batch, recorded, kind, label, _computation_details(computation))
        edges: list[Edge] = []
        for role, origin in computation.made_from.items():
            node = table.node_before(batch, str(origin.id), origin.position)
            edges.append((str(origin.id), node.position if node else 0, role))
        bucket, form = ("curves", "Parquet") if is_curve else ("runs", "JSON")
        table.put_object(batch, computation.artifact_sha256, bucket=bucket, label=form)
        edges.append((computation.artifact_sha256, OBJECT, "result"))
        for role, sha256 in computation.inputs.items():
            row_count, origins = snapshot(role, sha256)
            table.put_object(batch, sha256, bucket="runs", label="Parquet", rows=row_count)
            table.put_edges(batch, sha256, OBJECT, origins)
            edges.append((sha256, OBJECT, f"input: {role}"))
        table.put_edges(batch, child, recorded.position, edges)

    return RelationalProjection(
        name="lineage",
        version=5,
        tables=table.TABLES,
        handlers={
            **dict.fromkeys(_ENTERED, _plain),
            QuoteSheet.Recorded: _sheet,
            Curve.Built: computed,
            PpaValuation.Priced: computed,
        },
        finds={
            Curve.Built: _origins,
            PpaValuation.Priced: _origins,
        },
        views=table.VIEWS,
    )


def _origins(recorded: RecordedEvent) -> Iterator[Wanted]:
    event = recorded.event
    assert isinstance(event, _COMPUTED)
    for origin in event.computation.made_from.values():
        yield table.NodeRow, str(origin.id)


def _node(batch: Batch, recorded: RecordedEvent, kind: str, label: str, details: dict[str, Any]) -> str:
    """Adds the node of the event's aggregate, and returns its id."""
    stream = recorded.stream_text
    batch.insert(table.NodeRow(stream, recorded.position, kind, label, json_text(details), recorded.metadata.tenant))
    return stream


def _computation_details(computation: Computation) -> dict[str, Any]:
    return {
        "digest": computation.digest,
        "code_version": computation.code_version,
        "parameters": computation.parameters,
    }


def _rows_edge(batch: Batch, rows_sha256: str, row_count: int) -> Edge:
    table.put_object(batch, rows_sha256, bucket="rows", label="Parquet", rows=row_count)
    return (rows_sha256, OBJECT, "rows")


def _sheet(batch: Batch, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, QuoteSheet.Recorded)
    sheet = recorded.event.sheet
    child = _node(batch, recorded, "quote sheet", f"{sheet.quote_count} quotes of {', '.join(sheet.hubs)}", {})
    table.put_object(batch, sheet.raw_sha256, bucket="raw", label="CSV")
    raw: Edge = (sheet.raw_sha256, OBJECT, RAW_BYTES)
    edges = [raw, _rows_edge(batch, sheet.rows_sha256, sheet.quote_count)]
    table.put_edges(batch, child, recorded.position, edges)


def _plain(batch: Batch, recorded: RecordedEvent) -> None:
    """Nouns that are made from nothing but what somebody entered."""
    event = cast(Any, recorded.event)
    kind = _ENTERED[type(event)]
    label = event.hub.name if kind == "instrument" else event.name
    _node(batch, recorded, kind, label, {"entered": recorded.payload()})
