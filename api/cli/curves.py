"""`carbon254 curves`: forward curves."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from api.cli.common import AsJson, Id, connect, nothing, reads
from api.cli.output import err, out, say, show_json, table
from api.cli.staleness import Stale, show_stale_rows, stale_lines

app = typer.Typer(help="Forward curves to December 2050.", no_args_is_help=True)

Hub = Annotated[str, typer.Option(help="The hub, by name.")]
ScenarioName = Annotated[str, typer.Option("--scenario", help="The scenario, by name.")]


@app.command()
def build(hub: Hub, scenario: ScenarioName, as_json: AsJson = False) -> None:
    """Build a curve from everything quoted and ingested so far."""
    with connect() as connection:
        answer = connection.command("build-curve", {"hub": hub, "scenario": scenario})
    if as_json:
        show_json(answer)
        return
    out.print(answer["id"])
    data = answer["events"][0]["data"]
    shape, report = data["shape"], data["report"]
    err.print(
        f"{shape['point_count']} months, {shape['first_month'][:7]} to {shape['last_month'][:7]}, "
        f"quoted to {shape['last_quoted_month'][:7]}"
    )
    for line in _report(report):
        say(line, err)


@app.command("list")
@reads
def list_(
    hub: Annotated[str | None, typer.Option(help="Only this hub's.")] = None,
    stale: Stale = False,
    as_json: AsJson = False,
) -> None:
    """List the curves, newest first; stale are those that would be others if built again."""
    columns = (
        "id",
        "hub",
        "scenario",
        "first_month",
        "last_quoted_month",
        "last_month",
        "recorded_at",
        "followed_by",
        "stale_since",
    )
    yet = "No curves yet: `carbon254 curves build --hub H --scenario S`."
    empty = "No curve is stale." if stale else nothing(yet, hub)
    with connect() as connection:
        found = connection.items("/v1/curves", hub=hub, stale="true" if stale else None)
        show_stale_rows(found, columns, only_stale=stale, as_json=as_json, empty=empty)


@app.command()
def follow(hub: Hub, scenario: ScenarioName, as_json: AsJson = False) -> None:
    """Have the curve built again, in your name, whenever what it was made from is known otherwise."""
    _send("follow-curve", hub, scenario, as_json)


@app.command()
def unfollow(hub: Hub, scenario: ScenarioName, as_json: AsJson = False) -> None:
    """Have the curve not built by itself any more."""
    _send("unfollow-curve", hub, scenario, as_json)


def _send(command: str, hub: str, scenario: str, as_json: bool) -> None:
    with connect() as connection:
        answer = connection.command(command, {"hub": hub, "scenario": scenario})
    if as_json:
        show_json(answer)
    else:
        out.print(answer["id"])


@app.command()
@reads
def show(curve_id: Id, as_json: AsJson = False) -> None:
    """Show a curve: a plot, its points, how well it meets the quotes, and what has changed since it was built."""
    with connect() as connection:
        found = connection.get(f"/v1/curves/{curve_id}")
        found |= connection.get(f"/v1/curves/{curve_id}/staleness")
    if as_json:
        show_json(found)
        return
    for line in [*_report(found["report"]), *stale_lines(found["stale"])]:
        say(line, err)
    if actor := found["followed_by"]:
        say(f"Followed by {actor}: built again when it is stale", err)
    if sys.stdout.isatty():
        _plot(found["hub"], found["points"])
    out.print(table(_yearly(found["points"]), ("year", "mean_usd_per_mwh", "min", "max", "extrapolated_months")))
    out.print(table(found["points"], ("delivery_month", "price_usd_per_mwh", "is_extrapolated")))


def _report(report: dict[str, Any]) -> list[str]:
    """What went into a curve and what did not, in words."""
    lines = [
        f"{len(report['quotes_used'])} quotes met to {report['max_abs_repricing_error_usd_per_mwh']:.1e} $/MWh; "
        f"season from {report['seasonal_years_used']} year(s) of history"
    ]
    for redundant in report["quotes_redundant"]:
        lines.append(
            f"Redundant: {redundant['product']}, implied by others to {redundant['difference_usd_per_mwh']:+.4f} $/MWh"
        )
    lines += [f"Left out, older than quotes that contradict it: {quote}" for quote in report["quotes_stale"]]
    lines += [f"Left out, delivered already: {quote}" for quote in report["quotes_expired"]]
    lines += [f"No quote from {gap['start']} to {gap['end']}: bridged by the spline" for gap in report["gaps"]]
    if report["seasonal_fallback"]:
        lines.append(f"Fallback {report['seasonal_fallback']}: {report['seasonal_fallback_reason']}")
    return lines


def _yearly(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    years: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        years.setdefault(point["delivery_month"][:4], []).append(point)
    return [
        {
            "year": year,
            "mean_usd_per_mwh": sum(p["price_usd_per_mwh"] for p in months) / len(months),
            "min": min(p["price_usd_per_mwh"] for p in months),
            "max": max(p["price_usd_per_mwh"] for p in months),
            "extrapolated_months": sum(p["is_extrapolated"] for p in months),
        }
        for year, months in years.items()
    ]


def _plot(hub: str, points: list[dict[str, Any]]) -> None:
    import plotext

    years = [int(p["delivery_month"][:4]) + (int(p["delivery_month"][5:7]) - 1) / 12 for p in points]
    prices = [p["price_usd_per_mwh"] for p in points]
    quoted = sum(not p["is_extrapolated"] for p in points)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(min(out.width, 110), 18)
    for name, part, marker in (("quoted", slice(0, quoted), "●"), ("extrapolated", slice(quoted, None), "braille")):
        if years[part]:
            line = figure.signal(years[part], prices[part], marker=marker).lines()
            line.label(name)
            figure.draw(line)
    figure.title(f"{hub}, $/MWh by delivery month")
    # Without colours of its own it is readable on dark and on light terminals.
    figure.show(colorless=True)
