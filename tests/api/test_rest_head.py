"""HEAD answers as GET does, without the body; the index, and the page behind the problems."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from api.cli.connection import Connection
from api.problems import TYPES, TYPES_PAGE
from tests.api.conftest import Get


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/curves",
        "/v1/curves?format=csv",
        "/v1/curves/{curve}",
        "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12",
        "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12&as_of=9&format=parquet",
        "/v1/curves/nothing",
        "/v1/curves?x=1",
        "/v1/nowhere",
        "/livez",
    ],
)
def test_head_is_get_without_a_body(get: Get, market: dict[str, Any], path: str) -> None:
    address = path.format(curve=market["curve"]["id"])
    head, whole = get(address, method="HEAD"), get(address)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    for name in ("content-type", "etag", "cache-control", "link", "content-length"):
        assert head.headers.get(name) == whole.headers.get(name)


def test_a_stream_is_not_read_to_its_end_for_its_head(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    made = 0

    def endless(*_: object, **__: object) -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            time.sleep(0.001)
            yield b"x" * 1000

    monkeypatch.setattr("api.rest.prices.render", endless)
    head = get("/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12", method="HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert made < 1000


def test_head_of_a_post_is_not_a_post(get: Get, api: Connection) -> None:
    before = api.get("/v1/projections")["head"]
    assert get("/v1/commands/define-scenario", method="HEAD").status_code == 405
    assert api.get("/v1/projections")["head"] == before


def test_the_index_leads_everywhere(get: Get) -> None:
    index = get("/v1").json()
    assert {"list_prices", "list_curves", "read_lineage"} <= {r["name"] for r in index["resources"]}
    assert "/v1/commands/price-ppa" in {c["href"] for c in index["commands"]}
    paths = get("/openapi.json").json()["paths"]
    for resource in index["resources"]:
        parameters = paths[resource["href"]]["get"].get("parameters", [])
        if not any(p.get("required") for p in parameters):
            assert get(resource["href"]).status_code == 200, resource
    assert get(index["openapi"]).status_code == 200
    assert get("/v1?x=1").status_code == 400


def test_the_type_of_every_problem_leads_to_what_it_means(get: Get) -> None:
    page = get(TYPES_PAGE, headers={"Authorization": ""}).text
    for name, _ in TYPES.values():
        assert f'id="{name}"' in page
    assert get("/v1/curves?x=1").json()["type"] == f"{TYPES_PAGE}#bad-request"
    assert get("/v1/curves", method="DELETE").json()["type"] == f"{TYPES_PAGE}#wrong-method"
    assert get("/v1/curves", method="DELETE").headers["allow"] == "GET"
