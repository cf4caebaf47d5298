"""Lists: pages by cursor that show one state, filters, sorting, and the same rows in every format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.cli.connection import Connection
from api.openapi import operations
from api.platform import Platform
from queries.api_keys import API_KEY_SCHEMA
from queries.audit import AUDIT_SCHEMA
from queries.curves import CURVE_SCHEMA
from queries.entitlements import ENTITLEMENT_SCHEMA
from queries.followed_curves import FOLLOWED
from queries.instruments import INSTRUMENT_SCHEMA
from queries.ppas import PPA_SCHEMA, VALUATION_SCHEMA
from queries.prices import PRICE_SCHEMA
from queries.publications import COVERAGE_SCHEMA, PUBLICATION_SCHEMA
from queries.quotes import QUOTE_SCHEMA
from queries.scenarios import SCENARIO_SCHEMA
from queries.stale_lists import STALE
from tests.api.conftest import Get

pytestmark = pytest.mark.usefixtures("market", "access")

PRICES = "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12"
LISTS = {
    "/v1/publications": PUBLICATION_SCHEMA,
    "/v1/prices/coverage": COVERAGE_SCHEMA,
    "/v1/instruments": INSTRUMENT_SCHEMA,
    "/v1/quotes": QUOTE_SCHEMA,
    "/v1/scenarios": SCENARIO_SCHEMA,
    "/v1/curves": CURVE_SCHEMA.append(FOLLOWED).append(STALE),
    "/v1/ppas": PPA_SCHEMA.append(STALE),
    "/v1/ppas/valuations": VALUATION_SCHEMA.append(STALE),
    "/v1/audit": AUDIT_SCHEMA,
    "/v1/api-keys": API_KEY_SCHEMA,
    "/v1/entitlements": ENTITLEMENT_SCHEMA,
}


@pytest.fixture(scope="module")
def access(api: Connection, market: dict[str, Any]) -> None:
    """Six keys, one of them revoked, and what three tenants were granted by several channels."""
    for number in range(6):
        key = api.command("issue-api-key", {"name": f"loader {number}", "roles": ["reader", "auditor"]})
    api.command("revoke-api-key", {"key_id": key["id"]})
    for tenant, iso in (("b", "MISO"), ("a", "PJM"), ("c", "ERCOT"), ("a", "CAISO")):
        grant = {"tenant": tenant, "iso": iso, "channels": ["hub", "api"]}
        api.command("grant-entitlement", grant)
    api.command("revoke-entitlement", {"tenant": "c", "iso": "ERCOT", "channels": ["hub"]})
    api.get("/v1/projections")  # waits until everything is readable


def with_(path: str, **params: object) -> str:
    given = "&".join(f"{name}={value}" for name, value in params.items())
    return f"{path}{'&' if '?' in path else '?'}{given}"


def walk(get: Get, path: str, limit: int) -> Iterator[list[dict[str, Any]]]:
    """All pages, by the header `Link`; `next_cursor` must say the same."""
    following: str | None = with_(path, limit=limit)
    while following:
        answer = get(following)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        following = answer.links["next"]["url"] if "next" in answer.links else None
        assert (body["next_cursor"] is None) == (following is None)
        assert following is None or body["next_cursor"] in following
        yield body["items"]


@pytest.mark.parametrize("path", [*LISTS, PRICES, with_(PRICES, tz="market"), "/v1/audit?sort=position"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_the_pages_together_are_the_whole_list(get: Get, path: str, limit: int) -> None:
    if path.startswith("/v1/prices?"):
        limit *= 30
    whole = get(with_(path, limit=10_000)).json()["items"]
    pages = list(walk(get, path, limit))
    assert [row for page in pages for row in page] == whole
    assert whole
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


def test_a_walk_shows_the_list_as_it_stood_at_its_first_page(get: Get, api: Connection) -> None:
    """Between two pages a scenario is defined, one is revised: neither is seen, doubled or missed."""
    before = get("/v1/scenarios").json()["items"]
    pages = walk(get, "/v1/scenarios", 1)
    seen = next(pages)
    api.command("define-scenario", {"name": "c between", "growth_per_year": 0.01})
    api.command("revise-scenario", {"name": "high", "growth_per_year": 0.09})
    api.get("/v1/scenarios")
    assert seen + [row for page in pages for row in page] == before
    now = get("/v1/scenarios").json()["items"]
    assert [row["name"] for row in now] == sorted([*(row["name"] for row in before), "c between"])
    old = get(f"/v1/scenarios?as_of={max(row['log_position'] for row in before)}").json()["items"]
    assert old == before


def test_a_cursor_goes_on_with_its_own_question_only(get: Get) -> None:
    cursor = get("/v1/scenarios?limit=1").json()["next_cursor"]
    assert get(f"/v1/scenarios?cursor={cursor}").status_code == 200
    assert get(f"/v1/scenarios?cursor={cursor}&limit=2&format=csv").status_code == 200
    for other in ("/v1/scenarios?sort=-name", "/v1/scenarios?name=x", "/v1/scenarios?as_of=5", "/v1/curves", PRICES):
        answer = get(with_(other, cursor=cursor))
        assert (answer.status_code, answer.json()["type"]) == (400, "/docs/problems#bad-request")
        assert "another question" in answer.json()["title"]
    assert "not one of this platform's" in get("/v1/scenarios?cursor=abc").json()["title"]


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "x", "9" * 40])
def test_a_limit_out_of_bounds_names_the_parameter(get: Get, limit: str) -> None:
    answer = get(f"/v1/curves?limit={limit}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("path", LISTS)
def test_every_format_has_the_same_rows(get: Get, path: str) -> None:
    schema = LISTS[path]
    rows = get(with_(path, limit=10_000)).json()["items"]
    assert all(list(row) == schema.names for row in rows)
    lines = get(path, headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert [json.loads(line) for line in lines] == rows
    parquet = pq.read_table(io.BytesIO(get(with_(path, format="parquet")).content))
    arrow = pa.ipc.open_stream(get(with_(path, format="arrow")).content).read_all()
    assert parquet.schema.names == arrow.schema.names == schema.names
    assert parquet.to_pylist() == arrow.to_pylist()
    read = list(csv.DictReader(io.StringIO(get(path, headers={"Accept": "text/csv"}).text)))
    assert len(read) == len(rows) == arrow.num_rows
    for column in schema.names:
        nested = isinstance(schema.field(column).type, pa.JsonType)
        for row, cells, values in zip(rows, read, arrow.to_pylist(), strict=True):
            value = row[column]
            if nested and value is None:
                assert (cells[column], values[column]) == ("", None)
            elif nested:
                assert json.loads(cells[column].removeprefix("'")) == json.loads(values[column]) == value
            elif isinstance(value, str) and pa.types.is_string(schema.field(column).type):
                assert values[column] == value
                assert cells[column] in (value, f"'{value}")
            elif isinstance(value, int | float):
                assert float(cells[column]) == values[column] == value
            else:
                assert cells[column] == (value or "")


def test_a_formula_is_guarded_in_csv_only(get: Get) -> None:
    assert "'=low" in get("/v1/scenarios?format=csv").text
    assert "'=low" not in get("/v1/scenarios?format=ndjson").text


def test_a_table_is_whole_without_a_limit_and_a_page_with_one(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.rest.listing.LARGEST_LIMIT", 2)
    monkeypatch.setattr("api.rest.listing.DEFAULT_LIMIT", 2)
    whole = get("/v1/audit?format=ndjson").text.splitlines()
    assert len(whole) > 10
    assert len(get("/v1/audit").json()["items"]) == 2
    page = get("/v1/audit?format=ndjson&limit=1")
    assert page.text.splitlines() == whole[:1]
    assert get(page.links["next"]["url"]).text.splitlines() == whole[1:2]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
        ("text/csv;q=0.9, application/json;q=0.5", "text/csv"),
        ("text/html, */*;q=0.1", "application/json"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("APPLICATION/JSON", "application/json"),
    ],
)
def test_accept_is_weighed(get: Get, accept: str, media_type: str) -> None:
    assert get("/v1/curves", headers={"Accept": accept}).headers["content-type"].startswith(media_type)


def test_nothing_acceptable_is_406(get: Get) -> None:
    for path in ("/v1/curves", PRICES):
        answer = get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.json()["type"]) == (406, "/docs/problems#not-acceptable")


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/v1/publications?market=DA", 1),
        ("/v1/publications?feed=da_expost_lmp&iso=MISO", 1),
        ("/v1/publications?until=2020-01-01", 0),
        ("/v1/instruments?name=IND", 1),
        ("/v1/instruments?iso=PJM", 0),
        ("/v1/quotes?hub=IND", 2),
        ("/v1/quotes?product=CAL-2027", 3),
        ("/v1/quotes?since=2026-03-11", 3),
        ("/v1/quotes?until=2026-03-10T12:00Z", 0),
        ("/v1/quotes?sheet_id={quotes}", 6),
        ("/v1/scenarios?name=base", 1),
        ("/v1/curves?hub=MICH&scenario=base", 1),
        ("/v1/curves?scenario=high", 0),
        ("/v1/ppas?side=sell", 0),
        ("/v1/ppas?name=Wind&hub=ARK", 1),
        ("/v1/ppas/valuations?ppa_id={ppa}", 3),
        ("/v1/ppas/valuations?curve_id={ppa}", 0),
        ("/v1/audit?noun=curve", 3),
        ("/v1/api-keys?prefix=c254_", 6),
        ("/v1/api-keys?prefix=x", 0),
        ("/v1/entitlements?tenant=a", 4),
        ("/v1/entitlements?iso=ERCOT", 1),
    ],
)
def test_filters(get: Get, market: dict[str, Any], path: str, rows: int) -> None:
    found = get(path.format(**{name: answer["id"] for name, answer in market.items()}))
    assert found.status_code == 200, found.text
    assert len(found.json()["items"]) == rows


def test_every_sort_that_is_documented_sorts(get: Get) -> None:
    sorted_lists = 0
    for path, method, operation in operations(get("/openapi.json").json()):
        parameters = {p["name"]: p["schema"] for p in operation.get("parameters", [])}
        if method != "get" or "sort" not in parameters:
            continue
        for sort in parameters["sort"]["enum"]:
            values = [row[sort.removeprefix("-")] for row in get(f"{path}?sort={sort}").json()["items"]]
            assert values == sorted(values, reverse=sort.startswith("-")), (path, sort)
        assert get(f"{path}?sort=hub,name").status_code == 422
        sorted_lists += 1
    assert sorted_lists == 10


def test_who_has_access_is_told_as_of_now(get: Get, api: Connection) -> None:
    """What is revoked between two pages is on none of the later ones, and no row is told twice."""
    assert "as_of" in get("/v1/api-keys?as_of=1").json()["title"]
    before = get("/v1/entitlements").json()["items"]
    pages = walk(get, "/v1/entitlements", 1)
    seen = next(pages)
    api.command("revoke-entitlement", {"tenant": "b", "iso": "MISO", "channels": ["hub", "api"]})
    api.get("/v1/projections")
    seen += [row for page in pages for row in page]
    assert seen == [row for row in before if row["tenant"] != "b"]


def test_prices_are_paged_by_their_whole_key(get: Get) -> None:
    whole = get(PRICES).json()
    assert isinstance(whole, list)
    keys = [(r["market"], r["node"], r["interval_start_utc"], r["node_type"], r["feed"]) for r in whole]
    assert keys == sorted(set(keys))
    assert list(whole[0]) == PRICE_SCHEMA.names
    pages = list(walk(get, PRICES, 50))
    assert [row for page in pages for row in page] == whole


def test_the_command_line_follows_the_cursors(
    api: Connection, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.cli.connection.PAGE_ROWS", 2)
    positions = [entry["position"] for entry in api.items("/v1/audit")]
    assert positions == list(range(platform.log.head(), 0, -1))
    assert [e["position"] for e in api.items("/v1/audit", most=3)] == positions[:3]
    assert list(api.items("/v1/curves", hub="nowhere")) == []
    assert [key["name"] for key in api.items("/v1/api-keys")] == [f"loader {number}" for number in reversed(range(6))]
