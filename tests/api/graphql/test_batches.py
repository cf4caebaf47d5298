"""However many rows an answer has, the number of queries behind it stays the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

import pytest
from psycopg.types.json import Jsonb

from api.platform import Platform
from infra.clickhouse import ClickHouse
from queries import relational
from tests.api.graphql.conftest import Ask, data

NAMESPACE = UUID(int=254)
CONTRACTS = 50
VALUATIONS = 4

QUERY = """query ($first: Int!) { ppas(first: $first) { edges { node { name terms { powerMw }
    valuations(first: 3) {
      edges { node { npvMeanUsd ppa { name } curve { curveId hub report points { rowCount priceUsdPerMwh } } } }
      pageInfo { hasNextPage endCursor } } } } } }"""


@pytest.fixture(scope="module", autouse=True)
def contracts(platform: Platform, sample: dict[str, str]) -> None:
    """Fifty contracts, each valued four times on a curve of its own beside the sample's."""
    with platform.pool.connection() as connection, connection.cursor() as cursor:
        for number in range(CONTRACTS):
            ppa_id, curve_id = uuid5(NAMESPACE, f"ppa {number}"), uuid5(NAMESPACE, f"curve {number}")
            cursor.execute(
                """INSERT INTO ppa SELECT %s, tenant, %s, hub, side, terms, recorded_at, log_position
                   FROM ppa WHERE ppa_id = %s""",
                (ppa_id, f"many {number:02}", sample["ppa"]),
            )
            cursor.execute(
                """INSERT INTO curve SELECT %s, tenant, hub, scenario, first_month, last_quoted_month, last_month,
                          report, parameters, digest, artifact_sha256, code_version, recorded_at, log_position
                   FROM curve WHERE curve_id = %s""",
                (curve_id, sample["curve"]),
            )
            for turn in range(VALUATIONS):
                figures = Jsonb({"npv_mean_usd": 100 * number + turn})
                cursor.execute(
                    """INSERT INTO ppa_valuation SELECT %s, tenant, %s, %s, %s, parameters, digest, artifact_sha256,
                              code_version, recorded_at, %s FROM ppa_valuation WHERE valuation_id = %s""",
                    (uuid5(ppa_id, f"{turn}"), ppa_id, curve_id, figures, 10 + turn, sample["valuation"]),
                )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every query that is put to PostgreSQL's read models or to ClickHouse meanwhile."""
    queries: list[str] = []

    def counting(read: Callable[..., Any]) -> Callable[..., Any]:
        def counted(first: Any, query: str, *rest: Any, **options: Any) -> Any:
            queries.append(" ".join(query.split()))
            return read(first, query, *rest, **options)

        return counted

    counted_rows = counting(relational.rows)
    for module in ("audit", "checkpoints", "curves", "ppas", "publications", "relational"):
        monkeypatch.setattr(f"queries.{module}.rows", counted_rows, raising=False)
    monkeypatch.setattr(ClickHouse, "query_arrow", counting(ClickHouse.query_arrow))
    return queries


def test_fifty_contracts_cost_as_many_queries_as_two(ask: Ask, asked: list[str]) -> None:
    two = data(ask(QUERY, first=2))["ppas"]["edges"]
    few, asked[:] = list(asked), []
    fifty = data(ask(QUERY, first=50))["ppas"]["edges"]
    assert (len(two), len(fifty)) == (2, 50)
    assert asked == few
    # Contracts, their valuations, those's contracts, curves, how far points are, and points.
    assert len(asked) == 6, asked
    assert sum("forward_curve_points" in query or "curve_id IN" in query for query in asked) == 1


def test_each_contract_has_its_own_newest_valuations(ask: Ask) -> None:
    edges = data(ask(QUERY, first=50))["ppas"]["edges"]
    many = {edge["node"]["name"]: edge["node"] for edge in edges if edge["node"]["name"].startswith("many")}
    assert len(many) > 40
    for number, (name, contract) in enumerate(sorted(many.items())):
        assert name == f"many {number:02}"
        values = [edge["node"] for edge in contract["valuations"]["edges"]]
        assert [v["npvMeanUsd"] for v in values] == [100 * number + turn for turn in (3, 2, 1)]
        assert {v["curve"]["curveId"] for v in values} == {str(uuid5(NAMESPACE, f"curve {number}"))}
        assert contract["valuations"]["pageInfo"]["hasNextPage"]


def test_the_next_page_of_valuations_follows(ask: Ask) -> None:
    ppa_id = str(uuid5(NAMESPACE, "ppa 7"))
    query = """query ($id: UUID!, $after: String) { ppa(ppaId: $id) { valuations(first: 3, after: $after) {
        edges { node { npvMeanUsd } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
    first = data(ask(query, id=ppa_id))["ppa"]["valuations"]
    second = data(ask(query, id=ppa_id, after=first["pageInfo"]["endCursor"]))["ppa"]["valuations"]
    assert [edge["node"]["npvMeanUsd"] for edge in second["edges"]] == [700.0]
    assert second["pageInfo"]["hasPreviousPage"]
    assert not second["pageInfo"]["hasNextPage"]


def test_prices_of_one_request_look_up_once_how_far_they_may_be_read(ask: Ask, asked: list[str]) -> None:
    where = '{iso: PJM, nodes: ["WESTERN HUB"], start: "2026-01-30", end: "2026-01-31"}'
    series = " ".join(f"a{i}: priceSeries(where: {where}) {{ rowCount }}" for i in range(5))
    data(ask(f"{{ {series} }}"))
    assert sum("superseded_by <=" in query for query in asked) == 1
    assert sum("pg.checkpoint" in query for query in asked) == 1


def test_points_of_curves_belong_to_their_curves(platform: Platform, sample: dict[str, str]) -> None:
    from queries.curve_points import curve_points, points_of_curves

    known, unknown = UUID(sample["curve"]), uuid5(NAMESPACE, "nothing")
    through = platform.log.head()
    found = points_of_curves(platform.clickhouse, [unknown, known], through_position=through)
    assert found[known].equals(curve_points(platform.clickhouse, known, through_position=through))
    assert (found[unknown].num_rows, found[unknown].schema) == (0, found[known].schema)
