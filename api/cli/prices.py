"""`carbon254 prices`: prices as they are known now, or were known then."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.common import connect
from api.cli.output import err, out, table
from infra.errors import PlatformError

app = typer.Typer(help="Prices.", no_args_is_help=True)

COLUMNS = (
    "market", "node", "node_type", "interval_start_utc", "interval_end_utc", "lmp_usd_per_mwh", "energy_usd_per_mwh",
    "congestion_usd_per_mwh", "loss_usd_per_mwh", "vintage", "source_version",
)  # fmt: skip
LOCAL_COLUMNS = ("market", "node", "node_type", "interval_start_local", "interval_end_local", *COLUMNS[5:])


@app.command()
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
        raise PlatformError("Parquet is not for a terminal", "Name a file with --out.")
    if chosen == "table" and output is not None:
        raise PlatformError("A table is for a terminal", "Add --format csv, json or parquet.")
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
        elif output:
            _write(output, connection.get_bytes("/v1/prices", **params))
        else:
            sys.stdout.buffer.write(connection.get_bytes("/v1/prices", **params))
            sys.stdout.buffer.flush()


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise PlatformError(f"{file} cannot be written: {error.strerror}", "Name another file with --out.") from error
    err.print(f"{file}: {len(content):,} bytes")
