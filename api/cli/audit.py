"""`carbon254 audit`, `lineage` and `recompute`: who did what, and what a number rests on."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.tree import Tree

from api.cli.common import AsJson, connect
from api.cli.output import err, out, show_json, show_rows

app = typer.Typer(help="The audit log.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID")]
# Past this many of one kind below one node, the terminal shows how many more there are; --json has them all.
MOST_ALIKE = 8


@app.command("list")
def list_(
    outcome: Annotated[str | None, typer.Option(help="done, unchanged, quarantined, different or refused.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the newest so many.")] = None,
    output_format: Annotated[Literal["table", "csv", "json"], typer.Option("--format")] = "table",
    as_json: AsJson = False,
) -> None:
    """List who did what, when, and what came of it; newest first."""
    with connect() as connection:
        if output_format == "csv" and not as_json:
            sys.stdout.write(connection.get_bytes("/v1/audit", outcome=outcome, limit=limit, format="csv").decode())
            return
        found = connection.get("/v1/audit", outcome=outcome, limit=limit)["items"]
    columns = ("position", "recorded_at", "actor", "command", "event", "outcome", "reason", "target_id")
    show_rows(found, columns, as_json=as_json or output_format == "json", empty="Nothing has happened yet.")


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
            out.print(f"{difference['kind']}{where}{stream}: {difference['detail']}", markup=False, soft_wrap=True)
        else:
            out.print("Nothing was changed.")
    if difference:
        raise typer.Exit(1)


def _sha256(seal: str) -> str:
    file = Path(seal)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else seal


def lineage(node_id: Id, as_json: AsJson = False) -> None:
    """Show what a result, publication or object was made from, down to raw bytes."""
    with connect() as connection:
        found = connection.get(f"/v1/lineage/{node_id}")
    if as_json:
        show_json(found)
    else:
        out.print(lineage_tree(found))


def recompute(result_id: Id, as_json: AsJson = False) -> None:
    """Compute a curve or valuation again from its recorded inputs; exit code 1 when it differs."""
    with connect() as connection:
        answer = connection.command("recompute-result", {"result_id": result_id})
        recorded = connection.get(f"/v1/lineage/{result_id}")["nodes"]
    data = answer["events"][0]["data"]
    if as_json:
        show_json(answer)
    elif data["equal"]:
        out.print(f"equal: digest {data['digest']}")
    else:
        out.print(f"different: {data['difference']}", markup=False)
        (made_by,) = [node["details"]["code_version"] for node in recorded if node["id"] == result_id]
        err.print(f"recorded by code {made_by}, computed again by code {data['code_version']}")
    if not data["equal"]:
        raise typer.Exit(1)


def lineage_tree(graph: dict[str, Any]) -> Tree:
    """The graph as a tree; what was shown once is only named when it comes again."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    below: dict[str, list[dict[str, Any]]] = {}
    for edge in graph["edges"]:
        below.setdefault(edge["child"], []).append(edge)
    shown: set[str] = set()

    def grow(branch: Tree, node_id: str) -> None:
        if node_id in shown:
            if node_id in below:
                branch.add("[dim]as above[/dim]")
            return
        shown.add(node_id)
        counts: dict[str, int] = {}
        for edge in below.get(node_id, ()):
            counts[edge["role"]] = counts.get(edge["role"], 0) + 1
            if counts[edge["role"]] <= MOST_ALIKE:
                grow(branch.add(_line(nodes[edge["parent"]], edge)), edge["parent"])
        for role, count in counts.items():
            if count > MOST_ALIKE:
                branch.add(f"[dim]{role}: {count - MOST_ALIKE} more, see --json[/dim]")

    root = Tree(_line(nodes[graph["id"]], None))
    grow(root, graph["id"])
    return root


def _line(node: dict[str, Any], edge: dict[str, Any] | None) -> str:
    details = node["details"]
    role = f"[dim]{edge['role']}:[/dim] " if edge and not edge["role"].startswith(node["kind"]) else ""
    kind = "" if node["kind"].startswith("object:") else f"[bold]{escape(node['kind'])}[/bold] "
    parts = [f"{role}{kind}{escape(node['label'])}", f"[cyan]{node['id']}[/cyan]"]
    position = edge["parent_position"] if edge and edge["parent_position"] else node["position"]
    if position:
        event = (edge and edge["parent_event"]) or details.get("event")
        parts.append(f"[dim]{event} at position {position}, {details['recorded_at'][:19]}Z by {details['actor']}[/dim]")
    if "code_version" in details:
        parameters = details["parameters"]
        seed = f", seed {parameters['seed']}, {parameters['paths']} paths" if "seed" in parameters else ""
        parts.append(f"[dim]code {details['code_version']}{seed}, digest {details['digest'][:16]}…[/dim]")
    if "rows" in details:
        parts.append(f"[dim]{details['rows']:,} rows[/dim]")
    return "  ".join(parts)
