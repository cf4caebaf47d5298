"""One operation a request, as JSON; faults of ours are masked; a slow request holds up nobody."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import httpx2
import pytest

from api.cli.connection import ApiError, Connection
from api.graphql import projections
from api.platform import Platform
from tests.api.graphql.conftest import Ask, data

JSON = {"content-type": "application/json"}
QUERY = {"query": "{ projections { name } }"}
PATIENCE_S = 60.0


def refused(api: Connection, method: str = "POST", path: str = "/graphql", **options: Any) -> ApiError:
    with pytest.raises(ApiError) as error:
        api.run(api.request(method, path, **options))
    return error.value


def post(api: Connection, body: dict[str, Any], **headers: str) -> httpx2.Response:
    return api.run(api.request("POST", "/graphql", json=body, headers=headers))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_is_answered(api: Connection, method: str) -> None:
    assert refused(api, method, "/graphql?query={__typename}").status in (400, 405)
    assert refused(api, method, "/graphql").status == 405


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(api: Connection, content_type: str) -> None:
    error = refused(api, content=b'{"query": "{ __typename }"}', headers={"content-type": content_type})
    assert (error.status, "content type" in error.title) == (415, True)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "no GraphQL request"),
        (b"{", "no GraphQL request"),
        (b"null", "no GraphQL request"),
        (b"\xff", "no GraphQL request"),
        (b'{"query": 1}', "Expected `str`, got `int` - at `$.query`"),
        (b"{}", "missing required field `query`"),
        (b'{"query": "{a}", "variables": []}', "at `$.variables`"),
        (b'{"query": "{a}", "varaibles": {}}', "unknown field `varaibles`"),
        (b'{"query": "  "}', "query: there is none"),
        (b'[{"query": "{ __typename }"}]', "a list of operations is not taken"),
        (
            b'{"query": "{a}", "variables": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
            "nested deeper than 32 levels",
        ),
    ],
)
def test_what_is_no_request_is_a_problem(api: Connection, content: bytes, named: str) -> None:
    error = refused(api, content=content, headers=JSON)
    assert (error.status, named in error.title) == (400, True), error.title


def test_a_body_too_long_is_refused(api: Connection) -> None:
    error = refused(api, json={"query": "{ __typename }", "variables": {"a": "x" * 131_072}})
    assert error.status == 413


def test_an_unknown_parameter_is_not_ignored(api: Connection) -> None:
    assert refused(api, path="/graphql?wiat_for=head", json=QUERY).status == 400


def test_without_the_token_nothing_is_answered(api: Connection) -> None:
    assert refused(api, json=QUERY, headers={"authorization": "Bearer no"}).status == 401


def test_the_media_type_and_status_are_those_asked_for(api: Connection) -> None:
    accept = {"accept": "application/graphql-response+json"}
    good = post(api, QUERY, **accept)
    assert (good.status_code, good.headers["content-type"]) == (200, "application/graphql-response+json")
    plain = post(api, {"query": "{ nothing }"})
    assert (plain.status_code, plain.headers["content-type"]) == (200, "application/json")
    assert refused(api, json={"query": "{ nothing }"}, headers=accept).status == 400


def test_the_operation_named_is_the_one_answered(api: Connection) -> None:
    query = 'query A { projections { name } } query B { lineage(id: "nothing") { id } }'
    assert post(api, {"query": query, "operationName": "B"}).json()["data"] == {"lineage": None}
    answer = post(api, {"query": query, "operationName": "C"}).json()
    assert answer["errors"][0]["message"] == "operationName: the document has no operation 'C'"


def test_it_waits_for_a_position(api: Connection) -> None:
    answer = api.command("define-scenario", {"name": "awaited", "growth_per_year": 0.02})
    query = {"query": "{ scenarios { edges { node { name } } } }"}
    found = api.run(api.request("POST", f"/graphql?wait_for={answer['position']}", json=query)).json()
    assert "awaited" in [edge["node"]["name"] for edge in data(found)["scenarios"]["edges"]]
    assert refused(api, path="/graphql?wait_for=999999", json=query).status == 400


def test_a_query_leaves_no_event(api: Connection, platform: Platform, sample: dict[str, str], ask: Ask) -> None:
    before = platform.log.head()
    data(ask("{ ppas { edges { node { name } } } audit { edges { cursor } } }"))
    assert platform.log.head() == before


def test_a_fault_of_ours_is_masked_and_logged_with_its_correlation_id(
    api: Connection, platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> int:
        raise RuntimeError("password=secret")

    monkeypatch.setattr(type(platform.log), "head", fail)
    correlation_id = "7d0f1c52-1111-4222-8333-444455556666"
    with caplog.at_level(logging.ERROR):
        answer = post(api, QUERY, **{"X-Correlation-Id": correlation_id})
    assert answer.status_code == 200
    assert "secret" not in answer.text
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "correlationId": correlation_id}
    assert error["path"] == ["projections"]
    (record,) = caplog.records
    assert correlation_id in record.getMessage()
    assert "password=secret" in str(record.exc_info)


def test_a_failed_field_is_null_beside_the_others(sample: dict[str, str], ask: Ask) -> None:
    where = '{iso: PJM, start: "soon", end: "2026-01-31"}'
    answer = ask(f"{{ prices(where: {where}) {{ edges {{ cursor }} }} projections {{ name }} }}")
    assert answer["data"]["prices"] is None
    assert answer["data"]["projections"]
    assert [error["path"] for error in answer["errors"]] == [["prices"]]


def test_a_slow_request_holds_up_nobody(api: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends only after another one, which came later, was answered."""
    begun, others_answered = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def slow(**_: object) -> None:
        begun.set()
        in_time.append(others_answered.wait(PATIENCE_S))

    async def both() -> None:
        asked = asyncio.create_task(api.request("POST", "/graphql", json=QUERY))
        assert await asyncio.to_thread(begun.wait, PATIENCE_S)
        await api.request("GET", "/livez")
        assert not asked.done()
        others_answered.set()
        await asked

    monkeypatch.setattr(projections, "Projection", slow)
    api.run(both())
    assert set(in_time) == {True}
