"""What a JSON document is, is told without decoding all of it; what is wrong with it is told all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.isos.catalogue import Payload, parse, survey
from integrations.isos.documents import Document
from integrations.isos.errors import UnreadablePublication
from integrations.isos.pjm.answers import head_of, json_table
from integrations.isos.pjm.reports import REPORTS

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=9
)


def document(content: Any) -> Document:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Document("answer.json", text, "json")


@given(VALUES)
def test_members_are_those_of_the_decoded_json(value: Any) -> None:
    found = document(value)
    expected = value if isinstance(value, dict) else {}
    assert {key: json.loads(bytes(raw)) for key, raw in found.members.items()} == expected
    assert found.problem == ""


@pytest.mark.parametrize("broken", [b'{"items": [1, 2}', b'{"a": tru}', b'{"a": NaN}', b"[1, 2", b'{"a": 1} x'])
def test_what_cannot_be_read_is_told_with_its_place(broken: bytes) -> None:
    assert "the JSON cannot be read" in document(broken).problem


def test_an_answer_is_told_by_the_fields_of_its_first_item() -> None:
    link = {"rel": "self", "href": "https://api.pjm.com/api/v1/inst_load?rowCount=1"}
    head = head_of(document({"links": [link], "items": [{"Area": "PJM", "x": 1}, {"y": 2}], "totalRows": 2}))
    assert head is not None
    assert (head.keys, head.feed) == (frozenset({"area", "x"}), "inst_load")
    assert head_of(document([{"Area": "PJM"}])) is not None
    others: list[object] = [{"items": 1, "totalRows": 1}, {"items": [1], "totalRows": 1}, {"items": []}, {}, [1], 1]
    for other in others:
        assert head_of(document(other)) is None


def test_an_item_that_is_no_object_is_named() -> None:
    (report,) = (report for report in REPORTS if report.name == "inst_load")
    item = dict.fromkeys(report.needed, 1)
    with pytest.raises(UnreadablePublication, match="item 2 is no object"):
        json_table(document({"items": [item, 7], "totalRows": 2}), report)


def test_a_document_with_damage_behind_its_head_is_quarantined() -> None:
    item = b'{"datetime_beginning_utc": "\xff"}'
    text = b'{"links": [{"href": "https://x/api/v1/inst_load"}], "items": [' + item + b'], "totalRows": 1}'
    (payload,) = survey("answer.json", text, named=True).payloads
    assert isinstance(payload, Payload)
    with pytest.raises(UnreadablePublication, match=r"answer\.json"):
        parse(payload)
