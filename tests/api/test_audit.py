"""Who did what can be asked in several ways, every event can be looked at, and lineage goes both ways."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api.cli.connection import ApiError, Connection
from api.cli.lineage import lineage_dot, lineage_tree
from api.platform import Platform

QUOTES = b"hub,product,price_usd_per_mwh,source,quoted_at\nWH,CAL-2027,42.30,broker,2026-11-20T17:00:00Z\n"
HUB = {"name": "WH", "iso": "PJM", "node": "N", "node_type": "HUB", "market": "DA", "time_zone": "America/New_York"}


@pytest.fixture(scope="module")
def curve(api: Connection) -> dict[str, Any]:
    api.command("register-instrument", HUB)
    api.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
    api.command("record-quotes", {"object": api.upload(QUOTES)})
    return api.command("build-curve", {"hub": "WH", "scenario": "base"})


@pytest.mark.parametrize(
    ("params", "events"),
    [
        ({"noun": "scenario"}, {"scenario.defined"}),
        ({"actor": "nobody"}, set()),
        ({"outcome": "refused"}, set()),
        ({"since": "2020-01-01", "noun": "curve"}, {"curve.built"}),
        ({"until": "2020-01-01"}, set()),
        ({"limit": 1}, {"curve.built"}),
    ],
)
def test_the_audit_log_is_filtered(
    api: Connection, curve: dict[str, Any], params: dict[str, Any], events: set[str]
) -> None:
    assert {entry["event"] for entry in api.get("/v1/audit", **params)["items"]} == events


def test_the_audit_log_of_one_thing_and_of_what_belongs_together(api: Connection, curve: dict[str, Any]) -> None:
    (entry,) = api.get("/v1/audit", id=curve["id"])["items"]
    assert entry["event"] == "curve.built"
    together = api.get("/v1/audit", correlation_id=entry["correlation_id"])["items"]
    assert [e["position"] for e in together] == [curve["position"]]


def test_an_event_is_shown_as_the_log_holds_it(api: Connection, platform: Platform, curve: dict[str, Any]) -> None:
    shown = api.get(f"/v1/audit/{curve['position']}")
    assert shown["data"] == curve["events"][0]["data"]
    assert shown["metadata"]["command_id"] == curve["command_id"]
    assert shown["hash"] == platform.log.page(curve["position"] - 1, 1)[0].stored.hash
    with pytest.raises(ApiError, match="no event at position 999"):
        api.get("/v1/audit/999")


def test_a_raw_file_tells_what_rests_on_it(api: Connection, platform: Platform, curve: dict[str, Any]) -> None:
    raw = platform.objects.key(QUOTES)
    graph = api.get(f"/v1/lineage/{raw}", direction="downstream")
    assert curve["id"] in {edge["child"] for edge in graph["edges"]}
    assert curve["id"] in {node["id"] for node in graph["nodes"]}
    assert api.get(f"/v1/lineage/{raw}")["edges"] == []
    assert lineage_tree(graph).children


def test_the_dot_graph_has_every_node_and_edge(api: Connection, curve: dict[str, Any]) -> None:
    graph = api.get(f"/v1/lineage/{curve['id']}")
    text = lineage_dot(graph)
    assert text.startswith("digraph lineage {")
    assert text.count(" -> ") == len(graph["edges"])
    assert all(f'"{node["id"]}' in text for node in graph["nodes"])


def test_nothing_is_known_of_an_unknown_id(api: Connection) -> None:
    with pytest.raises(ApiError, match="nothing is known"):
        api.get(f"/v1/lineage/{uuid4()}", direction="downstream")


def test_verification_over_the_api(api: Connection, platform: Platform, curve: dict[str, Any]) -> None:
    found = api.get("/v1/audit/verification")
    assert found["difference"] is None
    assert found["events"] == platform.log.head()
    unknown = api.get("/v1/audit/verification", seal="0" * 64)
    assert unknown["difference"]["kind"] == "unknown seal"


def test_the_lineage_of_a_curve_stays_as_it_was_when_its_scenario_is_revised(
    api: Connection, curve: dict[str, Any]
) -> None:
    before = api.get(f"/v1/lineage/{curve['id']}")
    api.command("revise-scenario", {"name": "base", "growth_per_year": 0.05})
    api.command("recompute-result", {"result_id": curve["id"]})
    assert api.get(f"/v1/lineage/{curve['id']}") == before
    (used,) = [node for node in before["nodes"] if node["kind"] == "scenario"]
    assert (used["label"], used["details"]["entered"]["assumptions"]["growth_per_year"]) == ("base", 0.02)
    again = api.command("build-curve", {"hub": "WH", "scenario": "base"})
    after = api.get(f"/v1/lineage/{again['id']}")
    (revised,) = [node for node in after["nodes"] if node["kind"] == "scenario"]
    assert revised["details"]["entered"]["assumptions"]["growth_per_year"] == 0.05
