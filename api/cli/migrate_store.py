"""`carbon254 migrate-store`: the event log moves to another store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.common import AsJson
from api.cli.output import err, out, say, show_json
from api.cli.progress import follow_work
from infra.settings import Settings


def migrate_store(
    target: Annotated[
        str, typer.Option("--to", metavar="URI", help="postgresql://…, esdb://…, kurrentdb://… or embedded.")
    ],
    source: Annotated[
        str | None, typer.Option("--from", metavar="URI", help="Where the log is; by default where the settings say.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Move the event log between PostgreSQL and EventStoreDB, verified and at the same positions; no server may run."""
    # Only now: no other verb needs the stores.
    from api.log_moves import move_log
    from api.log_stores import store_uri

    settings = Settings()
    moved = follow_work(lambda report: move_log(settings, source or store_uri(settings), target, report))
    if as_json:
        show_json(asdict(moved))
        return
    out.print(f"{moved.events:,} events, up to position {moved.position:,}, are in {moved.target} now")
    say(f"They are the same to the byte and agree with {moved.seals:,} seals. {moved.source} is closed.", err)
    setting = "EVENTSTOREDB_URI" if not moved.target.startswith(("postgresql", "the embedded")) else "DATABASE_URL"
    say(f"Before the next start set {setting} so that it leads there, and unset what led to the old place.", err)
