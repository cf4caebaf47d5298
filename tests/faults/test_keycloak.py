"""Keycloak is down: tokens that it has issued go on working, and who it has not vouched for is told why."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx2
import pytest

from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import Server
from tests.faults.checks import long_or_short, seconds_until
from tests.faults.conftest import Tell
from tests.infra.test_token_contract import local_issuer
from tests.keycloak_realm import ISSUER, ask, program_of_acme
from tests.services.registry import service

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio", "keycloak"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
# A token of the realm lives for 300 s, and keys are fetched anew once they are 300 s old: where they are older than the
# token, they are asked for in vain while it lives.
DOWN_S = long_or_short(285, 5)
KEYS_OLDER_S = long_or_short(30, 0)


def test_tokens_outlive_their_issuer(tmp_path: Path, tell: Tell) -> None:
    environment = {"CARBON254_OIDC_ISSUER": ISSUER, "CARBON254_OIDC_AUDIENCE": "carbon254"}
    program = program_on_engines(tmp_path / "home", **environment)
    keycloak = service("keycloak")
    client = program_of_acme()
    with program.serve() as server:
        assert read(server, client.token())[0] == 200
        time.sleep(KEYS_OLDER_S)
        token = client.token()
        keycloak.kill()
        down_since_s = time.monotonic()
        try:
            reads, slowest_s = 0, 0.0
            while time.monotonic() - down_since_s < DOWN_S:
                began_s = time.monotonic()
                assert read(server, token)[0] == 200
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                reads += 1
                time.sleep(0.05)
            with pytest.raises(httpx2.ConnectError):
                ask(grant_type="client_credentials", client_id=client.client_id, client_secret=client.client_secret)
            status, said = read(server, local_issuer().token())
            assert (status, said["title"]) == (401, "the token is signed with an unknown key")
        finally:
            # Whoever starts meanwhile has no keys to check a token by, and says so.
            with program_on_engines(tmp_path / "other", **environment).serve() as started_meanwhile:
                status, said = read(started_meanwhile, token)
                assert (status, said["title"]) == (503, "the keys of the token issuer cannot be fetched")
                assert "CARBON254_OIDC_ISSUER" in said["detail"]
                keycloak.start()
                token = client.token()
                back_s = seconds_until(lambda: read(started_meanwhile, token)[0] == 200)
        assert read(server, token)[0] == 200
    tell(
        f"Keycloak killed: {reads} reads with a token of before in {DOWN_S} s, all answered, the slowest in "
        f"{slowest_s:.2f} s; a server started meanwhile answers 503, and 200 {back_s:.1f} s after Keycloak was back"
    )


def read(server: Server, token: str) -> tuple[int, dict[str, str]]:
    status, said = server.ask("GET", "/v1/curves", headers={"Authorization": f"Bearer {token}"})
    return status, json.loads(said)
