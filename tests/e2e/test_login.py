"""`carbon254 login` with the installed program: a server elsewhere, an issuer, and a person with a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.device_issuer import PENDING, DeviceIssuer
from tests.e2e.program import Program


@pytest.mark.enable_socket
def test_a_person_signs_in_works_on_the_server_and_signs_out(tmp_path: Path) -> None:
    issuer = DeviceIssuer([PENDING])
    served = Program(
        tmp_path / "served", CARBON254_OIDC_ISSUER=issuer.url, CARBON254_OIDC_AUDIENCE="carbon254"
    )  # fmt: skip
    desk = Program(tmp_path / "desk", XDG_CONFIG_HOME=str(tmp_path / "config"))
    try:
        with served.serve() as server:
            there = ("--server", server.address)
            refused = desk.run(*there, "scenarios", "list", code=1).stderr
            assert f"You are not signed in at {server.address}" in refused
            said = desk.run(*there, "login", "--issuer", issuer.url).stdout
            assert f"Open {issuer.url}/enter" in said
            assert "ABCD-EFGH" in said
            assert (tmp_path / "config" / "carbon254" / "logins.json").stat().st_mode & 0o777 == 0o600
            assert desk.json(*there, "projections", "list")
            denied = desk.run(*there, "audit", "list", code=4).stderr
            assert "read the audit log" in denied
            assert "Signed out" in desk.run(*there, "logout").stderr
            assert issuer.revoked == ["refresh-0"]
            assert "not signed in" in desk.run(*there, "scenarios", "list", code=1).stderr
        assert not desk.home.exists()
    finally:
        issuer.stop()
