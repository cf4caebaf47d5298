"""No door is open by accident: every route of a real server, tried with no token, bad ones, and other tenants' ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from api.app import create_app
from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.middleware.rates import FailedAttempts
from api.platform import Platform
from commands.permissions import PERMISSIONS, PLATFORM_ONLY, Permission
from commands.registry import REGISTRY
from infra.principal import ROLES, Role
from tests.api.callers import calling_as
from tests.api.door_walk import (
    HIDDEN,
    OPEN,
    Belongings,
    Caller,
    Request,
    Tokens,
    operations,
    permissions_of,
    requests_for,
)
from tests.e2e.market_files import write_miso

pytestmark = pytest.mark.enable_socket

# Routes that no single permission opens: the command itself decides, or owning the data folder does.
DECIDED_ELSEWHERE = {name.replace("-", "_") for name in REGISTRY} | {"make_token"}
PRICE = 31.4159265  # no time in an answer has seven digits of a second
QUOTES = "hub,product,price_usd_per_mwh,source,quoted_at\n{hub},CAL-2027,42.30,{source},2026-11-20T17:00:00Z\n"


def own_things(api: Connection, mark: str) -> Belongings:
    """Makes everything that a tenant can have, named with `mark`, and tells what only this tenant may see of it."""
    hub, name = f"hub-{mark}", f"name-{mark}"
    quotes = QUOTES.format(hub=hub, source=f"broker-{mark}").encode()
    instrument = api.command("register-instrument", {
        "name": hub, "iso": "MISO", "node": "INDIANA.HUB", "node_type": "Hub", "market": "RTH",
        "time_zone": "Etc/GMT+5",
    })  # fmt: skip
    assumptions = {"name": name, "growth_per_year": 0.02}
    scenario = api.command("define-scenario", assumptions)
    sheet_sha256, unused_sha256 = api.upload(quotes), api.upload(f"unused-{mark}".encode())
    sheet = api.command("record-quotes", {"object": sheet_sha256})
    curve = api.command("build-curve", {"hub": hub, "scenario": name})
    contract = {
        "name": name, "hub": hub, "side": "buy", "power_mw": 10,
        "fixed_price_usd_per_mwh": 40 + len(mark) / 100,  # no two tenants with one valuation, and so one digest
        "start": "2027-01", "end": "2027-12", "discount_rate_per_year": 0.05,
    }  # fmt: skip
    ppa = api.command("register-ppa", contract)
    pricing = {"ppa_id": ppa["id"], "curve_id": curve["id"], "paths": 10}
    valuation = api.command("price-ppa", pricing)
    key = api.command("issue-api-key", {"name": f"key-{mark}", "roles": ["reader"]})
    made = [instrument, scenario, sheet, curve, ppa, valuation, key]
    graph = api.get(f"/v1/lineage/{valuation['id']}")
    nodes = [node["id"] for node in graph["nodes"] if node["kind"] not in ("publication", "object:raw", "object:rows")]
    ids = [answer["id"] for answer in made]
    return Belongings(
        values={
            "curve_id": [curve["id"]],
            "scenario_id": [scenario["id"]],
            "instrument_id": [instrument["id"]],
            "ppa_id": [ppa["id"]],
            "valuation_id": [valuation["id"]],
            "sha256": [sheet_sha256, unused_sha256],
            "node_id": [*ids, *nodes, sheet_sha256],
            "position": [str(answer["position"]) for answer in made],
        },
        commands={
            "recompute-result": {"result_id": curve["id"]},
            "price-ppa": pricing,
            "record-quotes": {"object": sheet_sha256},
            "build-curve": {"hub": hub, "scenario": name},
            "follow-curve": {"hub": hub, "scenario": name},
            "unfollow-curve": {"hub": hub, "scenario": name},
            "revise-scenario": {"name": name, "growth_per_year": 0.4},
            "register-ppa": contract,
            "ingest-publication": {"objects": [unused_sha256], "names": ["a.csv"]},
            "revoke-api-key": {"key_id": key["id"]},
            "record-fetch": {
                "feed": "miso/rt_lmp_prelim",
                "request_key": f"request-{mark}",
                "object": unused_sha256,
                "start_utc": "2026-03-01T05:00:00Z",
                "end_utc": "2026-03-02T05:00:00Z",
                "size_bytes": 1,
            },
            "revoke-actor": {"actor": f"someone-of-{mark}"},
        },
        secrets={mark, *ids, *nodes, sheet_sha256, unused_sha256},
    )


@pytest.fixture(scope="module")
def things(api: Connection, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Belongings]:
    """Of the platform's own tenant and of a customer, and two publications, of which one can't be read."""
    folder = tmp_path_factory.mktemp("market")
    good = write_miso(folder, "rt_lmp_final", {"INDIANA.HUB": [PRICE] * 24})
    bad = write_miso(folder / "bad", "rt_lmp_final", {"INDIANA.HUB": ["x"] * 24})
    ingest_paths(api, [good, bad])
    api.command("grant-entitlement", {"tenant": "acme", "iso": "MISO", "channels": ["api", "downloads"]})
    found = {"local": own_things(api, "markoflocal")}
    with calling_as(platform, "acme", *ROLES) as acme:
        found["acme"] = own_things(acme, "markofacme")
    publications = api.get("/v1/publications")["items"]
    shown = [api.get(f"/v1/publications/{publication['id']}") for publication in publications]
    others: dict[str, Any] = {
        "publication_id": [publication["id"] for publication in publications],
        "projection": [projection["name"] for projection in api.get("/v1/projections")["items"]],
        "replay": ["then"],
        "dataset": ["fundamentals"],
        # MISO serves it for four days: a run of it over the days asked for is refused before anything is sent.
        "iso": ["miso"],
        "feed": ["rt_lmp_prelim"],
    }
    market = {"INDIANA.HUB", str(PRICE)} | {sha256 for publication in shown for sha256 in publication["raw_sha256"]}
    for tenant, has in found.items():
        has.values |= others
        has.values["sha256"] += sorted(sha256 for publication in shown for sha256 in publication["raw_sha256"])
        has.values["node_id"] += others["publication_id"]
        has.commands |= {
            "register-instrument": {
                "name": "x",
                "iso": "MISO",
                "node": "n",
                "node_type": "",
                "market": "DA",
                "time_zone": "UTC",
            },
            "define-scenario": {"name": "x", "growth_per_year": 0.1},
            "issue-api-key": {"name": "x", "roles": ["reader"]},
            "grant-entitlement": {"tenant": "rival", "iso": "MISO", "channels": ["api"]},
            "revoke-entitlement": {"tenant": "acme", "iso": "MISO"},
        }
        assert set(has.commands) == set(REGISTRY), "give each command a body that reaches for another tenant's things"
        if tenant == "local":
            has.secrets |= market | set(others["publication_id"])
    return found


@pytest.fixture(scope="module")
def tokens(platform: Platform) -> Tokens:
    return Tokens(platform)


@pytest.fixture(scope="module")
def port(platform: Platform) -> Iterator[int]:
    """A real server over the platform. It goes on answering failed attempts, so that each door is seen to be shut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FailedAttempts.__init__, "__kwdefaults__", {"per_minute": 1_000_000})
        app = create_app(platform)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def call(port: int) -> Iterator[Caller]:
    caller = Caller(port)
    yield caller
    caller.close()


