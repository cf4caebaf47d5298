"""What never changes has a strong tag and is sent once, what is cached a weak one; a 304 is as guarded as an answer."""

from __future__ import annotations

from typing import Any

import pytest

from api.cli.connection import Connection
from api.platform import Platform
from tests.api.callers import answer, calling_as, refusal
from tests.api.conftest import Get

PRICES = "/v1/prices?iso=MISO&start=2026-03-10&end=2026-03-12"
FOREVER = (
    "/v1/curves/{curve}",
    "/v1/ppas/valuations/{valuation}",
    "/v1/objects/{raw}",
    "/v1/audit/3",
    PRICES + "&as_of={position}",
    PRICES + "&as_of={position}&limit=5",
    PRICES + "&as_of={position}&format=parquet",
    *(
        f"/v1/{noun}?as_of={{position}}"
        for noun in ("publications", "scenarios", "curves", "quotes", "instruments", "ppas", "audit")
    ),
    "/v1/scenarios/{scenario}?as_of={position}",
    "/v1/publications/{publication}?as_of={position}",
    "/v1/ppas/{ppa}?as_of={position}",
)
CHANGING = ("/v1/scenarios/{scenario}", "/v1/publications/{publication}", "/v1/lineage/{curve}")
CACHED = (
    PRICES,
    PRICES + "&limit=5",
    PRICES + "&as_of=2030-01-01",
    "/v1/prices/coverage",
    "/v1/publications",
    "/v1/scenarios",
    "/v1/scenarios?as_of=2030-01-01",
    "/v1/curves",
    "/v1/curves/{curve}/staleness",
    "/v1/ppas/{ppa}",
)


@pytest.fixture(scope="module")
def ids(market: dict[str, Any], get: Get, platform: Platform) -> dict[str, str]:
    publication = get("/v1/publications").json()["items"][0]["id"]
    raw = get(f"/v1/publications/{publication}").json()["raw_sha256"][0]
    made = {name: answer["id"] for name, answer in market.items()}
    return made | {"publication": publication, "raw": raw, "position": str(platform.log.head())}


@pytest.mark.parametrize("path", FOREVER)
def test_what_never_changes_is_sent_once(get: Get, ids: dict[str, str], path: str) -> None:
    first = get(path.format(**ids))
    etag = first.headers["etag"]
    assert first.status_code == 200
    assert etag.startswith('"')
    assert etag.endswith('"')
    assert "immutable" in first.headers["cache-control"]
    assert "private" in first.headers["cache-control"]
    assert first.headers["vary"] == "Accept, Authorization"
    for known in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        again = get(path.format(**ids), headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert get(path.format(**ids), headers={"If-None-Match": '"x"'}).content == first.content


@pytest.mark.parametrize("path", CHANGING)
def test_what_may_change_is_never_answered_by_a_304(get: Get, ids: dict[str, str], path: str) -> None:
    found = get(path.format(**ids), headers={"If-None-Match": "*"})
    assert found.status_code == 200
    assert ("etag" in found.headers) == path.startswith("/v1/scenarios/{"), "its revision, for `If-Match`"
    assert found.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", CACHED)
def test_what_is_cached_is_a_304_as_long_as_it_is_the_same(get: Get, ids: dict[str, str], path: str) -> None:
    first = get(path.format(**ids), headers={"If-None-Match": "*"})
    tag = first.headers["etag"]
    assert (first.status_code, tag[:3]) == (200, 'W/"')
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (tag, f'"x", {tag}', tag.replace("W/", "")):
        again = get(path.format(**ids), headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert get(path.format(**ids), headers={"If-None-Match": '"x"'}).content == first.content


@pytest.mark.parametrize("path", FOREVER)
def test_a_304_goes_through_the_door(get: Get, ids: dict[str, str], path: str) -> None:
    etag = get(path.format(**ids)).headers["etag"]
    for authorization in ("", "Bearer wrong"):
        refused = get(path.format(**ids), headers={"If-None-Match": etag, "Authorization": authorization})
        assert refused.status_code == 401
        assert "etag" not in refused.headers


def test_what_does_not_exist_is_no_304(get: Get, ids: dict[str, str]) -> None:
    nothing = "00000000-0000-4000-8000-000000000000"
    for path in (
        f"/v1/curves/{nothing}",
        f"/v1/ppas/valuations/{nothing}",
        f"/v1/objects/{'0' * 64}",
        "/v1/audit/99999",
    ):
        assert get(path, headers={"If-None-Match": "*"}).status_code == 404


def test_another_format_and_another_question_have_other_tags(get: Get, ids: dict[str, str]) -> None:
    paths = (PRICES, PRICES + "&format=csv", PRICES + "&market=DA", PRICES + "&tz=market", PRICES + "&node=INDIANA.HUB")
    tags = {get(f"{path}&as_of={ids['position']}").headers["etag"] for path in paths}
    assert len(tags) == len(paths)


def test_a_tagged_answer_is_the_same_whatever_happens_later(get: Get, ids: dict[str, str], api: Connection) -> None:
    paths = [path.format(**ids) for path in FOREVER]
    before = [(get(path).content, get(path).headers["etag"]) for path in paths]
    api.command("revise-scenario", {"name": "base", "growth_per_year": 0.123})
    api.command("define-scenario", {"name": "another", "growth_per_year": 0.1})
    api.command("register-instrument", {
        "name": "NEW", "iso": "PJM", "node": "X", "node_type": "HUB", "market": "DA", "time_zone": "America/New_York",
    })  # fmt: skip
    api.get("/v1/scenarios")
    assert [(get(path).content, get(path).headers["etag"]) for path in paths] == before


def test_a_304_needs_the_entitlement_too(get: Get, ids: dict[str, str], api: Connection, platform: Platform) -> None:
    grant = {"tenant": "acme", "iso": "MISO", "channels": ["api"]}
    api.command("grant-entitlement", grant)
    price, lists = f"{PRICES}&as_of={ids['position']}", f"/v1/publications?as_of={ids['position']}"
    with calling_as(platform, "acme", "reader") as acme:
        etag = answer(acme, "GET", price).headers["etag"]
        assert answer(acme, "GET", price, headers={"If-None-Match": etag}).status_code == 304
        # What an entitlement narrows changes with it, so it is never for ever.
        narrowed = answer(acme, "GET", lists).headers
        assert "immutable" not in narrowed["cache-control"]
        api.command("revoke-entitlement", grant)
        assert refusal(acme, "GET", price, headers={"If-None-Match": etag}).status == 403
        assert answer(acme, "GET", lists, headers={"If-None-Match": narrowed["etag"]}).json()["items"] == []
        assert refusal(acme, "GET", f"/v1/objects/{ids['raw']}", headers={"If-None-Match": "*"}).status == 403
        assert refusal(acme, "GET", f"/v1/curves/{ids['curve']}", headers={"If-None-Match": "*"}).status == 404


def test_a_cursor_of_another_tenant_is_refused(get: Get, platform: Platform) -> None:
    cursor = get("/v1/scenarios?limit=1").json()["next_cursor"]
    with calling_as(platform, "acme", "reader") as acme:
        assert "another question" in refusal(acme, "GET", f"/v1/scenarios?cursor={cursor}").title
