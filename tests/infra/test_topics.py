"""The messages of the topics against the schemas that are checked in: what changes one has to be seen."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from infra.topics import TOPICS

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_message_is_as_its_schema_says(topic: str) -> None:
    """A change that readers can not follow is a new version, with a topic and a schema of its own."""
    assert msgspec.json.schema(TOPICS[topic]) == json.loads((SCHEMAS / f"{topic}.json").read_text())


def test_no_schema_is_left_over() -> None:
    assert {file.stem for file in SCHEMAS.glob("*.json")} == set(TOPICS)
