"""`carbon254 actors`: people and programs that call."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, connect, send

app = typer.Typer(help="Actors: the people and programs that call.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """A group although it has one verb."""


@app.command()
def revoke(actor: Annotated[str, typer.Argument(help="Whose keys and tokens.")], as_json: AsJson = False) -> None:
    """Revoke all that ACTOR holds now: its keys, and the tokens that were issued before this moment."""
    with connect() as connection:
        send(connection, "revoke-actor", {"actor": actor}, as_json)
