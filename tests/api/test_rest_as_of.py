"""Every read can be asked as of a position or a time, and waits for a position; nothing later shines through."""

from __future__ import annotations

import time
from typing import Any

import pytest

from api.cli.connection import Connection
from api.platform import Platform
from infra.subscriptions import ReadTooEarly, Subscription
from tests.api.conftest import Get

LISTS = (
    "publications",
    "instruments",
    "quotes",
    "scenarios",
    "curves",
    "ppas",
    "ppas/valuations",
    "prices/coverage",
    "audit",
)


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize("noun", LISTS)
def test_a_list_grows_with_the_position_and_ends_at_what_there_is_now(get: Get, platform: Platform, noun: str) -> None:
    counts = []
    for position in range(platform.log.head() + 1):
        items = get(f"/v1/{noun}?as_of={position}").json()["items"]
        assert all(row.get("log_position", row.get("position", 0)) <= position for row in items)
        counts.append(len(items))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, len(get(f"/v1/{noun}").json()["items"]))
    assert counts[-1] > 0


@pytest.mark.parametrize(
    ("path", "made_by"),
    [
        ("/v1/curves/{curve}", "curve"),
        ("/v1/ppas/{ppa}", "ppa"),
        ("/v1/ppas/valuations/{valuation}", "valuation"),
        ("/v1/lineage/{curve}", "curve"),
    ],
)
def test_a_thing_is_not_there_before_it_was_made(get: Get, market: dict[str, Any], path: str, made_by: str) -> None:
    address = path.format(**{name: answer["id"] for name, answer in market.items()})
    position = market[made_by]["position"]
    assert get(f"{address}?as_of={position - 1}").status_code == 404
    assert get(f"{address}?as_of={position}").status_code == 200


def test_a_scenario_before_and_after_its_revision(get: Get, market: dict[str, Any]) -> None:
    revised = market["scenario"]
    address = f"/v1/scenarios/{revised['id']}"
    before = get(f"{address}?as_of={revised['position'] - 1}").json()
    after = get(f"{address}?as_of={revised['position']}").json()
    assert (before["growth_per_year"], before["revision"], len(before["revisions"])) == (0.0, 1, 1)
    assert (after["growth_per_year"], after["revision"], len(after["revisions"])) == (0.05, 2, 2)
    assert after["revisions"][0] == before["revisions"][0]


def test_a_contract_shows_the_valuations_of_then(get: Get, market: dict[str, Any]) -> None:
    position = market["valuation"]["position"]
    address = f"/v1/ppas/{market['ppa']['id']}"
    assert len(get(f"{address}?as_of={position - 1}").json()["valuations"]) == 2
    assert get(f"/v1/ppas?as_of={position - 1}").json()["items"][0]["valuations"] == 2
    assert len(get(address).json()["valuations"]) == 3


def test_a_time_is_the_last_position_recorded_by_then(get: Get, market: dict[str, Any]) -> None:
    entries = get("/v1/audit?sort=position").json()["items"]
    middle = entries[len(entries) // 2]
    known = get(f"/v1/audit?as_of={middle['recorded_at']}").json()["items"]
    assert known[0]["position"] >= middle["position"]
    assert all(entry["recorded_at"] <= middle["recorded_at"] for entry in known)
    assert get("/v1/audit?as_of=2020-01-01").json()["items"] == []


def test_downstream_lineage_as_of_a_position_leaves_out_what_was_made_later(get: Get, market: dict[str, Any]) -> None:
    curve = market["curve"]
    address = f"/v1/lineage/{curve['id']}?direction=downstream"
    assert len(get(address).json()["edges"]) >= 3
    assert get(f"{address}&as_of={curve['position']}").json()["edges"] == []


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize(
    "path", ["/v1/scenarios", "/v1/curves/{curve}", "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-11"]
)
@pytest.mark.parametrize("as_of", ["soon", "9999999", "²", "-1", "2026-13-01", "9" * 500, "20260310"])
def test_an_as_of_that_is_none_is_named(get: Get, market: dict[str, Any], path: str, as_of: str) -> None:
    address = path.format(curve=market["curve"]["id"])
    answer = get(f"{address}{'&' if '?' in address else '?'}as_of={as_of}")
    assert (answer.status_code, answer.json()["title"].split(":")[0]) == (400, "as_of")


def test_every_read_of_a_read_model_can_wait(get: Get) -> None:
    without = {
        "list_resources",
        "read_jwks",
        "live",
        "ready",
        "doctor",
        "metrics",
        "list_dead_letters",
    }
    document = get("/openapi.json").json()
    for item in document["paths"].values():
        operation = item.get("get")
        if operation and operation["operationId"] not in without:
            assert "wait_for" in {p["name"] for p in operation["parameters"]}, operation["operationId"]


def test_what_does_not_come_is_503_with_when_to_ask_again(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    def impatient(self: Subscription, position: int, patience_s: float = 0) -> None:
        raise ReadTooEarly(f"The read model {self.name} stands still.", remedy="Ask again.")

    monkeypatch.setattr(Subscription, "wait_for", impatient)
    for path in ("/v1/curves?wait_for=head", "/v1/curves?wait_for=1", "/v1/audit?wait_for=0"):
        answer = get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["type"] == "/docs/problems#not-ready"


def test_a_write_is_read_at_its_position(api: Connection, get: Get) -> None:
    for i in range(5):
        answer = api.command("define-scenario", {"name": f"mine {i} {time.monotonic()}", "growth_per_year": 0.01})
        read = get(f"/v1/scenarios/{answer['id']}?wait_for={answer['position']}")
        assert read.status_code == 200, read.text
