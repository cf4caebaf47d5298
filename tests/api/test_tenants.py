"""What one tenant has does not exist for another: not by its id, not by its hash, not by a difference in the answer."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from api.cli.connection import ApiError, Connection
from api.platform import LOCAL_PRINCIPAL, Platform
from infra.objects import Objects
from infra.principal import ROLES
from infra.settings import Settings
from tests.api.callers import answer, calling_as, refusal

HUB = {"name": "WH", "iso": "MISO", "node": "N", "node_type": "Hub", "market": "DA", "time_zone": "Etc/GMT+5"}
QUOTES = b"hub,product,price_usd_per_mwh,source,quoted_at\nWH,CAL-2027,42.30,broker,2026-11-20T17:00:00Z\n"
PPA = {
    "name": "p", "hub": "WH", "side": "buy", "power_mw": 10, "fixed_price_usd_per_mwh": 40, "start": "2027-01",
    "end": "2027-12", "discount_rate_per_year": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def acme(platform: Platform) -> Iterator[Connection]:
    with calling_as(platform, "acme", *ROLES) as connection:
        yield connection


@pytest.fixture(scope="module")
def rival(platform: Platform) -> Iterator[Connection]:
    with calling_as(platform, "rival", *ROLES) as connection:
        yield connection


@pytest.fixture(scope="module")
def made(api: Connection, acme: Connection) -> dict[str, str]:
    """A curve, a contract and a valuation of acme, by their ids, and its quotes by their hash."""
    api.command("grant-entitlement", {"tenant": "acme", "iso": "MISO", "channels": ["api"]})
    acme.command("register-instrument", HUB)
    acme.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
    sha256 = acme.upload(QUOTES)
    sheet = acme.command("record-quotes", {"object": sha256})["id"]
    curve = acme.command("build-curve", {"hub": "WH", "scenario": "base"})["id"]
    ppa = acme.command("register-ppa", PPA)["id"]
    valuation = acme.command("price-ppa", {"ppa_id": ppa, "curve_id": curve, "paths": 10})["id"]
    return {"sheet": sheet, "curve": curve, "ppa": ppa, "valuation": valuation, "quotes": sha256}


def test_anothers_id_is_answered_like_one_that_nobody_has(rival: Connection, made: dict[str, str]) -> None:
    nobodys = {kind: Objects.key(b"nobody's") if kind == "quotes" else str(uuid4()) for kind in made}
    reads = [
        ("curve", "/v1/curves/{}"),
        ("ppa", "/v1/ppas/{}"),
        ("valuation", "/v1/ppas/valuations/{}"),
        ("quotes", "/v1/objects/{}"),
        *((kind, f"/v1/lineage/{{}}?direction={way}") for kind in made for way in ("upstream", "downstream")),
    ]
    for kind, path in reads:
        theirs, nothing = (refusal(rival, "GET", path.format(ids[kind])) for ids in (made, nobodys))
        assert (theirs.status, theirs.title.replace(made[kind], "ID"), theirs.detail) == (
            404,
            nothing.title.replace(nobodys[kind], "ID"),
            nothing.detail,
        )


def test_nothing_can_be_made_from_what_another_has(rival: Connection, made: dict[str, str]) -> None:
    rival.command("register-instrument", HUB)
    own = rival.command("register-ppa", PPA)["id"]
    for name, body, missing in (
        ("recompute-result", {"result_id": made["curve"]}, "result"),
        ("recompute-result", {"result_id": made["valuation"]}, "result"),
        ("recompute-result", {"result_id": made["ppa"]}, "result"),
        ("price-ppa", {"ppa_id": made["ppa"], "curve_id": made["curve"]}, "contract"),
        ("price-ppa", {"ppa_id": own, "curve_id": made["curve"]}, "curve"),
        ("record-quotes", {"object": made["quotes"]}, "uploaded object"),
        ("build-curve", {"hub": "WH", "scenario": "base"}, "scenario"),
    ):
        with pytest.raises(ApiError, match=f"there is no {missing}") as error:
            rival.command(name, body)
        assert error.value.status == 404


def test_anothers_recorded_answer_is_not_told_for_its_command_id(
    acme: Connection, rival: Connection, made: dict[str, str]
) -> None:
    key, body = {"Idempotency-Key": str(uuid4())}, {"result_id": made["curve"]}
    answer(acme, "POST", "/v1/commands/recompute-result", headers=key, json=body)
    assert refusal(rival, "POST", "/v1/commands/recompute-result", headers=key, json=body).status == 404


def test_lists_are_empty_and_events_unknown(acme: Connection, rival: Connection, made: dict[str, str]) -> None:
    for path in ("/v1/curves", "/v1/quotes", "/v1/scenarios", "/v1/entitlements"):
        assert rival.get(path)["items"] == []
        assert acme.get(path)["items"]
    positions = {entry["position"] for entry in acme.get("/v1/audit")["items"]}
    assert positions
    assert not positions & {entry["position"] for entry in rival.get("/v1/audit")["items"]}
    for position in positions:
        assert refusal(rival, "GET", f"/v1/audit/{position}").status == 404


def test_the_same_bytes_are_each_tenants_own(acme: Connection, made: dict[str, str], platform: Platform) -> None:
    """To upload what another has uploaded too gives a right to the bytes, and shows nothing that was made of them."""
    with calling_as(platform, "twin", *ROLES) as twin:
        assert twin.upload(QUOTES) == made["quotes"]
        assert answer(twin, "GET", f"/v1/objects/{made['quotes']}").content == QUOTES
        assert refusal(twin, "GET", f"/v1/lineage/{made['quotes']}").status == 404
        twin.command("register-instrument", HUB)
        sheet = twin.command("record-quotes", {"object": made["quotes"]})["id"]
        graph = twin.get(f"/v1/lineage/{made['quotes']}", direction="downstream")
        assert {node["id"] for node in graph["nodes"]} == {made["quotes"], sheet}
        assert {edge["child"] for edge in graph["edges"]} == {sheet}


def test_an_upload_is_its_tenants_before_anything_is_made_of_it(acme: Connection, rival: Connection) -> None:
    path = f"/v1/objects/{acme.upload(b'a draft')}"
    assert answer(acme, "GET", path).content == b"a draft"
    assert refusal(rival, "GET", path).status == 404


def test_the_platform_ingests_only_what_it_uploaded_itself(api: Connection, acme: Connection) -> None:
    sha256 = acme.upload(b"a draft for nobody else")
    for path, body in (
        (f"/v1/objects/{sha256}/survey?name=a.csv", None),
        ("/v1/commands/ingest-publication", {"objects": [sha256], "names": ["a.csv"]}),
    ):
        refused = refusal(api, "POST", path, json=body)
        assert (refused.status, refused.title) == (404, f"there is no uploaded object {sha256}")


def test_the_platforms_tenant_is_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().platform_tenant == LOCAL_PRINCIPAL.tenant == "local"
    monkeypatch.setenv("CARBON254_PLATFORM_TENANT", "house")
    assert Settings().platform_tenant == "house"
