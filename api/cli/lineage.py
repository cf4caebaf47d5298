"""`carbon254 lineage`: what a number rests on, and what rests on it."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.tree import Tree

from api.cli.common import AsJson, connect
from api.cli.output import out, show_json

# Past this many of one kind below one node, the terminal shows how many more there are; --json has them all.
MOST_ALIKE = 8


def lineage(
    node_id: Annotated[str, typer.Argument(metavar="ID")],
    downstream: Annotated[bool, typer.Option(help="What was made from it, instead of what it was made from.")] = False,
    dot: Annotated[bool, typer.Option(help="As a graph in the DOT language, for Graphviz.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a result, publication or object was made from, down to raw bytes."""
    with connect() as connection:
        direction = "downstream" if downstream else "upstream"
        found = connection.get(f"/v1/lineage/{node_id}", direction=direction)
    if as_json:
        show_json(found)
    elif dot:
        sys.stdout.write(lineage_dot(found))
    else:
        out.print(lineage_tree(found))


def lineage_tree(graph: dict[str, Any]) -> Tree:
    """The graph as a tree; what was shown once is only named when it comes again."""
    nodes = {node["id"]: node for node in graph["nodes"]}
    near, far = ("child", "parent") if graph["direction"] == "upstream" else ("parent", "child")
    below: dict[str, list[dict[str, Any]]] = {}
    for edge in graph["edges"]:
        below.setdefault(edge[near], []).append(edge)
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
                grow(branch.add(_line(nodes[edge[far]], edge)), edge[far])
        for role, count in counts.items():
            if count > MOST_ALIKE:
                branch.add(f"[dim]{escape(role)}: {count - MOST_ALIKE} more, see --json[/dim]")

    root = Tree(_line(nodes[graph["id"]], None))
    grow(root, graph["id"])
    return root


def lineage_dot(graph: dict[str, Any]) -> str:
    """The graph in the DOT language; arrows lead from what was used to what was made of it."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for node in graph["nodes"]:
        label = f"{node['kind']}\n{node['label']}"
        lines.append(f"  {_quoted(node['id'])} [label={_quoted(label)}];")
    for edge in graph["edges"]:
        lines.append(f"  {_quoted(edge['parent'])} -> {_quoted(edge['child'])} [label={_quoted(edge['role'])}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _line(node: dict[str, Any], edge: dict[str, Any] | None) -> str:
    details = node["details"]
    role = f"[dim]{edge['role']}:[/dim] " if edge and not edge["role"].startswith(node["kind"]) else ""
    kind = "" if node["kind"].startswith("object:") else f"[bold]{escape(node['kind'])}[/bold] "
    parts = [f"{role}{kind}{escape(node['label'])}", f"[cyan]{node['id']}[/cyan]"]
    # An edge tells how its parent stood then; seen from the other end, the node tells how it stands.
    then = edge if edge and edge["parent"] == node["id"] and edge["parent_position"] else None
    position = then["parent_position"] if then else node["position"]
    if position:
        event = then["parent_event"] if then else details["event"]
        parts.append(f"[dim]{event} at position {position}, {details['recorded_at'][:19]}Z by {details['actor']}[/dim]")
    if "code_version" in details:
        parameters = details["parameters"]
        seed = f", seed {parameters['seed']}, {parameters['paths']} paths" if "seed" in parameters else ""
        parts.append(f"[dim]code {details['code_version']}{seed}, digest {details['digest'][:16]}…[/dim]")
    if "rows" in details:
        parts.append(f"[dim]{details['rows']:,} rows[/dim]")
    return "  ".join(parts)
