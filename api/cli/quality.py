"""`carbon254 quality`: whether prices are complete, fresh and plausible."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, connect, reads
from api.cli.output import err, say, show_json, show_rows

app = typer.Typer(help="Completeness, freshness and plausibility of prices.", no_args_is_help=True)

FOUND = 1
_DAYS = (
    "feed", "market", "market_day", "expected_intervals", "received_intervals", "places", "completeness", "gaps",
    "spikes", "wrong_prices", "repeated_rows", "restated_rows",
)  # fmt: skip
_FINDINGS = ("kind", "feed", "market", "interval_start_utc", "node", "lmp_usd_per_mwh", "detail")


@app.callback()
def quality() -> None:
    """Completeness, freshness and plausibility of prices."""


@app.command()
@reads
def report(
    iso: Annotated[str, typer.Option(help="MISO, CAISO, PJM or ERCOT.")],
    start: Annotated[str, typer.Option(help="First market day: 2026-01-30.")],
    end: Annotated[str, typer.Option(help="The market day after the last.")],
    as_json: AsJson = False,
) -> None:
    """Report on each price feed and market day; exit code 1 where something is amiss."""
    with connect() as connection:
        found = connection.get("/v1/quality", iso=iso.upper(), start=start, end=end)
    late = [row for row in found["freshness"] if not row["is_fresh"]]
    if as_json:
        show_json(found)
    else:
        show_rows(found["items"], _DAYS, as_json=False, empty=f"There are no prices of {iso.upper()} on those days.")
        if found["findings"]:
            show_rows(found["findings"], _FINDINGS, as_json=False, empty="")
        for row in late:
            say(f"{row['feed']} is late: its newest interval ended {row['newest_interval_end_utc']}", err)
    if found["findings"] or late:
        raise typer.Exit(FOUND)
