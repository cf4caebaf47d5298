"""Market data goes to those who are entitled to it, by ISO and channel, until the moment of revocation."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import entitlements as verbs
from api.cli.connection import ApiError, Connection
from api.cli.ingest import ingest_paths
from api.cli.main import app
from api.platform import Platform
from infra.principal import ROLES, Channel
from integrations.isos.simulator import write_sample
from tests.api.callers import answer, calling_as, refusal
from tests.e2e.market_files import DAY, write_miso

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
HUB = "INDIANA.HUB"


@pytest.fixture(scope="module", autouse=True)
def market(api: Connection, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A day of MISO and CAISO, and a file that can't be read."""
    folder = tmp_path_factory.mktemp("market")
    write_sample(folder / "sample", day=DAY, seed=254)
    good = write_miso(folder, "rt_lmp_final", {HUB: [30] * 24})
    bad = write_miso(folder / "bad", "rt_lmp_final", {HUB: ["x"] * 24})
    report = ingest_paths(api, [good, bad, folder / "sample" / "prices" / "caiso"])
    assert len(report.quarantined) == 1


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """A tenant that no other test has."""
    return f"t-{abs(hash(request.node.name))}"


def grant(api: Connection, tenant: str, iso: str, *channels: Channel, **window: str) -> dict[str, Any]:
    return api.command("grant-entitlement", {"tenant": tenant, "iso": iso, "channels": channels, **window})


def revoke(api: Connection, tenant: str, iso: str) -> dict[str, Any]:
    return api.command("revoke-entitlement", {"tenant": tenant, "iso": iso})


def prices(iso: str, format: str = "json") -> str:
    return f"/v1/prices?iso={iso}&start={DAY}&end={DAY + timedelta(days=2)}&format={format}"


def rows(api: Connection, iso: str) -> int:
    return len(answer(api, "GET", prices(iso, "ndjson")).text.splitlines())


def test_without_a_grant_nothing_is_told(platform: Platform, tenant: str) -> None:
    with calling_as(platform, tenant, *ROLES) as theirs:
        refused = refusal(theirs, "GET", prices("MISO"))
        assert (refused.status, refused.title) == (403, f"{tenant} is not entitled to MISO by the channel api")
        assert "entitlements grant" in refused.detail
        assert theirs.get("/v1/prices/coverage")["items"] == []
        assert theirs.get("/v1/publications")["items"] == []
        assert refusal(theirs, "GET", "/v1/publications?iso=MISO").status == 403
        assert refusal(theirs, "GET", "/v1/prices/coverage?iso=MISO").status == 403


def test_the_platforms_own_tenant_needs_no_grant(platform: Platform) -> None:
    with calling_as(platform, "local", "reader", channel="hub") as own:
        assert rows(own, "MISO") == 24
        assert {p["status"] for p in own.get("/v1/publications")["items"]} == {"ingested", "quarantined"}


@pytest.mark.parametrize("channel", ["api", "hub"])
@pytest.mark.parametrize(
    ("granted", "format", "needed"),
    [
        (("api",), "json", "api"),
        (("hub",), "ndjson", "hub"),
        (("downloads",), "csv", "downloads"),
        (("downloads",), "parquet", "downloads"),
        (("downloads",), "arrow", "downloads"),
    ],
)
def test_each_format_leaves_by_its_channel(
    platform: Platform,
    api: Connection,
    tenant: str,
    channel: Channel,
    granted: tuple[Channel, ...],
    format: str,
    needed: str,
) -> None:
    grant(api, tenant, "MISO", *granted)
    with calling_as(platform, tenant, "reader", channel=channel) as theirs:
        if needed in (channel, "downloads"):
            assert answer(theirs, "GET", prices("MISO", format)).content
        else:
            refused = refusal(theirs, "GET", prices("MISO", format))
            assert refused.title == f"{tenant} is not entitled to MISO by the channel {channel}"
        other = "csv" if needed != "downloads" else "json"
        assert refusal(theirs, "GET", prices("MISO", other)).status == 403


def test_an_accept_header_is_no_way_around(platform: Platform, api: Connection, tenant: str) -> None:
    grant(api, tenant, "MISO", "api")
    path = prices("MISO").replace("&format=json", "")
    with calling_as(platform, tenant, "reader") as theirs:
        assert answer(theirs, "GET", path).json()
        refused = refusal(theirs, "GET", path, headers={"Accept": "text/csv"})
        assert refused.title == f"{tenant} is not entitled to MISO by the channel downloads"


