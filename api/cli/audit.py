"""`carbon254 audit` and `recompute`: who did what, whether it still stands, and whether it comes out again."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from api.cli.common import AsJson, Id, connect, reads
from api.cli.output import err, out, say, show_json, show_rows, table

app = typer.Typer(help="The audit log.", no_args_is_help=True)


@app.command("list")
@reads
def list_(
    actor: Annotated[str | None, typer.Option(help="Only what this actor did.")] = None,
    outcome: Annotated[str | None, typer.Option(help="done, unchanged, quarantined, different or refused.")] = None,
    noun: Annotated[str | None, typer.Option(help="publication, curve, ppa, …: the event's first part.")] = None,
    target: Annotated[UUID | None, typer.Option("--id", help="What was changed, made or refused.")] = None,
    correlation: Annotated[UUID | None, typer.Option(help="Only what belongs together under this id.")] = None,
    since: Annotated[str | None, typer.Option(help="Recorded at this time or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded before this time.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    output_format: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
    as_json: AsJson = False,
) -> None:
    """List who did what, when, and what came of it; newest first."""
    columns = ("position", "recorded_at", "actor", "command", "event", "outcome", "reason", "target_id")
    params = {
        "actor": actor, "outcome": outcome, "noun": noun, "id": target, "correlation_id": correlation,
        "since": since, "until": until,
    }  # fmt: skip
    with connect() as connection:
        if output_format == "csv" and not as_json:
            connection.download(sys.stdout.buffer, "/v1/audit", **params, limit=limit, format="csv")
            return
        found = connection.items("/v1/audit", **params, most=limit)
        show_rows(found, columns, as_json=as_json or output_format == "json", empty="Nothing has happened yet.")


@app.command()
def show(position: Annotated[int, typer.Argument(min=1)], as_json: AsJson = False) -> None:
    """Show the event at POSITION: its facts, its metadata and its hash."""
    with connect() as connection:
        found = connection.get(f"/v1/audit/{position}")
    if as_json:
        show_json(found)
        return
    metadata, data = found.pop("metadata"), found.pop("data")
    facts = [{"fact": name, "value": value} for name, value in (found | metadata).items()]
    out.print(table(facts, ("fact", "value")))
    show_json(data)


@app.command()
def verify(
    seal: Annotated[
        str | None, typer.Option(help="A seal that was kept elsewhere: its file, or the SHA-256 of it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold the log against its seals; name the first changed, missing, reordered, inserted or cut-off event."""
    with connect() as connection:
        found = connection.get("/v1/audit/verification", seal=seal and _sha256(seal))
    difference = found["difference"]
    if as_json:
        show_json(found)
    else:
        out.print(
            f"{found['events']:,} events read: {found['sealed_events']:,} agree with {found['seals']:,} seals, "
            f"the newest {found['unsealed_events']:,} are not sealed yet"
        )
        if difference:
            where = f" at position {difference['position']}" if difference["position"] else ""
            stream = f" of stream {difference['stream_id']}" if difference["stream_id"] else ""
            say(f"{difference['kind']}{where}{stream}: {difference['detail']}")
        else:
            out.print("Nothing was changed.")
    if difference:
        raise typer.Exit(1)


def _sha256(seal: str) -> str:
    file = Path(seal)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else seal


def recompute(result_id: Id, as_json: AsJson = False) -> None:
    """Compute a curve or valuation again from its recorded inputs; exit code 1 when it differs."""
    with connect() as connection:
        answer = connection.command("recompute-result", {"result_id": str(result_id)})
        recorded = connection.get(f"/v1/lineage/{result_id}")["nodes"]
    data = answer["events"][0]["data"]
    if as_json:
        show_json(answer)
    elif data["equal"]:
        out.print(f"equal: digest {data['digest']}")
    else:
        say(f"different: {data['difference']}")
        (made_by,) = [node["details"]["code_version"] for node in recorded if node["id"] == str(result_id)]
        say(f"recorded by code {made_by}, computed again by code {data['code_version']}", err)
    if not data["equal"]:
        raise typer.Exit(1)
