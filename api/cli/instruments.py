"""`carbon254 instruments`: hubs."""

from __future__ import annotations

import typer

from api.cli.common import AsJson, InputFile, connect, read_fields, reads, send
from api.cli.output import show_rows

app = typer.Typer(help="Hubs: what is quoted and valued.", no_args_is_help=True)


@app.command()
def register(file: InputFile, as_json: AsJson = False) -> None:
    """Register the hub of a YAML FILE: name, iso, node, node_type, market, time_zone."""
    fields = read_fields(file)
    with connect() as connection:
        send(connection, "register-instrument", fields, as_json)


@app.command("list")
@reads
def list_(as_json: AsJson = False) -> None:
    """List the registered hubs."""
    columns = ("name", "iso", "node", "node_type", "market", "time_zone", "id")
    with connect() as connection:
        found = connection.items("/v1/instruments")
        show_rows(found, columns, as_json=as_json, empty="No hubs yet: `carbon254 instruments register FILE`.")