def test_lists_and_single_publications_show_what_is_granted(platform: Platform, api: Connection, tenant: str) -> None:
    known = {p["id"]: p["iso"] for p in api.get("/v1/publications")["items"]}
    grant(api, tenant, "CAISO", "api")
    with calling_as(platform, tenant, "reader") as theirs:
        assert {p["iso"] for p in theirs.get("/v1/publications")["items"]} == {"CAISO"}
        assert {c["iso"] for c in theirs.get("/v1/prices/coverage")["items"]} == {"CAISO"}
        for publication, iso in known.items():
            path = f"/v1/publications/{publication}"
            if iso == "CAISO":
                assert theirs.get(path)["iso"] == "CAISO"
            else:  # what could not be read is the platform's own matter
                assert refusal(theirs, "GET", path).status == (403 if iso else 404)


def test_latest_prices_are_of_the_granted_isos(platform: Platform, api: Connection, tenant: str) -> None:
    assert {price["iso"] for price in api.get("/v1/prices/latest")} == {"MISO", "CAISO"}
    with calling_as(platform, tenant, "reader") as theirs:
        assert theirs.get("/v1/prices/latest") == []
        grant(api, tenant, "CAISO", "api")
        assert {price["iso"] for price in theirs.get("/v1/prices/latest")} == {"CAISO"}
        # An answer that other grants would change is not for ever.
        path = f"/v1/prices/latest?as_of={platform.log.head()}&wait_for=head"
        assert "etag" not in answer(theirs, "GET", path).headers
        assert "etag" in answer(theirs, "GET", f"{path}&iso=CAISO").headers
        refused = refusal(theirs, "GET", "/v1/prices/latest?iso=CAISO&iso=MISO")
        assert (refused.status, refused.title) == (403, f"{tenant} is not entitled to MISO by the channel api")
        refused = refusal(theirs, "GET", "/v1/prices/latest?iso=CAISO&format=csv")
        assert refused.title == f"{tenant} is not entitled to CAISO by the channel downloads"


def test_raw_bytes_are_a_download(platform: Platform, api: Connection, tenant: str) -> None:
    shown = {p["iso"]: api.get(f"/v1/publications/{p['id']}") for p in api.get("/v1/publications")["items"]}
    miso, quarantined = (f"/v1/objects/{shown[iso]['raw_sha256'][0]}" for iso in ("MISO", None))
    grant(api, tenant, "MISO", "api")
    with calling_as(platform, tenant, "reader") as theirs:
        refused = refusal(theirs, "GET", miso)
        assert refused.title == f"{tenant} is not entitled to MISO by the channel downloads"
        grant(api, tenant, "MISO", "downloads")
        assert answer(theirs, "GET", miso).content == answer(api, "GET", miso).content
        assert refusal(theirs, "GET", quarantined).status == 404


def test_lineage_shows_publications_of_granted_isos_only(platform: Platform, api: Connection, tenant: str) -> None:
    shown = {p["iso"]: api.get(f"/v1/publications/{p['id']}") for p in api.get("/v1/publications")["items"]}
    grant(api, tenant, "MISO", "api")
    with calling_as(platform, tenant, "reader") as theirs:
        graph = theirs.get(f"/v1/lineage/{shown['MISO']['id']}")
        assert {node["kind"] for node in graph["nodes"]} == {"publication", "object:raw", "object:rows"}
        raw = shown["MISO"]["raw_sha256"][0]
        assert theirs.get(f"/v1/lineage/{raw}", direction="downstream")["edges"]
        for hidden in (shown["CAISO"]["id"], shown["CAISO"]["raw_sha256"][0], shown["CAISO"]["rows_sha256"]):
            for direction in ("upstream", "downstream"):
                refused = refusal(theirs, "GET", f"/v1/lineage/{hidden}?direction={direction}")
                assert refused.title == f"{tenant} is not entitled to CAISO by the channel api"
        assert refusal(theirs, "GET", f"/v1/lineage/{shown[None]['id']}").status == 404


