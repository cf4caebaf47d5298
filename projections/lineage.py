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
from write_model.publications import Publication, Reading
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
        edges.append((computation.artifact_sha256, "result", table.OBJECT))
        for role, sha256 in computation.inputs.items():
            edges.append(_input_edge(cursor, objects, role, sha256))
        table.put_edges(cursor, str(recorded.stream_id), recorded.position, edges)

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
            edges = [(str(origin), origin_role, position) for origin, position in origins]
            table.put_edges(cursor, sha256, table.OBJECT, edges)
    return (sha256, f"input: {role}", table.OBJECT)


def _publication(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Ingested | Publication.Quarantined)
    source = event.source
    label = ", ".join(source.names)
    details: dict[str, Any] = {"place": source.place, "size_bytes": source.size_bytes}
    edges: list[Edge] = []
    for name, sha256 in zip(source.names, source.raw_sha256, strict=True):
        table.put_object(cursor, sha256, bucket="raw", label=name, details={"place": source.place})
        edges.append((sha256, "raw bytes", table.OBJECT))
    if isinstance(event, Publication.Ingested):
        edges.append(_rows_edge(cursor, event.reading.rows_sha256, event.reading.row_count))
        details |= _parser(event.reading)
    _node(cursor, recorded, "publication", label, details)
    table.put_edges(cursor, str(recorded.stream_id), recorded.position, edges)


def _reread(cursor: Cursor, recorded: RecordedEvent) -> None:
    event = recorded.event
    assert isinstance(event, Publication.Reread)
    reading, child = event.reading, str(recorded.stream_id)
    _node(cursor, recorded, "publication", table.newest_label(cursor, child), _parser(reading))
    table.copy_raw_edges(cursor, child, recorded.position)
    edge = _rows_edge(cursor, reading.rows_sha256, reading.row_count)
    table.put_edges(cursor, child, recorded.position, [edge])


def _parser(reading: Reading) -> dict[str, Any]:
    return {"parser": reading.parser, "parser_version": reading.parser_version}


def _rows_edge(cursor: Cursor, rows_sha256: str, row_count: int) -> Edge:
    table.put_object(cursor, rows_sha256, bucket="rows", label="Parquet", details={"rows": row_count})
    return (rows_sha256, "rows", table.OBJECT)


def _sheet(cursor: Cursor, recorded: RecordedEvent) -> None:
    assert isinstance(recorded.event, QuoteSheet.Recorded)
    sheet = recorded.event.sheet
    _node(cursor, recorded, "quote sheet", f"{sheet.quote_count} quotes of {', '.join(sheet.hubs)}", {})
    table.put_object(cursor, sheet.raw_sha256, bucket="raw", label="CSV", details={})
    raw: Edge = (sheet.raw_sha256, "raw bytes", table.OBJECT)
    edges = [raw, _rows_edge(cursor, sheet.rows_sha256, sheet.quote_count)]
    table.put_edges(cursor, str(recorded.stream_id), recorded.position, edges)


def _plain(cursor: Cursor, recorded: RecordedEvent) -> None:
    """Nouns that are made from nothing but what somebody entered."""
    kind, label = _entered(recorded.event)
    _node(cursor, recorded, kind, label, {"entered": recorded.payload()})


def _entered(event: object) -> tuple[str, str]:
    match event:
        case Instrument.Registered():
            return "instrument", event.hub.name
        case Scenario.Defined() | Scenario.Revised():
            return "scenario", event.name
        case PpaContract.Registered():
            return "ppa", event.name
    raise TypeError(f"{type(event).__name__} is entered by nobody")
