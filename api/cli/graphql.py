"""`carbon254 graphql`: one query of the GraphQL API."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.common import AsJson, connect
from api.cli.output import err, say, show_json
from infra.errors import WrongUsage


def graphql(
    query: Annotated[str, typer.Argument(help="A document, @FILE that holds it, or - for standard input.")],
    variables: Annotated[str | None, typer.Option(metavar="JSON|@FILE", help="Its variables, a JSON object.")] = None,
    operation: Annotated[str | None, typer.Option(help="Which operation of the document is meant.")] = None,
    as_json: AsJson = False,  # noqa: ARG001 - every answer is JSON
) -> None:
    """Ask a GraphQL QUERY and print the answer as JSON; its errors end in exit code 1."""
    body = {"query": _text(query), "variables": _variables(variables), "operationName": operation}
    with connect() as connection:
        answer = connection.run(connection.request("POST", "/graphql", params={"wait_for": "head"}, json=body)).json()
    show_json(answer)
    for error in answer.get("errors", []):
        say(f"{error['message']}. {error.get('extensions', {}).get('remedy', '')}".rstrip(), err)
    if "errors" in answer:
        raise typer.Exit(1)


def _text(argument: str) -> str:
    if argument == "-":
        return sys.stdin.read()
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{argument[1:]} is not text: {error}", "Save the file as UTF-8.") from error


def _variables(argument: str | None) -> dict[str, Any] | None:
    if argument is None:
        return None
    try:
        found = json.loads(_text(argument))
    except ValueError as error:
        raise typer.BadParameter(f"{error}", param_hint="--variables") from error
    if not isinstance(found, dict):
        raise typer.BadParameter('write an object: {"name": value}', param_hint="--variables")
    return found
