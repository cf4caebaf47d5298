"""`carbon254 scenarios`: assumptions."""

from __future__ import annotations

import typer

from api.cli.common import AsJson, InputFile, connect, read_fields, reads, send
from api.cli.output import show_rows

app = typer.Typer(help="Scenarios: the assumptions beyond what the market quotes.", no_args_is_help=True)


@app.command()
def define(file: InputFile, as_json: AsJson = False) -> None:
    """Define the scenario of a YAML FILE: name, growth_per_year, seasonal_weight."""
    _send_file("define-scenario", file, as_json)


@app.command()
def revise(file: InputFile, as_json: AsJson = False) -> None:
    """Revise a defined scenario with the assumptions of a YAML FILE."""
    _send_file("revise-scenario", file, as_json)


@app.command("list")
@reads
def list_(as_json: AsJson = False) -> None:
    """List the scenarios as last revised."""
    columns = ("name", "revision", "growth_per_year", "seasonal_weight", "id")
    with connect() as connection:
        found = connection.items("/v1/scenarios")
        show_rows(found, columns, as_json=as_json, empty="No scenarios yet: `carbon254 scenarios define FILE.yaml`.")


def _send_file(command: str, file: InputFile, as_json: bool) -> None:
    fields = read_fields(file)
    with connect() as connection:
        send(connection, command, fields, as_json)
