"""`carbon254 feeds`: what operators publish where, how it fares, and fetching it."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.common import AsJson, connect, reads
from api.cli.connection import Connection
from api.cli.output import err, say, show_json, show_rows
from api.cli.progress import follow

app = typer.Typer(help="Feeds of the operators: what there is, and fetching it.", no_args_is_help=True)

FAILED, QUARANTINED = 1, 3
_COLUMNS = (
    "id", "dataset", "market", "cadence_s", "requests", "newest_interval_end_utc", "is_fresh", "failing_since",
    "asked_at",
)  # fmt: skip


def _feed_id(text: str) -> str:
    if text.count("/") != 1:
        raise typer.BadParameter("write ISO/NAME, as `carbon254 feeds list` does")
    return text


FeedId = Annotated[
    str,
    typer.Argument(metavar="FEED", help="As `carbon254 feeds list` names it: miso/da_expost_lmp.", callback=_feed_id),
]


@app.command("list")
@reads
def list_(as_json: AsJson = False) -> None:
    """List every feed, with what was fetched of it and how it fares."""
    with connect() as connection:
        found = connection.get("/v1/feeds")["items"]
    show_rows(found, _COLUMNS, as_json=as_json, empty="There are no feeds.")


@app.command()
def run(feed: FeedId, as_json: AsJson = False) -> None:
    """Fetch what is new of a feed: the recent stretch that may still change."""
    with connect() as connection:
        recent = connection.get(_path(feed))["recent"]
        done = _run(connection, feed, recent["start_utc"], recent["end_utc"])
    _show(done, as_json)


@app.command()
def backfill(
    feed: FeedId,
    start: Annotated[str, typer.Option(help="First interval start: 2026-01-31, or a time with its offset.")],
    end: Annotated[str, typer.Option(help="Intervals that start before this.")],
    as_json: AsJson = False,
) -> None:
    """Fetch a stretch of a feed. Broken off and started again, it goes on where it was."""
    with connect() as connection:
        done = _run(connection, feed, start, end)
    _show(done, as_json)


def _run(connection: Connection, feed: str, start: str, end: str) -> dict[str, Any]:
    return follow(connection.lines("POST", f"{_path(feed)}/run", start=start, end=end))


def _path(feed: str) -> str:
    return "/v1/feeds/" + quote(feed, safe="/")


def _show(run: dict[str, Any], as_json: bool) -> None:
    """Prints what came of a run, and ends the program accordingly."""
    if as_json:
        show_json(run)
    else:
        counts = {name: value for name, value in run.items() if not isinstance(value, list)}
        show_rows([counts], tuple(counts), as_json=False, empty="")
        tries = Counter((trouble["request"], trouble["reason"]) for trouble in run["troubles"])
        for (request, why), times in tries.items():
            say(f"{request}: tried again{f' {times} times' if times > 1 else ''}, for {why}", err)
        for failed in run["failed"]:
            say(f"{failed['request']}: {failed['reason']}", err)
        if run["failed"]:
            say("Run it again when the source answers: what is there by now is not fetched twice.", err)
    if run["failed"]:
        raise typer.Exit(FAILED)
    if run["quarantined"]:
        raise typer.Exit(QUARANTINED)
