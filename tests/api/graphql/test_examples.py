"""The examples of docs/graphql.md answer something on the sample."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.graphql.conftest import Ask

PAGE = Path(__file__).parents[3] / "docs" / "graphql.md"
EXAMPLE = re.compile(r"^```graphql\n(.*?)^```\n(?:\n```json\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
EXAMPLES = EXAMPLE.findall(PAGE.read_text())


def test_there_are_eleven() -> None:
    assert len(EXAMPLES) == 11


@pytest.mark.parametrize(("query", "variables"), EXAMPLES, ids=map(str, range(1, 12)))
def test_an_example_answers_something(sample: dict[str, str], ask: Ask, query: str, variables: str) -> None:
    for noun in ("curve", "ppa", "valuation"):
        variables = variables.replace(f"{noun.upper()}_ID", sample[noun])
    answer = ask(query, **json.loads(variables or "{}"))
    assert "errors" not in answer
    for name, value in answer["data"].items():
        assert_full(value, name)


def assert_full(value: Any, path: str) -> None:
    """Neither a missing object nor an empty list; single values may be null."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, dict | list) and name not in ("details", "report", "figures"):
                assert_full(inner, f"{path}.{name}")
    elif isinstance(value, list):
        assert value, f"{path} is empty"
        for inner in value:
            if isinstance(inner, dict):
                assert_full(inner, path)
    else:
        raise AssertionError(f"{path} is {value}")
