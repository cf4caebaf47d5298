"""`carbon254 quotes`: forward quotes."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, InputFile, connect
from api.cli.output import err, out, show_json, show_rows

app = typer.Typer(help="Forward quotes.", no_args_is_help=True)


@app.command()
def record(file: InputFile, as_json: AsJson = False) -> None:
    """Record the quotes of a CSV FILE: hub, product, price_usd_per_mwh, source, quoted_at."""
    with connect() as connection:
        answer = connection.command("record-quotes", {"object": connection.upload(file.read_bytes())})
    if as_json:
        show_json(answer)
    else:
        out.print(answer["id"])
        counted = [event["data"]["sheet"]["quote_count"] for event in answer["events"]]
        err.print(f"{answer['status']}: {sum(counted)} quotes at position {answer['position']}")


@app.command("list")
def list_(hub: Annotated[str | None, typer.Option(help="Only this hub's.")] = None, as_json: AsJson = False) -> None:
    """List all quotes, the newest of each product first."""
    with connect() as connection:
        found = connection.get("/v1/quotes", hub=hub)["items"]
    columns = ("hub", "product", "price_usd_per_mwh", "source", "quoted_at", "sheet_id")
    show_rows(found, columns, as_json=as_json, empty="No quotes yet: `carbon254 quotes record FILE.csv`.")
