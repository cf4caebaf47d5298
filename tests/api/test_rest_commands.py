"""Each command is an operation: what it answers, where its result is, and how it is refused."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import fastapi.dependencies.utils
import fastapi.routing
import httpx2
import pytest
from starlette.concurrency import run_in_threadpool

import api.rest.dependencies
import api.rest.knowledge
from api.app import create_app
from api.openapi import operations
from api.platform import Platform
from api.rest.commands import PLACES
from commands.bus import CommandBus
from commands.message import Answer, Caller, Command
from commands.registry import REGISTRY
from tests.api.conftest import Get

KEY = {"Idempotency-Key": str(uuid4())}


def post(get: Get, name: str, body: Any, **headers: str) -> httpx2.Response:
    return get(f"/v1/commands/{name}", method="POST", json=body, headers=headers)


def test_what_was_made_is_201_and_found_at_its_location(get: Get) -> None:
    body = {"name": "made", "growth_per_year": 0.01}
    made = post(get, "define-scenario", body, **KEY)
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/scenarios/{made.json()['id']}"
    assert get(f"{made.headers['location']}?wait_for={made.json()['position']}").json()["name"] == "made"
    again = post(get, "define-scenario", body, **KEY)
    assert (again.status_code, again.json(), again.headers["location"]) == (201, made.json(), made.headers["location"])


def test_what_was_changed_or_was_there_is_200(get: Get) -> None:
    post(get, "define-scenario", {"name": "kept", "growth_per_year": 0.01})
    for name, growth, status in (("define-scenario", 0.01, "unchanged"), ("revise-scenario", 0.02, "done")):
        answer = post(get, name, {"name": "kept", "growth_per_year": growth})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert "location" not in answer.headers


def test_who_revises_what_another_has_revised_is_told(get: Get) -> None:
    made = post(get, "define-scenario", {"name": "shared", "growth_per_year": 0.01}).json()
    address = f"/v1/scenarios/{made['id']}"
    looked_at = get(f"{address}?wait_for={made['position']}").headers["etag"]
    key = {"Idempotency-Key": str(uuid4()), "If-Match": looked_at}
    mine = post(get, "revise-scenario", {"name": "shared", "growth_per_year": 0.02}, **key)
    assert mine.status_code == 200
    theirs = post(get, "revise-scenario", {"name": "shared", "growth_per_year": 0.03}, **{"If-Match": looked_at})
    assert (theirs.status_code, theirs.json()["type"]) == (412, "/docs/problems#changed-meanwhile")
    in_body = post(get, "revise-scenario", {"name": "shared", "growth_per_year": 0.03, "revision": 1})
    assert in_body.status_code == 412
    read = get(f"{address}?wait_for=head")
    assert (read.json()["growth_per_year"], read.headers["cache-control"]) == (0.02, "no-store")
    assert read.headers["etag"] != looked_at
    again = post(get, "revise-scenario", {"name": "shared", "growth_per_year": 0.02}, **key)
    assert again.json() == mine.json(), "what was done once is answered again, whatever came after"
    for tag, status in ((read.headers["etag"], 200), ("*", 200), ('"of-something-else"', 412), ('"0"', 412)):
        body = {"name": "shared", "growth_per_year": 0.04}
        assert post(get, "revise-scenario", body, **{"If-Match": tag}).status_code == status


def test_every_location_leads_to_what_was_made(get: Get, market: dict[str, Any]) -> None:
    created = {entry["event"]: entry["target_id"] for entry in get("/v1/audit").json()["items"]}
    for event, place in PLACES.items():
        if event != "publication.quarantined":
            found = get(place.format(id=created[event]))
            assert found.status_code == 200, event
            assert found.json().get("items", True)


def test_refusals_and_faults_are_problems_with_a_type_and_an_id(get: Get) -> None:
    correlation = str(uuid4())
    refused = post(get, "build-curve", {"hub": "none", "scenario": "none"}, **{"X-Correlation-Id": correlation})
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() | {"title": "", "detail": ""} == {
        "type": "/docs/problems#not-found", "status": 404, "title": "", "detail": "", "correlation_id": correlation,
    }  # fmt: skip
    post(get, "define-scenario", {"name": "mine", "growth_per_year": 0.01})
    conflict = post(get, "define-scenario", {"name": "mine", "growth_per_year": 0.02})
    assert (conflict.status_code, conflict.json()["type"]) == (409, "/docs/problems#conflict")
    assert conflict.json()["correlation_id"]


def test_a_field_at_fault_is_pointed_at(get: Get) -> None:
    body = {"objects": ["x"], "names": ["a"], "a/b~c": 1}
    errors = post(get, "ingest-publication", body).json()["errors"]
    assert {error["pointer"] for error in errors} >= {"#/objects/0", "#/a~1b~0c"}
    bad_key = post(get, "define-scenario", {"name": "x", "growth_per_year": 0}, **{"Idempotency-Key": "x"})
    assert bad_key.json()["errors"][0]["header"] == "idempotency-key"


def test_the_same_command_while_it_is_under_way_is_409(
    get: Get, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()
    dispatch = CommandBus.dispatch

    def slow(self: CommandBus, command: Command, caller: Caller) -> Answer:
        started.set()
        assert go_on.wait(60)
        return dispatch(self, command, caller)

    monkeypatch.setattr(CommandBus, "dispatch", slow)
    key, body = {"Idempotency-Key": str(uuid4())}, {"name": "slow", "growth_per_year": 0.01}

    async def both() -> tuple[httpx2.Response, httpx2.Response]:
        """In one loop, as a server has: what waits in one is not woken by another."""
        transport = httpx2.ASGITransport(app=create_app(platform))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {"Authorization": f"Bearer {platform.token}"} | key
            send = partial(client.post, "/v1/commands/define-scenario", json=body, headers=headers)
            first = asyncio.create_task(send())
            assert await asyncio.to_thread(started.wait, 60)
            meanwhile = await send()
            go_on.set()
            return await first, meanwhile

    first, meanwhile = asyncio.run(both())
    assert (meanwhile.status_code, meanwhile.headers["retry-after"]) == (409, "1")
    assert first.status_code == 201
    assert post(get, "define-scenario", body, **key).json() == first.json()


def test_every_command_has_an_operation_with_its_schema_and_an_example_that_is_valid(get: Get) -> None:
    document = get("/openapi.json").json()
    documented = {o["operationId"]: o for path, _, o in operations(document) if path.startswith("/v1/commands/")}
    assert set(documented) == {name.replace("-", "_") for name in REGISTRY}
    for name, handling in REGISTRY.items():
        operation = documented[name.replace("-", "_")]
        assert operation["description"] == inspect.getdoc(handling.message)
        reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert schema["examples"], f"{name} has no example"
        for example in schema["examples"]:
            handling.message.model_validate(example)
        assert "idempotency-key" in {p["name"] for p in operation["parameters"]}
        assert {"200", "201", "400", "401", "403", "404", "409", "422", "429", "503"} <= set(operation["responses"])


def test_a_command_or_a_read_goes_through_one_other_thread(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    made = post(get, "define-scenario", {"name": "hops", "growth_per_year": 0.01}).json()
    address = f"/v1/scenarios/{made['id']}"
    get(f"{address}?wait_for={made['position']}")
    hops: list[str] = []

    def counted(call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        hops.append(getattr(options.get("function", call), "__name__", ""))
        return run_in_threadpool(call, *arguments, **options)

    for module in (fastapi.routing, fastapi.dependencies.utils, api.rest.dependencies, api.rest.knowledge):
        monkeypatch.setattr(module, "run_in_threadpool", counted)
    assert post(get, "define-scenario", {"name": "hops", "growth_per_year": 0.01}).status_code == 200
    assert hops == ["send"]
    assert get(address).status_code == 200
    assert hops == ["send", "read_scenario"]