def test_a_grant_holds_within_its_window(platform: Platform, api: Connection, tenant: str) -> None:
    now = datetime.now(UTC)
    with calling_as(platform, tenant, "reader") as theirs:
        grant(api, tenant, "MISO", "api", valid_from=(now + timedelta(hours=1)).isoformat())
        assert refusal(theirs, "GET", prices("MISO")).status == 403
        grant(api, tenant, "MISO", "api", valid_from="2026-01-01", valid_until=(now + timedelta(hours=1)).isoformat())
        assert rows(theirs, "MISO") == 24


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"valid_until": "2020-01-01"}, "is over already"),
        ({"valid_from": "2030-01-02", "valid_until": "2030-01-01"}, "valid_until must be later"),
        ({"valid_from": "soon"}, "valid_from: 'soon' is no time"),
        ({"valid_from": "0001-01-01T00:00:00+14:00"}, "valid_from: .* is no time"),
        ({"channels": []}, "channels: "),
        ({"channels": ["fax"]}, "channels.0: "),
        ({"iso": "NYISO"}, "iso: "),
        ({"tenant": "local"}, "entitled to everything"),
        ({"tenant": ""}, "tenant: "),
    ],
)
def test_nonsense_is_refused_by_name(api: Connection, body: dict[str, Any], named: str) -> None:
    with pytest.raises(ApiError, match=named) as error:
        api.command("grant-entitlement", {"tenant": "acme", "iso": "MISO", "channels": ["api"], **body})
    assert error.value.status == 422


def test_revoking_counts_from_the_next_request_and_is_on_record(
    platform: Platform, api: Connection, tenant: str
) -> None:
    granted = grant(api, tenant, "MISO", "api", "hub")
    with calling_as(platform, tenant, "reader") as theirs:
        assert rows(theirs, "MISO") == 24
        revoke(api, tenant, "MISO")
        assert refusal(theirs, "GET", prices("MISO")).status == 403
    log = api.get("/v1/audit", id=granted["id"])["items"]
    assert [entry["event"] for entry in log] == ["entitlement.revoked", "entitlement.granted", "entitlement.opened"]
    with pytest.raises(ApiError, match="there is no entitlement of") as error:
        revoke(api, tenant, "MISO")
    assert error.value.status == 404


def test_a_late_retry_of_a_grant_does_not_undo_a_revocation(platform: Platform, api: Connection, tenant: str) -> None:
    grant(api, tenant, "MISO", "api")
    same = {"json": {"tenant": tenant, "iso": "MISO", "channels": ["api"]}}
    path, key = "/v1/commands/grant-entitlement", {"Idempotency-Key": "00000000-0000-4000-8000-000000000001"}
    first = answer(api, "POST", path, headers=key, **same).json()
    revoke(api, tenant, "MISO")
    assert answer(api, "POST", path, headers=key, **same).json() == first
    with calling_as(platform, tenant, "reader") as theirs:
        assert refusal(theirs, "GET", prices("MISO")).status == 403


# What another process does to the same log: it opens the database itself and shares nothing with this one.
REVOKE_ELSEWHERE = """
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4
from commands.bus import CommandBus
from commands.entitlements import RevokeEntitlement
from commands.message import Caller
from commands.registry import REGISTRY
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.postgres import open_pool

pool = open_pool(sys.argv[1])
tools = SimpleNamespace(now=lambda: datetime.now(UTC), platform_tenant="local")
one = uuid4()
command = RevokeEntitlement(tenant=sys.argv[2], iso="MISO")
bus = CommandBus(REGISTRY, EventLog(PostgresRecorder(pool)), tools)
bus.dispatch(command, Caller("local", "elsewhere", one, one, one))
pool.close()
"""


@pytest.mark.enable_socket
def test_revoking_in_another_process_counts_from_the_next_request(
    platform: Platform, api: Connection, tenant: str
) -> None:
    grant(api, tenant, "MISO", "api")
    with calling_as(platform, tenant, "reader") as theirs:
        assert rows(theirs, "MISO") == 24
        subprocess.run([sys.executable, "-c", REVOKE_ELSEWHERE, platform.dsn, tenant], check=True, timeout=60)
        assert refusal(theirs, "GET", prices("MISO")).status == 403


