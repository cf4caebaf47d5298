"""Results name what they were made from, and are computed again from exactly that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from api.cli.connection import ApiError, Connection
from api.platform import Platform
from commands.curves import compute_curve
from write_model.curves import Curve

QUOTES = b"""hub,product,price_usd_per_mwh,source,quoted_at
WH,2027-01,52.10,broker,2026-11-20T17:00:00Z
WH,CAL-2027,42.30,broker,2026-11-20T17:00:00Z
WH,CAL-2028,41.00,broker,2026-11-20T17:00:00Z
"""
HUB = {
    "name": "WH",
    "iso": "PJM",
    "node": "WESTERN HUB",
    "node_type": "HUB",
    "market": "DA",
    "time_zone": "America/New_York",
}
PPA = {
    "name": "solar", "hub": "WH", "side": "buy", "power_mw": 10, "fixed_price_usd_per_mwh": 40.0, "start": "2027-01",
    "end": "2031-12", "discount_rate_per_year": 0.07, "upfront_cost_usd": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def curve(api: Connection) -> dict[str, Any]:
    api.command("register-instrument", HUB)
    api.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
    api.command("record-quotes", {"object": api.upload(QUOTES)})
    return api.command("build-curve", {"hub": "WH", "scenario": "base"})


@pytest.fixture(scope="module")
def contract(api: Connection, curve: dict[str, Any]) -> dict[str, Any]:
    return api.command("register-ppa", PPA)


def price(api: Connection, curve: dict[str, Any], contract: dict[str, Any], **options: Any) -> dict[str, Any]:
    body = {"ppa_id": contract["id"], "curve_id": curve["id"], "paths": 2000, "seed": 7} | options
    return api.command("price-ppa", body)


def test_the_same_seed_gives_the_same_number_to_the_last_bit(
    api: Connection, curve: dict[str, Any], contract: dict[str, Any]
) -> None:
    first, second = price(api, curve, contract), price(api, curve, contract)
    assert first["id"] != second["id"]
    digests = [answer["events"][0]["data"]["computation"]["digest"] for answer in (first, second)]
    assert digests[0] == digests[1]
    other = price(api, curve, contract, seed=8)
    assert other["events"][0]["data"]["computation"]["digest"] != digests[0]


def test_the_closed_form_lies_within_three_standard_errors(
    api: Connection, curve: dict[str, Any], contract: dict[str, Any]
) -> None:
    answer = price(api, curve, contract, paths=10_000, kappa_per_year=10.0, sigma_per_sqrt_year=1.5)
    figures = answer["events"][0]["data"]["figures"]
    distance = abs(figures["npv_mean_usd"] - figures["npv_closed_form_usd"])
    assert 0 < distance < 3 * figures["npv_standard_error_usd"]
    assert figures["process"]["kappa_per_year"] == 10.0
    assert figures["irr"]["rate"] is None
    assert figures["irr"]["reason"] == "no_outlay"


def test_without_history_the_process_is_a_named_fallback(
    api: Connection, curve: dict[str, Any], contract: dict[str, Any]
) -> None:
    process = price(api, curve, contract)["events"][0]["data"]["figures"]["process"]
    assert process["fallback"] == "default_too_little_history"
    assert process["reason"]


def test_recomputing_gives_the_same_digest(api: Connection, curve: dict[str, Any], contract: dict[str, Any]) -> None:
    for result in (curve, price(api, curve, contract)):
        answer = api.command("recompute-result", {"result_id": result["id"]})
        assert answer["status"] == "done"
        assert answer["events"][0]["data"]["equal"]


def test_a_code_change_that_moves_a_price_is_seen_and_named(
    api: Connection, platform: Platform, curve: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def moved(*inputs: Any) -> Any:
        points, report = compute_curve(*inputs)
        prices = points["price_usd_per_mwh"].to_pylist()
        prices[3] += 0.01
        return points.set_column(1, "price_usd_per_mwh", pa.array(prices)), report

    monkeypatch.setattr("commands.results.compute_curve", moved)
    answer = api.command("recompute-result", {"result_id": curve["id"]})
    assert answer["status"] == "different"
    data = answer["events"][0]["data"]
    assert not data["equal"]
    assert "2027-04-01: recorded" in data["difference"]
    assert "more" not in data["difference"]


def test_a_curve_of_another_hub_is_refused(api: Connection, curve: dict[str, Any], contract: dict[str, Any]) -> None:
    api.command("register-instrument", HUB | {"name": "EH", "node": "EASTERN HUB"})
    api.command("record-quotes", {"object": api.upload(QUOTES.replace(b"WH,", b"EH,"))})
    elsewhere = api.command("build-curve", {"hub": "EH", "scenario": "base"})
    with pytest.raises(ApiError, match="settles at WH, but the curve is of EH"):
        price(api, elsewhere, contract)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"power_mw": [1.0] * 25}, "25 values are no profile"),
        ({"power_mw": 0}, "nothing would be delivered"),
        ({"end": "2026-12"}, "before it starts"),
        ({"end": "2051-01"}, "past December 2050"),
        ({"start": "2027-13"}, "start"),
        ({"side": "hold"}, "side"),
        ({"hub": "nowhere"}, "there is no hub nowhere"),
    ],
)
def test_a_contract_that_makes_no_sense_is_refused_by_field(
    api: Connection, curve: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    with pytest.raises(ApiError) as error:
        api.command("register-ppa", PPA | {"name": "other"} | change)
    assert named in error.value.title


def test_lineage_reaches_the_raw_bytes(
    api: Connection, platform: Platform, curve: dict[str, Any], contract: dict[str, Any]
) -> None:
    valuation = price(api, curve, contract)
    graph = api.get(f"/v1/lineage/{valuation['id']}")
    nodes = {node["id"]: node for node in graph["nodes"]}
    raw = platform.objects.key(QUOTES)
    assert nodes[raw]["kind"] == "object:raw"
    assert nodes[valuation["id"]]["details"]["parameters"]["seed"] == 7
    assert nodes[valuation["id"]]["details"]["code_version"] == platform.code_version
    parents = {edge["parent"] for edge in graph["edges"]}
    assert {curve["id"], contract["id"], raw} <= parents
    # Every input and artifact that the event names is a node, and the store has its bytes.
    aggregate = platform.log.stream(UUID(curve["id"])).aggregate(Curve)
    assert aggregate is not None
    assert set(aggregate.computation.inputs.values()) <= set(nodes)
    assert all(platform.objects.has("runs", key) for key in aggregate.computation.inputs.values())
