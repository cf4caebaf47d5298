"""`carbon254 projections`: the read models, built anew or compared with the events."""

from __future__ import annotations

import os
from typing import Annotated, Any
from urllib.parse import quote

import typer

from api.cli.common import AsJson, connect
from api.cli.connection import Connection
from api.cli.output import out, say, show_json, show_rows
from api.cli.progress import follow
from infra.errors import PlatformError

app = typer.Typer(help="Read models: what answers are read from, made of the events.", no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(help="A read model; see `projections list`.")]
All = Annotated[bool, typer.Option("--all", help="Every read model, one after the other.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the read models, how far each has come and how far it lies behind."""
    with connect() as connection:
        found = connection.get("/v1/projections")["items"]
    show_rows(found, ("name", "position", "lag"), as_json=as_json, empty="Nothing has happened yet.")


@app.command()
def rebuild(name: Name = None, every: All = False, as_json: AsJson = False) -> None:
    """Build a read model anew from the events and swap it in; reads go on meanwhile."""
    with connect() as connection:
        done = [_work(connection, each, "rebuild") for each in _names(connection, name, every)]
    if as_json:
        show_json(done)
    else:
        for each in done:
            out.print(f"{each['name']}: rebuilt to position {each['position']}")


@app.command()
def verify(name: Name = None, as_json: AsJson = False) -> None:
    """Compare a read model (all of them where none is named) with the events; exit code 1 when rows differ."""
    with connect() as connection:
        done = [_work(connection, each, "verification") for each in _names(connection, name, name is None)]
    if as_json:
        show_json(done)
    else:
        for each in done:
            out.print(f"{each['name']}: {'differs' if each['differences'] else 'equal'}")
            for line in each["differences"]:
                say(f"  {line}")
    if any(each["differences"] for each in done):
        raise typer.Exit(1)


def _names(connection: Connection, name: str | None, every: bool) -> list[str]:
    if every == (name is not None):
        raise PlatformError("Which read model?", "Name one, or say --all.")
    return [name] if name else [item["name"] for item in connection.get("/v1/projections")["items"]]


def _work(connection: Connection, name: str, verb: str) -> dict[str, Any]:
    lines = connection.lines("POST", f"/v1/projections/{quote(os.fsencode(name), safe='')}/{verb}")
    return follow(lines, name, remedy="The read model is as it was; `carbon254 doctor` tells more.")
