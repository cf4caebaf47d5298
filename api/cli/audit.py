"""`carbon254 audit` and `recompute`: who did what, whether it still stands, and whether it comes out again."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

import typer

from api.cli.common import AsJson, Id, connect, nothing, reads
from api.cli.connection import Connection
from api.cli.output import err, out, say, show_json, show_rows, table
from api.cli.progress import follow
from api.cli.saving import save
from infra.errors import PlatformError, WrongUsage

app = typer.Typer(help="The audit log.", no_args_is_help=True)
seals = typer.Typer(help="Signed evidence of the log, to be kept elsewhere.", no_args_is_help=True)
app.add_typer(seals, name="seals")


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
    output_format: Annotated[Literal["table", "csv", "json", "parquet"], typer.Option("--format")] = "table",
    output: Annotated[Path | None, typer.Option("--out", help="A file to write instead of printing.")] = None,
    as_json: AsJson = False,
) -> None:
    """List who did what, when, and what came of it; newest first. Long lists are written as they come."""
    chosen = "json" if as_json else output_format
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise WrongUsage("Parquet is not for a terminal", "Name a file with --out.")
    if chosen in ("table", "json") and output is not None:
        raise WrongUsage(f"--out has no {chosen}", "Add --format csv or parquet.")
    params = {
        "actor": actor, "outcome": outcome, "noun": noun, "id": target, "correlation_id": correlation,
        "since": since, "until": until,
    }  # fmt: skip
    with connect() as connection:
        if chosen in ("csv", "parquet"):
            wanted = params | {"limit": limit, "format": chosen}
            if output is None:
                connection.download(sys.stdout.buffer, "/v1/audit", **wanted)
                return
            size_bytes = save(output, lambda sink: connection.download(sink, "/v1/audit", **wanted))
            say(f"{output}: {size_bytes:,} bytes", err)
            return
        found = connection.items("/v1/audit", **params, most=limit)
        columns = ("position", "recorded_at", "actor", "command", "event", "outcome", "reason", "target_id")
        show_rows(
            found, columns, as_json=chosen == "json", empty=nothing("Nothing has happened yet.", *params.values())
        )


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
    content, sha256 = _kept_seal(seal)
    with connect() as connection:
        lines = connection.lines("POST", "/v1/audit/verification", content=content, seal=sha256)
        found = follow(lines)
    difference = found["difference"]
    if as_json:
        show_json(found)
    else:
        out.print(
            f"{found['events']:,} events read: {found['sealed_events']:,} agree with {found['seals']:,} seals"
            + (f", the newest {newest:,} are not sealed yet" if (newest := found["unsealed_events"]) else "")
        )
        if difference:
            where = f" at position {difference['position']}" if difference["position"] else ""
            stream = f" of stream {difference['stream_id']}" if difference["stream_id"] else ""
            say(f"{difference['kind']}{where}{stream}: {difference['detail']}")
        else:
            out.print("Nothing was changed.")
    if difference:
        raise typer.Exit(1)


def _kept_seal(seal: str | None) -> tuple[bytes | None, str | None]:
    """A seal as it was given: the content of its file, or its SHA-256."""
    if seal is None:
        return None, None
    file = Path(seal)
    if file.is_file():
        return file.read_bytes(), None
    if not re.fullmatch("[0-9a-f]{64}", seal):
        raise typer.BadParameter(f"{seal} is neither a file nor a SHA-256", param_hint="--seal")
    return None, seal


@seals.command("list")
def list_seals(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Only the newest so many.")] = 20, as_json: AsJson = False
) -> None:
    """List the newest seals, newest first; the key that signs them goes to stderr."""
    with connect() as connection:
        found = _newest_seals(connection, limit)
    columns = ("first_ordinal", "last_ordinal", "sealed_at", "sha256")
    show_rows(found["items"], columns, as_json=as_json, empty="Nothing is sealed yet.")
    say(f"signed with the Ed25519 key {found['public_key']}", err)


@seals.command()
def export(
    sha256: Annotated[str | None, typer.Argument(metavar="[SHA256]", help="The newest where left out.")] = None,
    output: Annotated[Path | None, typer.Option("--out", help="A file to write instead of printing.")] = None,
) -> None:
    """Write a seal to keep elsewhere; `audit verify --seal` holds the log against it later."""
    with connect() as connection:
        if sha256 is None:
            newest = _newest_seals(connection, 1)["items"]
            if not newest:
                raise PlatformError("Nothing is sealed yet", "Try again in a second.")
            sha256 = newest[0]["sha256"]
        path = f"/v1/audit/seals/{quote(os.fsencode(sha256), safe='')}"
        content = connection.run(connection.request("GET", path)).content
    if output is None:
        sys.stdout.buffer.write(content)
        return
    save(output, lambda sink: sink.write(content))
    say(f"{output}: the seal {sha256}", err)


def _newest_seals(connection: Connection, limit: int) -> dict[str, Any]:
    """Asked without waiting for the read models: evidence does not depend on them."""
    found: dict[str, Any] = connection.run(connection.request("GET", "/v1/audit/seals", params={"limit": limit})).json()
    return found


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
