"""`carbon254 graphql` takes a document from the command line, a file or standard input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import graphql
from api.cli.connection import Connection
from api.cli.main import app

QUERY = "query ($first: Int! = 3) { audit(first: $first) { edges { node { position } } } }"
Run = Callable[..., Result]


@pytest.fixture
def run(api: Connection, sample: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    class Kept:
        def __enter__(self) -> Connection:
            return api

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(graphql, "connect", Kept)
    return lambda *arguments, **options: CliRunner().invoke(app, ["graphql", *arguments], **options)


def positions(result: Result) -> int:
    assert result.exit_code == 0, result.output
    return len(json.loads(result.stdout)["data"]["audit"]["edges"])


def test_a_document_comes_from_the_line_a_file_or_standard_input(run: Run, tmp_path: Path) -> None:
    file, variables = tmp_path / "query.graphql", tmp_path / "variables.json"
    file.write_text(QUERY)
    variables.write_text('{"first": 2}')
    assert positions(run(QUERY)) == 3
    assert positions(run(f"@{file}", "--variables", f"@{variables}")) == 2
    assert positions(run("-", "--variables", '{"first": 1}', input=QUERY)) == 1
    two = QUERY.replace("query (", "query This (") + " query Other { __typename }"
    assert positions(run(two, "--operation", "This", "--json")) == 3


def test_errors_end_in_exit_code_1_beside_what_was_answered(run: Run) -> None:
    result = run('{ projections { name } prices(where: {iso: PJM, start: "soon", end: "2026"}) { edges { cursor } } }')
    assert result.exit_code == 1
    assert json.loads(result.stdout)["data"]["projections"]
    assert "start: 'soon' is no time. Write 2026-01-31" in result.stderr


@pytest.mark.parametrize("variables", ["{", "[]", "1"])
def test_variables_that_are_no_object_are_a_usage_error(run: Run, variables: str) -> None:
    result = run(QUERY, "--variables", variables)
    assert result.exit_code == 2
    assert "--variables" in result.stderr