@pytest.fixture
def document(call: Caller) -> dict[str, Any]:
    status, content = call("GET", "/openapi.json", None)
    assert status == 200
    return dict(json.loads(content))


def test_every_route_says_which_permission_it_needs(document: dict[str, Any]) -> None:
    silent = set()
    for _, path, operation in operations(document):
        needed = permissions_of(operation)
        assert needed <= set(Permission), operation["operationId"]
        if not needed and path not in OPEN:
            silent.add(operation["operationId"])
    assert silent == DECIDED_ELSEWHERE
    assert all(isinstance(handling.permission, Permission) for handling in REGISTRY.values())


def test_without_a_good_token_nothing_but_the_open_doors_answers(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens
) -> None:
    bad = {"none": None} | tokens.bad("local")
    walk = [r for r in requests_for(document, things["local"]) if r.path.partition("?")[0] not in OPEN]
    walk += [Request(path, method, path) for path in HIDDEN for method in ("GET", "POST")]
    assert len({request.operation for request in walk}) > 30
    for why, token in bad.items():
        for request in _first_of_each(walk):
            status, content = call(request.method, request.path, token, request.body)
            assert status == 401, (why, request, content)
            assert not things["local"].found_in(content, request.told), (why, request)


def test_head_options_and_other_methods_are_doors_too(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens
) -> None:
    addresses = {request.path for request in _first_of_each(requests_for(document, things["local"]))} | set(HIDDEN)
    bad = (None, "wrong", tokens.bad("local")["alg none"])
    for address in sorted(address for address in addresses if address.partition("?")[0] not in OPEN):
        for method in ("HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND"):
            for token in bad:
                assert call(method, address, token)[0] == 401, (method, address)
            status, content = call(method, address, tokens.good("rival"))
            allowed = (call("GET", address, tokens.good("rival"))[0],) if method == "HEAD" else (403, 404, 405)
            assert status in allowed, (method, address, content)
            assert method != "HEAD" or content == ""


