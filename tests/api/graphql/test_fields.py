"""Every field of the schema answers what the REST API answers."""

from __future__ import annotations

from typing import Any

import pytest

from api.cli.connection import Connection
from tests.api.graphql.conftest import Ask

WHERE = {"iso": "PJM", "nodes": ["WESTERN HUB"], "market": "DA", "start": "2026-01-30", "end": "2026-01-31", "tz": "market"}


def data(answer: dict[str, Any]) -> dict[str, Any]:
    assert "errors" not in answer, answer["errors"]
    found: dict[str, Any] = answer["data"]
    return found


def test_a_price_series_holds_the_rows_of_rest_as_columns(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    rest = api.get("/v1/prices", iso="PJM", node="WESTERN HUB", market="DA", start="2026-01-30", end="2026-01-31", tz="market")
    (series,) = data(ask(
        """query ($where: PriceWhere!) { priceSeries(where: $where) {
             iso market node nodeType feed rowCount intervalStartUtc intervalEndUtc intervalStartLocal lmpUsdPerMwh
             energyUsdPerMwh congestionUsdPerMwh lossUsdPerMwh ghgUsdPerMwh vintage sourceVersion publishedAt recordedAt
             logPosition publicationId } }""",
        where=WHERE,
    ))["priceSeries"]  # fmt: skip
    assert series["rowCount"] == len(rest) == 24
    names = {name: camel(name) for name in rest[0] if camel(name) in series}
    assert len(names) == 19
    for name, field in names.items():
        values = series[field] if isinstance(series[field], list) else [series[field]] * 24
        assert values == [row[name] for row in rest], name


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def test_probe(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    import json
    for q in ["{ppas{edges{cursor node{id ppaId name side terms{powerMw firstMonth} valuations{edges{node{npvMeanUsd figures curve{hub report points{rowCount deliveryMonth priceUsdPerMwh isExtrapolated}}}}}}}}}",
      "{projections{name position lag}}", "{audit(first:2){edges{cursor node{id position event}} pageInfo{hasNextPage endCursor}}}",
      "{publications(first:1){edges{node{id publicationId status rawSha256 rowCount names}}}}","{instruments{edges{node{id name}}} scenarios{edges{node{id name revision}}}}",
      '{lineage(id:"%s"){nodes{kind label}}}' % sample["valuation"], "{nope}", "{ppa(ppaId:3){name}}", '{node(id:"xx"){id}}', '{node(id:"UHBhOnh4"){id}}', "mutation{a}", "{prices(where:{iso:PJM,start:\"x\",end:\"2026-01-01\"}){edges{node{node}}}}", "{", "query A{projections{name}} query B{projections{name}}"]:
        print(q, json.dumps(ask(q))[:700], "\n")
    assert 0
