"""`carbon254 projections`: the read models, built anew or compared with the events."""

from __future__ import annotations

import os
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.common import AsJson, connect
from api.cli.output import out, say, show_json, show_rows
from api.cli.progress import follow
from infra.errors import PlatformError

app = typer.Typer(help="Read models: what answers are read from, made of the events.", no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(help="A read model; see `projections list`.")]
All = Annotated[bool, typer.Option("--all", help="Every read model; the relational ones in one go.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the read models, how far each has come and how far it lies behind."""
    with connect() as connection:
        found = connection.get("/v1/projections")["items"]
    show_rows(found, ("name", "position", "lag"), as_json=as_json, empty="Nothing has happened yet.")


@app.command()
def rebuild(name: Name = None, every: All = False, as_json: AsJson = False) -> None:
    """Build a read model anew from the events and swap it in; reads and ingest go on meanwhile."""
    if every == (name is not None):
        raise PlatformError("Which read model?", "Name one, or say --all.")
    done = _work(name, "rebuild")
    if as_json:
        show_json(done)
    else:
        for each in done:
            out.print(f"{each['name']}: rebuilt to position {each['position']}")


@app.command()
def verify(name: Name = None, as_json: AsJson = False) -> None:
    """Compare a read model (all of them where none is named) with the events; exit code 1 when rows differ."""
    done = _work(name, "verification")
    if as_json:
        show_json(done)
    else:
        for each in done:
            out.print(f"{each['name']}: {'differs' if each['differences'] else 'equal'}")
            for line in each["differences"]:
                say(f"  {line}")
    if any(each["differences"] for each in done):
        raise typer.Exit(1)


def _work(name: str | None, verb: str) -> list[dict[str, Any]]:
    which = f"/{quote(os.fsencode(name), safe='')}" if name is not None else ""
    with connect() as connection:
        items: list[dict[str, Any]] = follow(connection, f"/v1/projections{which}/{verb}")["items"]
    return items
