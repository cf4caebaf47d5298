"""`carbon254 series`: load, generation, forecasts, ancillary services, capacity, adders, constraints, disclosures."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import typer

from api.cli.common import AsJson, connect
from api.cli.output import err, out, show_rows, table

app = typer.Typer(help="What ISOs publish besides energy prices.", no_args_is_help=True)

_SHOWN_LAST = ("interval_start_utc", "interval_end_utc", "vintage")


@app.command()
def get(
    dataset: Annotated[
        str, typer.Argument(help="fundamentals, ancillary, … (`carbon254 series datasets` lists them).")
    ],
    iso: Annotated[str, typer.Option(help="MISO, CAISO, PJM or ERCOT.")],
    start: Annotated[str, typer.Option(help="First interval start: 2026-01-31, or a time with its offset.")],
    end: Annotated[str, typer.Option(help="Intervals that start before this.")],
    label: Annotated[list[str] | None, typer.Option(help="column=value, such as series=load; repeatable.")] = None,
    feed: Annotated[str | None, typer.Option(help="Only this feed of the operator.")] = None,
    market: Annotated[str | None, typer.Option(help="DA, RTH, RT15 or RT5.")] = None,
    tz: Annotated[str | None, typer.Option(help="IANA zone or `market`: reads naive times, adds local ones.")] = None,
    as_of: Annotated[str | None, typer.Option(help="A time or a log position: what was known then.")] = None,
    output_format: Annotated[Literal["table", "csv", "json", "ndjson"], typer.Option("--format")] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
) -> None:
    """Get rows of a dataset in [start, end), sorted by their labels and interval."""
    chosen = "json" if as_json else output_format
    params = {
        "iso": iso.upper(), "start": start, "end": end, "label": label, "feed": feed, "market": market, "tz": tz,
        "as_of": as_of, "format": "json" if chosen == "table" else chosen,
    }  # fmt: skip
    with connect() as connection:
        if chosen != "table":
            connection.download(sys.stdout.buffer, f"/v1/series/{dataset}", **params)
            sys.stdout.buffer.flush()
            return
        rows = connection.get(f"/v1/series/{dataset}", **params)
        known = {item["name"]: item for item in connection.get("/v1/series")["items"]}[dataset]
        if rows:
            out.print(table(rows, ("feed", *known["labels"], *known["values"], *_SHOWN_LAST)))
        err.print(f"{len(rows):,} rows")


@app.command()
def datasets(as_json: AsJson = False) -> None:
    """List the datasets with their label and value columns."""
    with connect() as connection:
        found = connection.get("/v1/series")["items"]
    if not as_json:
        found = [item | {"labels": ", ".join(item["labels"]), "values": ", ".join(item["values"])} for item in found]
    show_rows(found, ("name", "labels", "values"), as_json=as_json, empty="")
