"""`carbon254 lineage`: what a number rests on, and what rests on it."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.tree import Tree

from api.cli.common import AsJson, connect, reads
from api.cli.output import out, printable, show_json

# Past this many of one kind below one node, the terminal shows how many more there are; --json has them all.
MOST_ALIKE = 8

Key = tuple[str, int]


@reads
def lineage(
    node_id: Annotated[str, typer.Argument(metavar="ID")],
    downstream: Annotated[bool, typer.Option(help="What was made from it, instead of what it was made from.")] = False,
    dot: Annotated[bool, typer.Option(help="As a graph in the DOT language, for Graphviz.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a result, publication or object was made from, down to raw bytes."""
    if not node_id:
        raise typer.BadParameter("an id is not empty", param_hint="ID")
    with connect() as connection:
        direction = "downstream" if downstream else "upstream"
        found = connection.get(f"/v1/lineage/{quote(os.fsencode(node_id), safe='')}", direction=direction)
    if as_json:
        show_json(found)
    elif dot:
        sys.stdout.write(lineage_dot(found))
    else:
        out.print(lineage_tree(found))


def lineage_tree(graph: dict[str, Any]) -> Tree:
    """The graph as a tree; what was shown once is only named when it comes again."""
    nodes = {(node["id"], node["position"]): node for node in graph["nodes"]}
    near, far = ("child", "parent") if graph["direction"] == "upstream" else ("parent", "child")
    below: dict[Key, list[dict[str, Any]]] = {}
    for edge in graph["edges"]:
        below.setdefault((edge[near], edge[f"{near}_position"]), []).append(edge)
    shown: set[Key] = set()

    def grow(branch: Tree, key: Key) -> None:
        if key in shown:
            if key in below:
                branch.add("[dim]as above[/dim]")
            return
        shown.add(key)
        counts: dict[str, int] = {}
        for edge in below.get(key, ()):
            counts[edge["role"]] = counts.get(edge["role"], 0) + 1
            if counts[edge["role"]] <= MOST_ALIKE:
                other = (edge[far], edge[f"{far}_position"])
                grow(branch.add(_line(nodes[other], edge["role"])), other)
        for role, count in counts.items():
            if count > MOST_ALIKE:
                branch.add(f"[dim]{_plain(role)}: {count - MOST_ALIKE} more, see --json[/dim]")

    start = (graph["id"], graph["position"])
    root = Tree(_line(nodes[start], None))
    grow(root, start)
    return root


def lineage_dot(graph: dict[str, Any]) -> str:
    """The graph in the DOT language; arrows lead from what was used to what was made of it."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for node in graph["nodes"]:
        label = f"{node['kind']}\n{printable(node['label'])}"
        lines.append(f"  {_dot_name(node['id'], node['position'])} [label={_quoted(label)}];")
    for edge in graph["edges"]:
        parent, child = (_dot_name(edge[end], edge[f"{end}_position"]) for end in ("parent", "child"))
        lines.append(f"  {parent} -> {child} [label={_quoted(edge['role'])}];")
    return "\n".join([*lines, "}", ""])


def _dot_name(node_id: str, position: int) -> str:
    return _quoted(f"{node_id}@{position}" if position else node_id)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return escape(printable(text))


def _line(node: dict[str, Any], role: str | None) -> str:
    details = node["details"]
    said = f"[dim]{_plain(role)}:[/dim] " if role and not role.startswith(node["kind"]) else ""
    kind = "" if node["kind"].startswith("object:") else f"[bold]{_plain(node['kind'])}[/bold] "
    parts = [f"{said}{kind}{_plain(node['label'])}", f"[cyan]{node['id']}[/cyan]"]
    if node["position"]:
        when = f"{details['recorded_at'][:19]}Z by {_plain(details['actor'])}"
        parts.append(f"[dim]{details['event']} at position {node['position']}, {when}[/dim]")
    if "code_version" in details:
        parameters = details["parameters"]
        seed = f", seed {parameters['seed']}, {parameters['paths']} paths" if "seed" in parameters else ""
        parts.append(f"[dim]code {details['code_version']}{seed}, digest {details['digest'][:16]}…[/dim]")
    if "rows" in details:
        parts.append(f"[dim]{details['rows']:,} rows[/dim]")
    return "  ".join(parts)
