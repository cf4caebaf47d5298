"""Lineage: nodes and edges from every result and publication down to raw bytes."""

from __future__ import annotations

from typing import Any

from infra.canonical import from_parquet
from infra.event_mapper import RecordedEvent
from infra.objects import Bucket, Objects
from projections.relational import RelationalProjection
from read_models import lineage as table
from read_models.lineage import Edge
from read_models.relational import Cursor
from write_model.curves import Curve
from write_model.instruments import Instrument
from write_model.ppas import PpaContract, PpaValuation
from write_model.publications import Publication
from write_model.quotes import QuoteSheet
from write_model.results import Computation
from write_model.scenarios import Scenario

# The columns by which rows of an input snapshot name the aggregate they came from.
_ORIGIN_COLUMNS = {"publication_id": "prices", "sheet_id": "quotes"}
_BUCKET_OF_INPUT: dict[str, Bucket] = {"curve": "curves"}


def lineage_projection(objects: Objects) -> RelationalProjection:
    """The projection of lineage; which publications and sheets a result used stands in its input snapshots."""

    def computed(cursor: Cursor, recorded: RecordedEvent) -> None:
        event = recorded.event
        assert isinstance(event, Curve.Built | PpaValuation.Priced)
        computation = event.computation
        is_curve = isinstance(event, Curve.Built)
        label = f"of {event.shape.hub}" if isinstance(event, Curve.Built) else f"seed {computation.parameters['seed']}"
        _node(cursor, recorded, "curve" if is_curve else "ppa valuation", label, _computation_details(computation))
        edges: list[Edge] = [(str(o.id), role, o.position) for role, o in computation.made_from.items()]
        bucket, form = ("curves", "Parquet") if is_curve else ("runs", "JSON")
        table.put_object(cursor, computation.artifact_sha256, bucket=bucket, label=form, details={})
        edges.append((computation.artifact_sha256, "result", None))
        for role, sha256 in computation.inputs.items():
            edges.append(_input_edge(cursor, objects, role, sha256))
        table.put_edges(cursor, str(recorded.stream_id), edges)

    return RelationalProjection(
        name="lineage",
        version=1,
        tables=table.TABLES,
        handlers={
            Publication.Ingested: _publication,
            Publication.Quarantined: _publication,
            Publication.Reread: _reread,
            Instrument.Registered: _plain,
            Scenario.Defined: _plain,
            Scenario.Revised: _plain,
            QuoteSheet.Recorded: _sheet,
            PpaContract.Registered: _plain,
            Curve.Built: computed,
            PpaValuation.Priced: computed,
        },
    )


def _node(cursor: Cursor, recorded: RecordedEvent, kind: str, label: str, details: dict[str, Any]) -> None:
    facts = {"event": recorded.name, "recorded_at": recorded.metadata.recorded_at.isoformat()}
    table.put_node(
        cursor,
        str(recorded.stream_id),
        tenant=recorded.metadata.tenant,
        kind=kind,
        label=label,
        position=recorded.position,
        details=facts | {"actor": recorded.metadata.actor} | details,
    )


def _computation_details(computation: Computation) -> dict[str, Any]:
    return {
        "digest": computation.digest,
        "code_version": computation.code_version,
        "parameters": computation.parameters,
    }


def _input_edge(cursor: Cursor, objects: Objects, role: str, sha256: str) -> Edge:
    """The edge to an input snapshot; the snapshot's own edges lead to each publication or sheet whose rows it holds."""
    rows = from_parquet(objects.get(_BUCKET_OF_INPUT.get(role, "runs"), sha256))
    table.put_object(cursor, sha256, bucket="runs", label="Parquet", details={"rows": rows.num_rows})
    for column, origin_role in _ORIGIN_COLUMNS.items():
        if column in rows.column_names:
            used = rows.select([column, "log_position"]).group_by([column]).aggregate([("log_position", "max")])
            origins = zip(used[column].to_pylist(), used["log_position_max"].to_pylist(), strict=True)
            table.put_edges(cursor, sha256, [(str(origin), origin_role, position) for origin, position in origins])
    return (sha256, f"input: {role}", None)


def _publication(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Ingested | Publication.Quarantined)
    source = event.source
    label = ", ".join(source.names)
    details: dict[str, Any] = {"place": source.place, "size_bytes": source.size_bytes}
    edges: list[Edge] = []
    for name, sha256 in zip(source.names, source.raw_sha256, strict=True):
        table.put_object(cursor, sha256, bucket="raw", label=name, details={"place": source.place})
        edges.append((sha256, "raw bytes", None))
    if isinstance(event, Publication.Ingested):
        edges.append(_rows_edge(cursor, event.reading.rows_sha256, event.reading.row_count))
        details |= {"parser": event.reading.parser, "parser_version": event.reading.parser_version}
    _node(cursor, recorded, "publication", label, details)
    table.put_edges(cursor, str(recorded.stream_id), edges)


def _reread(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Reread)
    reading = event.reading
    table.put_edges(cursor, str(recorded.stream_id), [_rows_edge(cursor, reading.rows_sha256, reading.row_count)])


def _rows_edge(cursor: Cursor, rows_sha256: str, row_count: int) -> Edge:
    table.put_object(cursor, rows_sha256, bucket="rows", label="Parquet", details={"rows": row_count})
    return (rows_sha256, "rows", None)


def _sheet(cursor: Cursor, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, QuoteSheet.Recorded)
    sheet = recorded.event.sheet
    _node(cursor, recorded, "quote sheet", f"{sheet.quote_count} quotes of {', '.join(sheet.hubs)}", {})
    table.put_object(cursor, sheet.raw_sha256, bucket="raw", label="CSV", details={})
    edges = [(sheet.raw_sha256, "raw bytes", None), _rows_edge(cursor, sheet.rows_sha256, sheet.quote_count)]
    table.put_edges(cursor, str(recorded.stream_id), edges)


def _plain(cursor: Cursor, recorded: RecordedEvent) -> None:
    """Nouns that are made from nothing but what somebody entered."""
    kind, label = _entered(recorded.event)
    _node(cursor, recorded, kind, label, {"entered": recorded.payload()})


def _entered(event: object) -> tuple[str, str]:
    match event:
        case Instrument.Registered():
            return "instrument", event.hub.name
        case Scenario.Defined():
            return "scenario", event.name
        case PpaContract.Registered():
            return "ppa", event.name
    return "scenario", "revised scenario"