def test_open_doors_tell_nothing_of_anybody(call: Caller, things: dict[str, Belongings]) -> None:
    for path in sorted(OPEN):
        for method in ("GET", "HEAD", "OPTIONS"):
            status, content = call(method, path, None)
            assert status in (200, 405), (method, path)
            assert not any(has.found_in(content) for has in things.values())


@pytest.mark.parametrize("roles", [*((role,) for role in ROLES), ROLES], ids="+".join)
def test_another_tenant_is_told_nothing_whatever_its_roles(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens, roles: tuple[Role, ...]
) -> None:
    token = tokens.good(f"rival-{'-'.join(roles)}", *roles)
    walk = [request for whose in things.values() for request in requests_for(document, whose)]
    walk += [Request(path, "GET", path) for path in HIDDEN]
    # Reads come first: the audit log of the rival, too, repeats what the rival's commands named.
    for request in sorted(walk, key=lambda request: request.method != "GET"):
        status, content = call(request.method, request.path, token, request.body)
        assert status < 500, (request, content)
        for has in things.values():
            assert not has.found_in(content, request.told), (request, status, content)
        if request.path == "/metrics":
            assert status in (403, 404)


def test_even_the_platforms_own_tenant_is_told_nothing_of_a_customer(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens
) -> None:
    token = tokens.good("local")
    for request in requests_for(document, things["acme"]):
        if request.method == "GET":
            status, content = call(request.method, request.path, token)
            assert status < 500, (request, content)
            assert not things["acme"].found_in(content, request.told), (request, status, content)


def test_the_owner_is_told_all_of_it(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens
) -> None:
    """So that the walk does not find nothing because there is nothing."""
    token, told = tokens.good("acme"), set()
    for request in requests_for(document, things["acme"]):
        if request.method == "GET" and permissions_of(_operation(document, request)) - set(PLATFORM_ONLY):
            status, content = call(request.method, request.path, token)
            # What it is entitled to of the platform's publications counts too.
            found = things["acme"].found_in(content) | things["local"].found_in(content)
            assert "markoflocal" not in found
            if status == 200 and found:
                told.add(request.operation)
    silent = {
        operation["operationId"]
        for method, _, operation in operations(document)
        if method == "GET" and permissions_of(operation) - set(PLATFORM_ONLY)
    } - told
    # They have answers too, but no word in them that only this tenant may see.
    assert silent == {
        "list_entitlements", "list_replays", "list_resources", "price_coverage", "read_curve_staleness",
        "read_ppa_valuation_staleness", "list_series", "list_datasets", "list_feeds", "get_feed", "report_quality",
        "list_quality_days",
    }  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_those_routes_that_need_what_it_holds(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens, role: Role
) -> None:
    token = tokens.good("local", role)
    for request in _first_of_each(requests_for(document, things["local"])):
        if needed := permissions_of(_operation(document, request)):
            status, content = call(request.method, request.path, token, request.body)
            refused = status == 403 and "needs the permission" in content
            assert refused == needed.isdisjoint(PERMISSIONS[role]), (request, status, content)


def test_without_a_role_nothing_opens(
    call: Caller, document: dict[str, Any], things: dict[str, Belongings], tokens: Tokens
) -> None:
    token = tokens.good("local", "no such role")
    for request in _first_of_each(requests_for(document, things["local"])):
        if request.path.partition("?")[0] not in OPEN:
            assert call(request.method, request.path, token, request.body)[0] == 403, request


def _first_of_each(requests: Any) -> list[Request]:
    return list({request.operation + request.method: request for request in reversed(list(requests))}.values())


def _operation(document: dict[str, Any], request: Request) -> dict[str, Any]:
    (found,) = (o for _, __, o in operations(document) if o["operationId"] == request.operation)
    return dict(found)
