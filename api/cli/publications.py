"""`carbon254 publications`: what was let in, and what was quarantined."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli.common import AsJson, Id, connect, nothing, reads
from api.cli.output import out, show_json, show_rows, table

app = typer.Typer(help="What the ISOs published.", no_args_is_help=True)


@app.command("list")
@reads
def list_(
    iso: Annotated[str | None, typer.Option(help="MISO, CAISO, PJM or ERCOT.")] = None,
    status: Annotated[str | None, typer.Option(help="ingested or quarantined.")] = None,
    as_json: AsJson = False,
) -> None:
    """List publications, newest first."""
    empty = nothing("No publications yet: `carbon254 ingest PATH`.", iso, status)
    columns = ("id", "status", "iso", "market", "feed", "vintage", "row_count", "gap_count", "names", "reason")
    with connect() as connection:
        found = connection.items("/v1/publications", iso=iso and iso.upper(), status=status)
        show_rows(found, columns, as_json=as_json, empty=empty)


@app.command()
@reads
def show(publication_id: Id, as_json: AsJson = False) -> None:
    """Show one publication: where it came from, what was read or what is wrong with it, and its gaps."""
    with connect() as connection:
        found: dict[str, Any] = connection.get(f"/v1/publications/{publication_id}")
    if as_json:
        show_json(found)
        return
    gaps = found.pop("gaps")
    readings = found.pop("readings")
    facts = [{"fact": name, "value": value} for name, value in found.items() if value is not None]
    out.print(table(facts, ("fact", "value")))
    if len(readings) > 1:
        out.print(table(readings, ("log_position", "superseded_by")))
    if gaps:
        out.print(table(gaps, ("node", "node_type", "interval_start_utc", "interval_end_utc", "cause")))
