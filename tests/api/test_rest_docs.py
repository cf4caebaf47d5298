"""Every example of docs/rest.md is sent, and answered as the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from api.app import create_routes
from api.openapi import document_of, operations
from tests.api.conftest import Get

PAGE = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [line for block in SHELL.findall(PAGE) for line in block.replace("\\\n", "").strip().splitlines()]


@pytest.fixture(scope="module")
def variables(get: Get, market: dict[str, Any]) -> dict[str, str]:
    return {
        "API": "",
        "CURVE": market["curve"]["id"],
        "PPA": market["ppa"]["id"],
        "SCENARIO": market["scenario"]["id"],
        "CURSOR": get("/v1/audit?limit=2").json()["next_cursor"],
        "ETAG": get(f"/v1/curves/{market['curve']['id']}").headers["etag"],
    }


LISTS = re.findall(r"^\| `([a-z/-]+)` \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
# What every list takes, or has a section of its own.
SHARED = {"limit", "cursor", "format", "as_of", "replay", "wait_for", "tz", "sort"}


def test_the_table_of_lists_is_what_the_routes_take() -> None:
    listed = {}
    for path, method, operation in operations(document_of(create_routes())):
        parameters = {p["name"]: p["schema"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        if method == "get" and "cursor" in parameters:
            orders = parameters["sort"]["enum"] if "sort" in parameters else None
            listed[path.removeprefix("/v1/")] = (parameters.keys() - SHARED, orders)
    assert {name for name, _, _ in LISTS} == listed.keys()
    for name, filters, sorts in LISTS:
        taken, orders = listed[name]
        assert set(re.findall(r"`(\w+)`", filters)) - {"quoted_at"} == taken, name
        if orders is not None:
            assert re.findall(r"`(-?\w+)`", sorts) == orders, name


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 15


@pytest.mark.parametrize("line", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_is_answered_as_the_page_says(get: Get, variables: dict[str, str], line: str) -> None:
    command, _, comment = line.partition("  # ")
    words = iter(shlex.split(command))
    assert next(words) == "curl"
    method, headers, body, url = "GET", {}, None, ""
    for word in words:
        if word in ("-X", "-H", "-d"):
            value = next(words)
            if word == "-X":
                method = value
            elif word == "-d":
                body = value
            else:
                name, _, content = value.partition(": ")
                headers[name] = content.replace("$ETAG", variables["ETAG"])
        elif word == "-I":
            method = "HEAD"
        elif word != "-s":
            url = word
    assert headers.pop("Authorization") == "Bearer $TOKEN"
    for name, value in variables.items():
        url = url.replace(f"${name}", value)
    answer = get(url, method=method, headers=headers, content=body)
    assert answer.status_code == (int(comment[:3]) if comment else 200), (line, answer.text)
