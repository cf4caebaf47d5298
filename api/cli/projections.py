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
from infra.errors import WrongUsage

app = typer.Typer(help="Read models: what answers are read from, made of the events.", no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(help="A read model; see `carbon254 projections list`.")]
All = Annotated[bool, typer.Option("--all", help="Every read model; the relational ones in one go.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the read models, how far each has come, and how far it lies behind, in events and in seconds."""
    with connect() as connection:
        found = _listed(connection)
    columns = ("name", "position", "lag", "lag_s", "dead_letters", "trouble")
    show_rows(found, columns, as_json=as_json, empty="There is none.")


@app.command()
def rebuild(name: Name = None, every: All = False, as_json: AsJson = False) -> None:
    """Build a read model anew from the events and swap it in; reads and ingest go on meanwhile."""
    if every == (name is not None):
        raise WrongUsage("Which read model?", "Name one, or say --all.")
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


@app.command("dead-letters")
def dead_letters(name: Name = None, as_json: AsJson = False) -> None:
    """List events that a read model could not apply, and those of the same streams that wait behind them."""
    with connect() as connection:
        found = _dead_letters(connection, name)
    columns = ("projection", "position", "event", "reason", "attempts", "last_failed_at")
    show_rows(found, columns, as_json=as_json, empty="Nothing is set aside.")


@app.command()
def retry(
    name: Name = None,
    position: Annotated[int | None, typer.Option(help="Only the stream of the dead letter at this position.")] = None,
    as_json: AsJson = False,
) -> None:
    """Apply dead letters, in order within each stream; exit code 1 when one still fails."""
    if name is None and position is not None:
        raise WrongUsage("Which read model?", "Name the one that has a dead letter at this position.")
    with connect() as connection:
        names = [name] if name else sorted({letter["projection"] for letter in _dead_letters(connection, None)})
        done = [_retry(connection, each, position) for each in names]
    if as_json:
        show_json(done)
    else:
        for each in done:
            out.print(f"{each['name']}: {len(each['succeeded'])} applied, {len(each['failing'])} still failing")
            for failed in each["failing"]:
                say(f"  position {failed['position']}: {failed['reason']}")
        if not done:
            out.print("Nothing is set aside.")
    if any(each["failing"] for each in done):
        raise typer.Exit(1)


def _listed(connection: Connection) -> list[dict[str, Any]]:
    """Asked without waiting for the newest event: one that stands still must be shown, not waited for."""
    found: list[dict[str, Any]] = connection.run(connection.request("GET", "/v1/projections")).json()["items"]
    return found


def _dead_letters(connection: Connection, name: str | None) -> list[dict[str, Any]]:
    wanted = {"projection": name} if name else {}
    answer = connection.run(connection.request("GET", "/v1/projections/dead-letters", params=wanted)).json()
    found: list[dict[str, Any]] = answer["items"]
    return found


def _retry(connection: Connection, name: str, position: int | None) -> dict[str, Any]:
    wanted = {} if position is None else {"position": str(position)}
    path = f"/v1/projections/{_quoted(name)}/retry"
    done: dict[str, Any] = connection.run(connection.request("POST", path, params=wanted)).json()
    return done


def _quoted(name: str) -> str:
    return quote(os.fsencode(name), safe="")


def _work(name: str | None, verb: str) -> list[dict[str, Any]]:
    which = f"/{_quoted(name)}" if name is not None else ""
    with connect() as connection:
        items: list[dict[str, Any]] = follow(connection.lines("POST", f"/v1/projections{which}/{verb}"))["items"]
    return items
