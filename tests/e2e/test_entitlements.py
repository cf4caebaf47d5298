"""A colleague gets access to one ISO and loses it again, over a real server, by the verbs of the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.market_files import DAY, write_miso
from tests.e2e.program import Program, Server

pytestmark = pytest.mark.enable_socket


def test_a_colleague_gets_access_to_one_iso(tmp_path: Path) -> None:
    """With a platform's own tenant of another name than the usual one, for whom the data folder's token acts."""
    program = Program(tmp_path / "home", CARBON254_PLATFORM_TENANT="house")
    file = write_miso(tmp_path / "files", "rt_lmp_final", {"INDIANA.HUB": [30] * 24})
    with program.serve() as server:
        program.run("ingest", file)
        made = program.json("token", "--tenant", "acme", "--actor", "ann", "--role", "reader")
        assert (made["tenant"], made["roles"]) == ("acme", ["reader"])
        assert program.json("token")["tenant"] == "house"

        def status(path: str, token: str) -> int:
            return server.ask("GET", path, headers={"Authorization": f"Bearer {token}"})[0]

        prices = f"/v1/prices?iso=MISO&start={DAY}&end={DAY}"
        assert status(prices, made["token"]) == 403
        program.run("entitlements", "grant", "acme", "--iso", "MISO", "--channel", "api")
        assert status(prices, made["token"]) == 200
        assert status(f"{prices}&format=csv", made["token"]) == 403
        program.run("entitlements", "revoke", "acme", "--iso", "MISO")
        assert status(prices, made["token"]) == 403
        _usual_tenant_operates_nothing(program, server)
    events = [entry["event"] for entry in program.audit()]
    assert events[-3:] == ["entitlement.opened", "entitlement.granted", "entitlement.revoked"]


def _usual_tenant_operates_nothing(program: Program, server: Server) -> None:
    local = program.json("token", "--tenant", "local", "--actor", "lou", "--role", "operator", "--role", "admin")
    assert server.ask("GET", "/v1/doctor", headers={"Authorization": f"Bearer {local['token']}"})[0] == 403
