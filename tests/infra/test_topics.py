"""The messages of the topics against the schemas that are checked in: what changes one has to be seen."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from infra.topics import TOPICS, TickColumns, Utc

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_message_is_as_its_schema_says(topic: str) -> None:
    """A change that readers can not follow is a new version, with a topic and a schema of its own."""
    assert msgspec.json.schema(TOPICS[topic]) == json.loads((SCHEMAS / f"{topic}.json").read_text())


def test_no_schema_is_left_over() -> None:
    assert {file.stem for file in SCHEMAS.glob("*.json")} == set(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_and_its_messages_have_one_version(topic: str) -> None:
    known = {field.name: field.default for field in msgspec.structs.fields(TOPICS[topic])}
    assert (known["topic"], f".v{known['schema_version']}") == (topic, topic[topic.rindex(".") :])


@pytest.mark.parametrize(
    "change",
    [
        {"node": None},
        {"node": list[int]},
        {"lmp_usd_per_mwh": list[str]},
        {"lmp_usd_per_mwh": list[float | None]},
        {"interval_start_utc": list[Utc | None]},
        {"losses_usd_per_mwh": list[float]},
    ],
    ids=["removed", "another type", "text for a number", "null allowed", "null allowed for a time", "added"],
)
def test_each_change_of_a_field_is_seen(change: dict[str, type | None]) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(TickColumns)} | change
    columns = msgspec.defstruct("TickColumns", [(name, kind) for name, kind in fields.items() if kind])
    known = json.loads((SCHEMAS / "power.ticks.v1.json").read_text())["$defs"]["TickColumns"]
    changed = msgspec.json.schema(columns)["$defs"]["TickColumns"]
    same = msgspec.json.schema(TickColumns)["$defs"]["TickColumns"]
    assert changed["properties"] != known["properties"]
    assert same["properties"] == known["properties"]
