"""`carbon254 prices`: prices as they are known now, or were known then."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.common import AsJson, connect, nothing, reads
from api.cli.output import err, out, say, show_rows, table
from api.cli.saving import save
from infra.errors import WrongUsage

app = typer.Typer(help="Prices.", no_args_is_help=True)

PLACE = ("market", "feed", "node", "node_type")
PRICE = (
    "lmp_usd_per_mwh", "energy_usd_per_mwh", "congestion_usd_per_mwh", "loss_usd_per_mwh", "vintage", "source_version",
)  # fmt: skip
COLUMNS = (*PLACE, "interval_start_utc", "interval_end_utc", *PRICE)
COVERAGE = ("iso", "market", "feed", "publications", "row_count", "first_interval_start_utc", "last_interval_end_utc")
LOCAL_COLUMNS = (*PLACE, "interval_start_local", "interval_end_local", *PRICE)

_NOTHING_YET = "Nothing was ingested yet: `carbon254 ingest PATH`."


@app.command()
@reads
def get(
    iso: Annotated[str, typer.Option(help="MISO, CAISO, PJM or ERCOT.")],
    start: Annotated[str, typer.Option(help="First interval start: 2026-01-31, or a time with its offset.")],
    end: Annotated[str, typer.Option(help="Intervals that start before this.")],
    node: Annotated[list[str] | None, typer.Option(help="A node; may be given again. All where left out.")] = None,
    node_type: Annotated[str | None, typer.Option(help="Only places of this type.")] = None,
    market: Annotated[str | None, typer.Option(help="DA, RTH, RT15 or RT5.")] = None,
    feed: Annotated[str | None, typer.Option(help="Only this feed of the operator.")] = None,
    tz: Annotated[str | None, typer.Option(help="IANA zone or `market`: reads naive times, adds local ones.")] = None,
    as_of: Annotated[str | None, typer.Option(help="A time or a log position: what was known then.")] = None,
    output_format: Annotated[Literal["table", "csv", "json", "parquet"], typer.Option("--format")] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
    output: Annotated[Path | None, typer.Option("--out", help="A file to write instead of printing.")] = None,
) -> None:
    """Get prices of an ISO in [start, end): no row limit, sorted by market, node and start."""
    chosen = "json" if as_json else output_format
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise WrongUsage("Parquet is not for a terminal", "Name a file with --out.")
    if chosen == "table" and output is not None:
        raise WrongUsage("A table is for a terminal", "Add --format csv, json or parquet.")
    with connect() as connection:
        params = {
            "iso": iso.upper(), "start": start, "end": end, "node": node, "node_type": node_type, "market": market,
            "feed": feed, "tz": tz, "as_of": as_of, "format": "json" if chosen == "table" else chosen,
        }  # fmt: skip
        if chosen == "table":
            rows = connection.get("/v1/prices", **params)
            if rows:
                out.print(table(rows, LOCAL_COLUMNS if tz else COLUMNS))
            err.print(f"{len(rows):,} prices")
            if not rows:
                found = connection.get("/v1/prices/coverage", iso=iso.upper())["items"]
                say(f"Of {iso.upper()} there is:" if found else f"Nothing of {iso.upper()} was ingested yet.", err)
                err.print(table(found, COVERAGE) if found else "`carbon254 ingest PATH` takes files and folders.")
        elif output:
            size_bytes = save(output, lambda sink: connection.download(sink, "/v1/prices", **params))
            say(f"{output}: {size_bytes:,} bytes", err)
        else:
            connection.download(sys.stdout.buffer, "/v1/prices", **params)
            sys.stdout.buffer.flush()


@app.command()
@reads
def latest(
    iso: Annotated[list[str] | None, typer.Option(help="An ISO; may be given again. All where left out.")] = None,
    node: Annotated[list[str] | None, typer.Option(help="A node; may be given again. All where left out.")] = None,
    market: Annotated[str | None, typer.Option(help="DA, RTH, RT15 or RT5.")] = None,
    feed: Annotated[str | None, typer.Option(help="Only this feed of the operator.")] = None,
    as_of: Annotated[str | None, typer.Option(help="A time or a log position: what was known then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the last price of each place, market and feed."""
    with connect() as connection:
        isos = [each.upper() for each in iso] if iso else None
        found = connection.get("/v1/prices/latest", iso=isos, node=node, market=market, feed=feed, as_of=as_of)
    empty = nothing(_NOTHING_YET, iso, node, market, feed, as_of)
    show_rows(found, ("iso", *COLUMNS), as_json=as_json, empty=empty)


@app.command()
@reads
def coverage(iso: Annotated[str | None, typer.Option(help="Only this ISO.")] = None, as_json: AsJson = False) -> None:
    """Show which feeds there are, from when to when, and how many rows."""
    with connect() as connection:
        found = connection.get("/v1/prices/coverage", iso=iso and iso.upper())["items"]
    show_rows(found, COVERAGE, as_json=as_json, empty=nothing(_NOTHING_YET, iso))
