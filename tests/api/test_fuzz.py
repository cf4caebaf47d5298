"""Whatever is sent, the answer is one that the document describes, and never a 5xx."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app, create_routes
from api.openapi import operations
from api.platform import Platform
from commands.registry import REGISTRY
from tests.api.conftest import Get

# Bounded so that all of it takes about a minute; more examples find nothing that a night of it did not.
FEW = settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance, response_headers_conformance]
OPERATIONS = list(operations(create_routes().openapi()))
HOST = {"Host": "127.0.0.1"}
JSON = {"Content-Type": "application/json"}
# These run for long, or stream what the whole log holds; a backup is written wherever the words lead.
HEAVY = ["rebuild_projection", "verify_projection", "make_backup"]


@pytest.fixture(scope="module")
def schema(platform: Platform, market: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(platform), headers=HOST)


@pytest.mark.parametrize("operation_id", [o["operationId"] for _, _, o in OPERATIONS if o["operationId"] not in HEAVY])
def test_every_operation_answers_as_it_is_described(schema: Any, platform: Platform, operation_id: str) -> None:
    operation = schema.find_operation_by_id(operation_id)
    cases = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]).flatmap(
        lambda mode: operation.as_strategy(generation_mode=mode)
    )

    @FEW
    @given(case=cases)
    def send(case: Case[Any]) -> None:
        answer = case.call(headers=HOST | {"Authorization": f"Bearer {platform.token}"})
        case.validate_response(answer, checks=CHECKS)

    send()


LISTS = [
    path
    for path, method, o in OPERATIONS
    if method == "get" and "cursor" in {p["name"] for p in o.get("parameters", [])}
]
THINGS = [path for path, method, _ in OPERATIONS if method == "get" and "{" in path]
PRICES = {"iso": "MISO", "start": "2026-03-10", "end": "2026-03-11"}

numbers = st.sampled_from(["0", "-0", "1e400", "٣", "²", "0x10", " 7", "007", "+1", "1_000"]) | st.integers().map(str)
huge = st.integers(1, 4000).map(lambda digits: "9" * digits)
times = (
    st.datetimes().map(lambda time: time.isoformat())
    | st.dates().map(str)
    | st.sampled_from(
        ["24:00", "2026-W01-1", "20260131T05", "2026-01-31T05:00+23:59", "2026-01-31T05:00:00.1234567-12:00"]
    )
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
values = numbers | huge | times | texts | st.uuids().map(str)


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("path", LISTS)
def test_parameters_of_any_kind_are_answered_or_named(get: Get, path: str) -> None:
    (known,) = [o["parameters"] for found, method, o in OPERATIONS if (found, method) == (path, "get")]
    names = [p["name"] for p in known if p["in"] == "query"]

    @settings(FEW, max_examples=40)
    @given(st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=3))
    def send(params: dict[str, str]) -> None:
        answer = get(path, params=(PRICES if path == "/v1/prices" else {}) | params)
        unknown_replay = answer.status_code == 404 and "replay" in params
        assert unknown_replay or answer.status_code in (200, 400, 422), (params, answer.text)
        if answer.status_code != 200:
            body = answer.json()
            assert any(name in body["title"] for name in params), (params, body)

    send()


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("path", THINGS)
def test_ids_of_any_kind_are_found_or_not(get: Get, path: str) -> None:
    before, _, rest = path.partition("{")
    after = rest.partition("}")[2]

    @settings(FEW, max_examples=40)
    @given(values)
    def send(thing: str) -> None:
        answer = get(f"{before}{quote(thing, safe='')}{after}")
        assert answer.status_code in (200, 400, 404, 405, 422), (thing, answer.text)

    send()


@pytest.mark.usefixtures("market")
def test_bodies_of_any_kind_are_refused_by_name(get: Get) -> None:
    plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
    bodies = st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8)

    @settings(FEW, max_examples=60)
    @given(st.sampled_from(sorted(REGISTRY)), bodies)
    def send(name: str, body: Any) -> None:
        answer = get(f"/v1/commands/{name}", method="POST", content=json.dumps(body), headers=JSON)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.json()["errors"]

    send()


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("header", ["Accept", "If-None-Match", "X-Correlation-Id", "Idempotency-Key", "Content-Type"])
def test_headers_of_any_kind_are_answered(get: Get, header: str) -> None:
    @settings(FEW, max_examples=40)
    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
    def send(value: str) -> None:
        for path in ("/v1/curves", "/v1/audit/1"):
            assert get(path, headers={header: value}).status_code in (200, 304, 406, 422), value
        sent = get("/v1/commands/define-scenario", method="POST", content=b"{}", headers={header: value})
        assert sent.status_code == 422

    send()


@pytest.mark.parametrize("depth", [100, 5_000, 100_000])
def test_a_deeply_nested_body_is_refused(get: Get, depth: int) -> None:
    content = b'{"name": ' + b"[" * depth + b"]" * depth + b"}"
    answer = get("/v1/commands/define-scenario", method="POST", content=content, headers=JSON)
    assert answer.status_code in (400, 413, 422), answer.text