def test_only_admins_of_the_platform_grant_and_revoke(platform: Platform, tenant: str) -> None:
    body = {"tenant": tenant, "iso": "MISO", "channels": ["api"]}
    for of, roles in ((tenant, ROLES), ("local", tuple(role for role in ROLES if role != "admin"))):
        with calling_as(platform, of, *roles) as theirs:
            for name in ("grant-entitlement", "revoke-entitlement"):
                assert refusal(theirs, "POST", f"/v1/commands/{name}", json=body).status == 403


def test_a_tenant_sees_its_own_grants_and_the_platforms_admin_all(
    platform: Platform, api: Connection, tenant: str
) -> None:
    grant(api, tenant, "MISO", "api")
    grant(api, f"{tenant}-other", "PJM", "hub")
    with calling_as(platform, tenant, *ROLES) as theirs:
        assert [(g["tenant"], g["iso"]) for g in theirs.get("/v1/entitlements")["items"]] == [(tenant, "MISO")]
        assert refusal(theirs, "GET", f"/v1/entitlements?tenant={tenant}-other").status == 403
    assert {tenant, f"{tenant}-other"} <= {g["tenant"] for g in api.get("/v1/entitlements")["items"]}


def test_a_curve_reads_history_and_so_needs_the_entitlement(platform: Platform, api: Connection, tenant: str) -> None:
    quotes = b"hub,product,price_usd_per_mwh,source,quoted_at\nIN,CAL-2027,42.30,broker,2026-11-20T17:00:00Z\n"
    hub = {"name": "IN", "iso": "MISO", "node": HUB, "node_type": "Hub", "market": "RTH", "time_zone": "Etc/GMT+5"}
    grant(api, tenant, "MISO", "downloads")
    with calling_as(platform, tenant, "analyst", "auditor") as theirs:
        theirs.command("register-instrument", hub)
        theirs.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
        theirs.command("record-quotes", {"object": theirs.upload(quotes)})
        build = {"hub": "IN", "scenario": "base"}
        with pytest.raises(ApiError, match=f"{tenant} is not entitled to MISO by the channel api"):
            theirs.command("build-curve", build)
        (refused,) = theirs.get("/v1/audit", outcome="refused")["items"]
        assert "not entitled to MISO" in refused["reason"]
        grant(api, tenant, "MISO", "api")
        curve = theirs.command("build-curve", build)
        assert "publication" in {node["kind"] for node in theirs.get(f"/v1/lineage/{curve['id']}")["nodes"]}
        revoke(api, tenant, "MISO")
        assert "publication" not in {node["kind"] for node in theirs.get(f"/v1/lineage/{curve['id']}")["nodes"]}
        assert theirs.command("recompute-result", {"result_id": curve["id"]})["status"] == "done"


@pytest.fixture
def run(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A verb of the group `entitlements`, as the owner of the data folder."""
    monkeypatch.setattr(verbs, "connect", lambda: Connection.to_platform(platform))
    return lambda *arguments: CliRunner().invoke(app, ["entitlements", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("pilot", "iso", "channels"),
    [("pilot-miso", "MISO", {"hub", "api", "downloads"}), ("pilot-caiso", "CAISO", {"hub", "downloads"})],
)
def test_the_pilots_of_the_documentation(
    platform: Platform, run: Any, pilot: str, iso: str, channels: set[str]
) -> None:
    assert run("apply", EXAMPLES / f"{pilot}.yaml").exit_code == 0
    for other in ("MISO", "CAISO"):
        for channel in ("hub", "api"):
            with calling_as(platform, pilot, "reader", channel=channel) as theirs:
                for format, needed in (("json", channel), ("csv", "downloads")):
                    if other == iso and needed in channels:
                        assert answer(theirs, "GET", prices(other, format)).content
                    else:
                        refused = refusal(theirs, "GET", prices(other, format))
                        assert refused.title == f"{pilot} is not entitled to {other} by the channel {needed}"


def test_the_verbs(run: Any, tenant: str) -> None:
    assert run("grant", tenant, "--iso", "PJM", "--channel", "api", "--until", "2050-01-01").exit_code == 0
    shown = run("list", "--tenant", tenant, "--json").stdout
    assert '"PJM"' in shown
    assert '"2050-01-01T00:00:00Z"' in shown
    assert run("revoke", tenant, "--iso", "PJM").exit_code == 0
    assert '"PJM"' not in run("list", "--tenant", tenant, "--json").stdout
