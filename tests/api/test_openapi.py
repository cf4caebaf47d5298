"""The OpenAPI document: as checked in, valid, with examples, stable names, and problems described once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

from api import problems
from api.app import create_routes
from api.openapi import document_of, operations, text_of
from api.rest.examples import ANSWERS
from tests.api.conftest import Get

ROOT = Path(__file__).parents[2]
CHECKED_IN = ROOT / "docs" / "openapi.json"
OPEN = {"/livez", "/readyz"}
PRICES = "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12&limit=1"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(create_routes())


def test_the_checked_in_document_is_the_one_that_is_served(document: dict[str, Any], get: Get) -> None:
    assert CHECKED_IN.read_text() == text_of(document), "`make openapi` writes it anew; look at what changed"
    assert get("/openapi.json").json() == document


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', text_of(document)))
    for reference in references:
        found: Any = document
        for part in reference.split("/"):
            found = found[part]
    for kind in ("schemas", "responses"):
        assert all(f"components/{kind}/{name}" in references for name in document["components"][kind])
    for schema in document["components"]["schemas"].values():
        validator_for(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], **schema}
        )


def test_every_operation_has_a_name_a_description_and_its_problems(document: dict[str, Any]) -> None:
    names = []
    for path, method, operation in operations(document):
        names.append(operation["operationId"])
        assert re.fullmatch(r"[a-z][a-z_]*", operation["operationId"])
        assert operation["description"], path
        answers = operation["responses"]
        assert {"400", "401", "403", "422", "429", "500", "503"} <= set(answers), (path, method)
        assert all("$ref" in answer for status, answer in answers.items() if int(status) >= 400)
        assert any(status.startswith("2") for status in answers)
    assert len(names) == len(set(names))


def test_problems_are_as_described_there(document: dict[str, Any], get: Get) -> None:
    problem = validator_for(document["components"]["schemas"]["Problem"])
    for path, status in (("/v1/curves?x=1", 400), ("/v1/audit/9999", 404), ("/v1/curves?limit=0", 422)):
        answer = get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, problems.MEDIA_TYPE)
        problem.validate(answer.json())
    unauthorised = get("/v1/curves", headers={"Authorization": ""})
    problem.validate(unauthorised.json())


def test_the_types_of_problems_are_in_the_docs() -> None:
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / "rest.md").read_text(), re.MULTILINE)
    assert {name for name, _ in problems.TYPES.values()} <= set(headings)


def test_lists_are_as_described(document: dict[str, Any], get: Get, market: dict[str, Any]) -> None:
    checked = 0
    for path, method, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if method != "get" or "{" in path or path in ("/v1/prices", *OPEN) or "schema" not in content:
            continue
        schema = content["schema"] | {"components": document["components"]}
        validator_for(schema).validate(get(path).json())
        checked += 1
    assert checked > 10


def test_what_lists_answer_has_an_example_with_the_same_fields(
    document: dict[str, Any], get: Get, market: dict[str, Any]
) -> None:
    with_rows = 0
    for path, method, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if method != "get" or "{" in path or not (example := content.get("example")):
            continue
        real = get(PRICES if path == "/v1/prices" else path).json()
        assert real.keys() == example.keys(), path
        for row in real["items"][:1]:
            assert row.keys() == example["items"][0].keys(), path
            with_rows += 1
    assert with_rows >= 12


@pytest.mark.parametrize("operation_id", ANSWERS)
def test_an_example_is_what_the_schema_allows(document: dict[str, Any], operation_id: str) -> None:
    (operation,) = (o for _, _, o in operations(document) if o["operationId"] == operation_id)
    content = operation["responses"]["200"]["content"]["application/json"]
    assert content["example"] == ANSWERS[operation_id]
    validator_for(content["schema"] | {"components": document["components"]}, validate_formats=True).validate(
        content["example"]
    )


def test_whatever_has_columns_has_an_example(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if method == "get" and path.startswith("/v1/") and content.get("schema", {}).get("required"):
            assert "example" in content, path


def test_things_are_as_described(document: dict[str, Any], get: Get, market: dict[str, Any]) -> None:
    for path, made in (
        ("/v1/curves/{curve_id}", "curve"),
        ("/v1/ppas/{ppa_id}", "ppa"),
        ("/v1/ppas/valuations/{valuation_id}", "valuation"),
        ("/v1/scenarios/{scenario_id}", "scenario"),
        ("/v1/lineage/{node_id}", "curve"),
    ):
        content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        found = get(re.sub(r"\{\w+\}", market[made]["id"], path)).json()
        validator_for(content["schema"]).validate(found)
        assert found.keys() == content["example"].keys(), path
