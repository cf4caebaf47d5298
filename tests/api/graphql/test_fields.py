"""Every field answers what the REST API answers, to its own tenant only."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from api.access import Access
from api.cli.connection import Connection
from api.graphql.context import Context
from api.graphql.schema import NODES, schema
from api.platform import Platform
from infra.principal import ROLES, Principal
from queries.view import ReadView
from tests.api.graphql.conftest import Ask, data

PJM_DAY = {"iso": "PJM", "market": "DA", "start": "2026-01-30", "end": "2026-01-31", "tz": "market"}
ALL_PRICES = {"iso": "PJM", "start": "2026-01-30", "end": "2026-02-01"}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_a_series_holds_the_rows_of_rest_as_columns(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    rest = api.get("/v1/prices", node="WESTERN HUB", **PJM_DAY)
    found = data(ask(
        """query ($where: PriceWhere!) { priceSeries(where: $where) {
             iso market node nodeType feed rowCount intervalStartUtc intervalEndUtc intervalStartLocal lmpUsdPerMwh
             energyUsdPerMwh congestionUsdPerMwh lossUsdPerMwh ghgUsdPerMwh vintage sourceVersion publishedAt recordedAt
             logPosition publicationId } }""",
        where={**PJM_DAY, "nodes": ["WESTERN HUB"]},
    ))  # fmt: skip
    (series,) = found["priceSeries"]
    assert series["rowCount"] == len(rest) == 24
    names = {name: camel(name) for name in rest[0] if camel(name) in series}
    assert len(names) == 19
    for name, field in names.items():
        values = series[field] if isinstance(series[field], list) else [series[field]] * 24
        assert values == [row[name] for row in rest], name


def test_a_series_holds_one_place_market_and_feed(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    where = {"iso": "MISO", "nodes": ["INDIANA.HUB", "MICHIGAN.HUB"], "start": "2026-01-30", "end": "2026-01-31"}
    rest = api.get("/v1/prices", iso="MISO", node=where["nodes"], start=where["start"], end=where["end"])
    columns = "market node nodeType feed rowCount intervalStartUtc lmpUsdPerMwh"
    found = data(ask(f"query ($w: PriceWhere!) {{ priceSeries(where: $w) {{ {columns} }} }}", w=where))["priceSeries"]
    keys = [(s["market"], s["node"], s["nodeType"], s["feed"]) for s in found]
    assert keys == sorted({(r["market"], r["node"], r["node_type"], r["feed"]) for r in rest})
    assert len(keys) > 2
    for key, series in zip(keys, found, strict=True):
        mine = [r for r in rest if (r["market"], r["node"], r["node_type"], r["feed"]) == key]
        assert series["intervalStartUtc"] == [r["interval_start_utc"] for r in mine]
        assert series["lmpUsdPerMwh"] == [r["lmp_usd_per_mwh"] for r in mine]


@pytest.mark.parametrize("nodes", [["WESTERN HUB"], []])
def test_pages_of_prices_are_the_rows_of_rest_each_once(
    api: Connection, sample: dict[str, str], ask: Ask, nodes: list[str]
) -> None:
    rest = api.get("/v1/prices", **ALL_PRICES, node=nodes)
    query = """query ($where: PriceWhere!, $after: String) { prices(where: $where, first: 37, after: $after) {
        edges { cursor node { market node nodeType feed intervalStartUtc lmpUsdPerMwh recordedAt publicationId } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    found: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        page = data(ask(query, where={**ALL_PRICES, "nodes": nodes}, after=after))["prices"]
        info = page["pageInfo"]
        assert info["hasPreviousPage"] == (after is not None)
        assert (info["startCursor"], info["endCursor"]) == (page["edges"][0]["cursor"], page["edges"][-1]["cursor"])
        assert len(page["edges"]) == 37 or not info["hasNextPage"]
        found += [edge["node"] for edge in page["edges"]]
        after, more = info["endCursor"], info["hasNextPage"]
    assert found == [{camel(n): v for n, v in row.items() if camel(n) in found[0]} for row in rest]
    assert len(found) > 37


def test_prices_are_shown_as_they_were_known(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    where = {**PJM_DAY, "nodes": ["WESTERN HUB"]}
    query = "query ($w: PriceWhere!) { priceSeries(where: $w) { rowCount } prices(where: $w) { edges { cursor } } }"
    before = data(ask(query, w={**where, "asOf": "1"}))
    assert before == {"priceSeries": [], "prices": {"edges": []}}
    assert data(ask(query, w={**where, "asOf": "2020-01-01"})) == before
    assert len(data(ask(query, w={**where, "asOf": "2100-01-01"}))["prices"]["edges"]) == 24


LISTS = [
    ("/v1/instruments", "instruments", "instrumentId", "name iso node nodeType market timeZone recordedAt logPosition"),
    ("/v1/scenarios", "scenarios", "scenarioId", "name revision growthPerYear seasonalWeight recordedAt logPosition"),
    ("/v1/curves", "curves", "curveId", "hub scenario firstMonth lastQuotedMonth lastMonth digest logPosition"),
    ("/v1/ppas", "ppas", "ppaId", "name hub side recordedAt logPosition"),
    ("/v1/publications", "publications", "publicationId", "iso market feed vintage rowCount publishedAt names"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "field", "key", "columns"), LISTS, ids=[row[1] for row in LISTS])
def test_lists_are_those_of_rest_in_its_order(
    api: Connection, sample: dict[str, str], ask: Ask, path: str, field: str, key: str, columns: str
) -> None:
    rest = api.get(path)["items"]
    query = f"query ($after: String) {{ {field}(first: 150, after: $after) {{ edges {{ node {{ {key} {columns} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"  # noqa: E501
    found: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        page = data(ask(query, after=after))[field]
        found += [edge["node"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert rest
    assert [node[key] for node in found] == [row["id"] for row in rest]
    for node, row in zip(found, rest, strict=True):
        assert {name: node[camel(name)] for name in row if camel(name) in columns.split()} == {
            name: value for name, value in row.items() if camel(name) in columns.split()
        }


@pytest.mark.parametrize(("path", "field", "key", "columns"), LISTS, ids=[row[1] for row in LISTS])
def test_lists_are_shown_as_they_were_known(
    api: Connection, sample: dict[str, str], ask: Ask, path: str, field: str, key: str, columns: str
) -> None:
    query = f"query ($asOf: String) {{ {field}(first: 1000, asOf: $asOf) {{ edges {{ node {{ {key} }} }} }} }}"
    made_at = min(row["log_position"] for row in api.items(path))
    for position in (made_at - 1, made_at):
        found = data(ask(query, asOf=str(position)))[field]["edges"]
        assert [edge["node"][key] for edge in found] == [row["id"] for row in api.items(path, as_of=position)]
        assert bool(found) == (position == made_at)
    one = f"query ($id: UUID!, $asOf: String) {{ {field[:-1]}({key}: $id, asOf: $asOf) {{ {key} }} }}"
    row = next(api.items(path))
    assert data(ask(one, id=row["id"], asOf=str(row["log_position"] - 1))) == {field[:-1]: None}
    assert data(ask(one, id=row["id"], asOf=str(row["log_position"]))) == {field[:-1]: {key: row["id"]}}


def test_a_cursor_stays_with_its_time(sample: dict[str, str], ask: Ask) -> None:
    query = "query ($after: String, $asOf: String) { publications(first: 1, after: $after, asOf: $asOf) { pageInfo { endCursor } } }"  # noqa: E501
    cursor = data(ask(query, asOf="2100-01-01"))["publications"]["pageInfo"]["endCursor"]
    assert data(ask(query, asOf="2100-01-01", after=cursor))["publications"]["pageInfo"]["endCursor"] not in (
        None,
        cursor,
    )
    assert "another list" in ask(query, after=cursor)["errors"][0]["message"]
    assert "asOf" in ask(query, asOf="yesterday")["errors"][0]["message"]


def test_a_valued_contract_is_that_of_rest(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    rest, curve = api.get(f"/v1/ppas/{sample['ppa']}"), api.get(f"/v1/curves/{sample['curve']}")
    found = data(ask(
        """query ($id: UUID!) { ppa(ppaId: $id) { terms { powerMw fixedPriceUsdPerMwh firstMonth }
             valuations { edges { node { valuationId figures npvMeanUsd npvStandardErrorUsd breakEvenPriceUsdPerMwh
               ppa { ppaId } curve { curveId report parameters codeVersion
                 points { rowCount deliveryMonth priceUsdPerMwh isExtrapolated } } } } } } }""",
        id=sample["ppa"],
    ))["ppa"]  # fmt: skip
    assert found["terms"]["powerMw"] == rest["terms"]["power_mw"]
    assert found["terms"]["firstMonth"] == rest["terms"]["first_month"]
    ((valuation,),) = [[edge["node"] for edge in found["valuations"]["edges"]]]
    assert valuation["figures"] == rest["valuations"][0]["figures"]
    assert valuation["npvMeanUsd"] == rest["valuations"][0]["figures"]["npv_mean_usd"]
    assert valuation["ppa"] == {"ppaId": sample["ppa"]}
    assert valuation["curve"]["report"] == curve["report"]
    assert valuation["curve"]["codeVersion"] == curve["code_version"]
    points = valuation["curve"]["points"]
    for name in ("delivery_month", "price_usd_per_mwh", "is_extrapolated"):
        assert points[camel(name)] == [point[name] for point in curve["points"]]
    assert points["rowCount"] == len(curve["points"]) > 200


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
def test_lineage_is_that_of_rest(api: Connection, sample: dict[str, str], ask: Ask, direction: str) -> None:
    rest = api.get(f"/v1/lineage/{sample['curve']}", direction=direction)
    query = """query ($id: String!, $way: Direction!) { lineage(id: $id, direction: $way) { position
        nodes { id position kind label details } edges { child childPosition parent parentPosition role } } }"""
    found = data(ask(query, id=sample["curve"], way=direction.upper()))["lineage"]
    assert found["nodes"] == rest["nodes"]
    assert found["edges"] == [{camel(name): value for name, value in edge.items()} for edge in rest["edges"]]
    assert found["edges"]


def test_the_audit_log_is_filtered_and_paged_as_by_rest(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    query = """query ($where: AuditWhere, $after: String) { audit(where: $where, first: 3, after: $after) {
        edges { cursor node { position event } } } }"""
    for where in ({}, {"noun": "ppa"}, {"id": sample["curve"]}, {"until": "2020-01-01"}):
        rest = [entry["position"] for entry in api.get("/v1/audit", **where)["items"]]
        edges = data(ask(query, where=where))["audit"]["edges"]
        assert [edge["node"]["position"] for edge in edges] == rest[:3]
        if len(rest) > 3:
            edges = data(ask(query, where=where, after=edges[-1]["cursor"]))["audit"]["edges"]
            assert [edge["node"]["position"] for edge in edges] == rest[3:6]


def test_projections_are_those_of_rest(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    of_rest = api.get("/v1/projections")["items"]  # which waits until all have come to the newest position
    found = data(ask("{ projections { name position lag lag_s: lagS dead_letters: deadLetters trouble } }"))
    assert found["projections"] == of_rest


GLOBAL_IDS = {
    "Instrument": "instruments", "Publication": "publications", "Scenario": "scenarios", "Curve": "curves",
    "Ppa": "ppas", "AuditEntry": "audit",
}  # fmt: skip


def test_every_global_id_leads_back(sample: dict[str, str], ask: Ask) -> None:
    ids = {
        kind: data(ask(f"{{ {field}(first: 1) {{ edges {{ node {{ id }} }} }} }}"))[field]["edges"][0]["node"]["id"]
        for kind, field in GLOBAL_IDS.items()
    }
    query = "query ($id: UUID!) { ppaValuation(valuationId: $id) { id } }"
    ids["PpaValuation"] = data(ask(query, id=sample["valuation"]))["ppaValuation"]["id"]
    assert set(ids) == set(NODES)
    for kind, global_id in ids.items():
        found = data(ask("query ($id: ID!) { node(id: $id) { __typename id } }", id=global_id))["node"]
        assert found == {"__typename": kind, "id": global_id}
        one = "query ($id: ID!, $asOf: String) { node(id: $id, asOf: $asOf) { id } }"
        assert data(ask(one, id=global_id, asOf="2100-01-01"))["node"] == {"id": global_id}
        assert data(ask(one, id=global_id, asOf="2020-01-01"))["node"] is None
    assert "asOf" in ask(one, id=global_id, asOf="yesterday")["errors"][0]["message"]


def test_a_node_is_shown_as_it_was_known(sample: dict[str, str], ask: Ask) -> None:
    """The contract by its global id, before the valuation that it has now."""
    known = data(ask("query ($id: UUID!) { ppa(ppaId: $id) { id } }", id=sample["ppa"]))["ppa"]["id"]
    query = """query ($id: ID!, $asOf: String) { node(id: $id, asOf: $asOf) {
        ... on Ppa { valuations { edges { node { valuationId logPosition } } } } } }"""
    (now,) = data(ask(query, id=known))["node"]["valuations"]["edges"]
    assert now["node"]["valuationId"] == sample["valuation"]
    before = data(ask(query, id=known, asOf=str(now["node"]["logPosition"] - 1)))
    assert before["node"]["valuations"]["edges"] == []


SINGLE = "{ instrument(instrumentId: $id) { id } scenario(scenarioId: $id) { id } curve(curveId: $id) { id } ppa(ppaId: $id) { id } ppaValuation(valuationId: $id) { id } publication(publicationId: $id) { id } }"  # noqa: E501


def test_what_is_not_there_is_null(sample: dict[str, str], ask: Ask) -> None:
    found = data(ask(f"query ($id: UUID!) {SINGLE}", id=str(uuid4())))
    assert set(found.values()) == {None}
    assert data(ask('{ lineage(id: "nothing") { id } }')) == {"lineage": None}


def answered_to(platform: Platform, tenant: str, query: str, view: ReadView | None = None) -> dict[str, Any]:
    access = Access(platform.bus.tools, Principal(tenant, "somebody", frozenset(ROLES)))
    context = Context(platform, view or platform.view, access, uuid4())
    result = asyncio.run(schema.execute(query, context_value=context))
    assert result.errors is None
    assert result.data is not None
    return result.data


def test_another_tenant_sees_nothing_of_it(platform: Platform, sample: dict[str, str]) -> None:
    lists = " ".join(
        f"{f}(first: 5) {{ edges {{ cursor }} }}" for f in ("instruments", "scenarios", "curves", "ppas", "audit")
    )
    ids = f'curve(curveId: "{sample["curve"]}") {{ id points {{ rowCount }} }} ppa(ppaId: "{sample["ppa"]}") {{ id }} '
    ids += f'ppaValuation(valuationId: "{sample["valuation"]}") {{ id }} lineage(id: "{sample["curve"]}") {{ id }}'
    mine = answered_to(platform, "local", f"{{ {lists} {ids} }}")
    assert all(mine.values())
    theirs = answered_to(platform, "other", f"{{ {lists} {ids} }}")
    assert [value for value in theirs.values() if value not in (None, {"edges": []})] == []


def test_a_view_of_the_past_shows_no_later_prices_and_points(platform: Platform, sample: dict[str, str]) -> None:
    past = ReadView(platform.pool, platform.clickhouse, until=1)
    where = '{iso: PJM, nodes: ["WESTERN HUB"], start: "2026-01-30", end: "2026-01-31"}'
    query = (
        f"{{ priceSeries(where: {where}) {{ rowCount }} curves {{ edges {{ node {{ points {{ rowCount }} }} }} }} }}"
    )
    assert answered_to(platform, "local", query, past) == {
        "priceSeries": [], "curves": {"edges": [{"node": {"points": {"rowCount": 0}}}]},
    }  # fmt: skip


def test_what_was_known_then_leads_to_what_was_known_then(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    """A scenario revised and a contract valued again: neither shows in what was known before."""
    (scenario,) = api.get("/v1/scenarios")["items"]
    before = str(api.get("/v1/audit")["items"][0]["position"])
    api.command("revise-scenario", {"name": scenario["name"], "growth_per_year": 0.09})
    body = {"ppa_id": sample["ppa"], "curve_id": sample["curve"], "paths": 200, "seed": 8}
    again = api.command("price-ppa", body)["id"]
    api.get("/v1/projections")
    query = """query ($scenario: UUID!, $ppa: UUID!, $valuation: UUID!, $curve: String!, $asOf: String) {
        scenario(scenarioId: $scenario, asOf: $asOf) { growthPerYear revision }
        scenarios(asOf: $asOf) { edges { node { growthPerYear } } }
        ppa(ppaId: $ppa, asOf: $asOf) { valuations { edges { node {
          valuationId ppa { valuations { edges { node { valuationId } } } } } } } }
        ppaValuation(valuationId: $valuation, asOf: $asOf) { valuationId }
        audit(first: 1, asOf: $asOf) { edges { node { position } } }
        lineage(id: $curve, direction: DOWNSTREAM, asOf: $asOf) { nodes { id } } }"""
    ids = {"scenario": scenario["id"], "ppa": sample["ppa"], "valuation": again, "curve": sample["curve"]}
    then, now = data(ask(query, **ids, asOf=before)), data(ask(query, **ids))
    assert then["scenario"] == {"growthPerYear": scenario["growth_per_year"], "revision": scenario["revision"]}
    assert then["scenarios"]["edges"][0]["node"]["growthPerYear"] == scenario["growth_per_year"]
    assert now["scenarios"]["edges"][0]["node"]["growthPerYear"] == now["scenario"]["growthPerYear"] == 0.09
    for answer, valuations in ((then, [sample["valuation"]]), (now, [again, sample["valuation"]])):
        nodes = [edge["node"] for edge in answer["ppa"]["valuations"]["edges"]]
        assert [node["valuationId"] for node in nodes] == valuations
        nested = [edge["node"]["valuationId"] for edge in nodes[0]["ppa"]["valuations"]["edges"]]
        assert nested == valuations
        assert {again} & {node["id"] for node in answer["lineage"]["nodes"]} == {again} & set(valuations)
    assert (then["ppaValuation"], now["ppaValuation"]) == (None, {"valuationId": again})
    assert then["audit"]["edges"] == [{"node": {"position": int(before)}}]
