"""`carbon254 quotes`: forward quotes."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, InputFile, connect, nothing, reads, send
from api.cli.output import err, show_rows

app = typer.Typer(help="Forward quotes.", no_args_is_help=True)


@app.command()
def record(file: InputFile, as_json: AsJson = False) -> None:
    """Record the quotes of a CSV FILE: hub, product, price_usd_per_mwh, source, quoted_at."""
    content = file.read_bytes()
    with connect() as connection:
        answer = send(connection, "record-quotes", {"object": connection.upload(content)}, as_json)
    if not as_json:
        err.print(f"{sum(event['data']['sheet']['quote_count'] for event in answer['events'])} quotes recorded")


@app.command("list")
@reads
def list_(hub: Annotated[str | None, typer.Option(help="Only this hub's.")] = None, as_json: AsJson = False) -> None:
    """List all quotes, newest first."""
    empty = nothing("No quotes yet: `carbon254 quotes record FILE.csv`.", hub)
    columns = ("hub", "product", "price_usd_per_mwh", "source", "quoted_at", "sheet_id")
    with connect() as connection:
        found = connection.items("/v1/quotes", hub=hub)
        show_rows(found, columns, as_json=as_json, empty=empty)
