"""`carbon254 quality`: whether rows are complete, fresh and plausible."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, connect, nothing, reads
from api.cli.output import err, say, show_json, show_rows

app = typer.Typer(help="Completeness, freshness and plausibility of what was published.", no_args_is_help=True)

FOUND = 1
_REPORTED = (
    "dataset", "feed", "market", "market_day", "expected_intervals", "received_intervals", "places", "completeness",
    "gaps", "spikes", "wrong_prices", "repeated_rows", "restated_rows",
)  # fmt: skip
_FINDINGS = ("kind", "feed", "market", "interval_start_utc", "place", "value", "detail")
_LISTED = (
    "iso", "dataset", "feed", "market", "market_day", "publications", "quarantined", "expected_intervals",
    "spanned_intervals", "completeness", "repeated_intervals", "gap_count",
)  # fmt: skip

Dataset = Annotated[
    str | None, typer.Option(help="prices, ancillary, ordc, fundamentals or constraints; all of them without.")
]
FeedName = Annotated[str | None, typer.Option("--feed", help="One feed, by the name that its rows bear.")]
AsOf = Annotated[str | None, typer.Option(help="A time or a log position: judge by what was known and due then.")]


@app.callback()
def quality() -> None:
    """Completeness, freshness and plausibility of what was published."""


@app.command()
@reads
def report(
    iso: Annotated[str, typer.Option(help="MISO, CAISO, PJM or ERCOT.")],
    start: Annotated[str, typer.Option(help="First market day: 2026-01-30.")],
    end: Annotated[str, typer.Option(help="The market day after the last.")],
    dataset: Dataset = None,
    feed: FeedName = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Report on each feed and market day; exit code 1 where something is amiss or a fetched feed is late."""
    with connect() as connection:
        found = connection.get(
            "/v1/quality", iso=iso.upper(), start=start, end=end, dataset=dataset, feed=feed, as_of=as_of
        )
    late = [row for row in found["freshness"] if row["arrives_by"] == "fetch" and not row["is_fresh"]]
    if as_json:
        show_json(found)
    else:
        nothing = f"There is nothing of {iso.upper()} on those days."
        show_rows(found["items"], _REPORTED, as_json=False, empty=nothing)
        if found["findings"]:
            show_rows(found["findings"], _FINDINGS, as_json=False, empty="")
        if left_out := found["findings_left_out"]:
            say(f"{left_out:,} more findings are not listed: ask for fewer days, a dataset or a feed.", err)
        for row in late:
            say(f"{row['feed']} is late: its newest interval ended {row['newest_interval_end_utc']}", err)
    if found["findings"] or found["findings_left_out"] or late:
        raise typer.Exit(FOUND)


@app.command("list")
@reads
def list_(
    iso: Annotated[str | None, typer.Option(help="MISO, CAISO, PJM or ERCOT; all of them without.")] = None,
    dataset: Dataset = None,
    feed: FeedName = None,
    first_day: Annotated[str | None, typer.Option(help="First market day: 2026-01-30.")] = None,
    end_day: Annotated[str | None, typer.Option(help="Market days before this.")] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List the market days of feeds, newest first: what publications span of each, and what was quarantined."""
    with connect() as connection:
        found = connection.items(
            "/v1/quality/days", iso=iso and iso.upper(), dataset=dataset, feed=feed, first_day=first_day,
            end_day=end_day, as_of=as_of,
        )  # fmt: skip
        empty = nothing("There are no market days yet.", iso, dataset, feed, first_day, end_day, as_of)
        show_rows(found, _LISTED, as_json=as_json, empty=empty)
