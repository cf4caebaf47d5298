"""`carbon254 replay`: the read models as they stood, beside the live ones; reads take `--replay NAME`."""

from __future__ import annotations

import os
from typing import Annotated
from urllib.parse import quote

import typer

from api.cli.common import AsJson, connect
from api.cli.output import out, show_json, show_rows
from api.cli.progress import follow
from infra.errors import WrongUsage

app = typer.Typer(help="Read models as they stood at a position or time.", invoke_without_command=True)


@app.callback()
def replay(
    context: typer.Context,
    to: Annotated[str | None, typer.Option(help="A log position, or a time: what was recorded by then.")] = None,
    name: Annotated[str | None, typer.Option(help="What reads call it: small letters, digits and _.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build the read models as they stood, under a name; `--replay NAME` on a reading verb then reads them."""
    if context.invoked_subcommand:
        return
    if to is None or name is None:
        raise WrongUsage("Replay what?", "Say --to POSITION or TIME, and --name NAME; or `carbon254 replay list`.")
    with connect() as connection:
        made = follow(connection.lines("POST", "/v1/replays", {"to": to, "name": name}))["replay"]
    if as_json:
        show_json(made)
    else:
        out.print(f"{made['name']}: as of position {made['position']}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the replays and the position that each shows."""
    with connect() as connection:
        found = connection.get("/v1/replays")["items"]
    show_rows(found, ("name", "position", "made_at", "is_complete"), as_json=as_json, empty="There are no replays.")


@app.command()
def drop(name: Annotated[str, typer.Argument()], as_json: AsJson = False) -> None:
    """Drop a replay; the live read models and the log stay as they are."""
    with connect() as connection:
        path = f"/v1/replays/{quote(os.fsencode(name), safe='')}"
        answer = connection.run(connection.request("DELETE", path)).json()
    if as_json:
        show_json(answer)
    else:
        out.print(f"{answer['dropped']}: dropped")
