"""The shipped realm on the Keycloak that TEST_OIDC_ISSUER leads to: its admin API, and a program that gets tokens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.services.keycloak import ADMIN, ADMIN_PASSWORD

ISSUER = os.environ.get("TEST_OIDC_ISSUER", "")


@dataclass(frozen=True)
class ProgramClient:
    """The client of programs, with its secret; `account` is the id of its service account."""

    client_id: str
    client_secret: str
    account: str

    def token(self) -> str:
        form = {"client_id": self.client_id, "client_secret": self.client_secret}
        token = ask(grant_type="client_credentials", **form).raise_for_status().json()["access_token"]
        assert isinstance(token, str)
        return token


def ask(**form: str) -> httpx2.Response:
    """What the token endpoint answers."""
    return httpx2.post(f"{ISSUER}/protocol/openid-connect/token", data=form, timeout=30)


def open_admin() -> httpx2.Client:
    """A client of the realm's admin API, to be closed."""
    base, _, realm = ISSUER.partition("/realms/")
    form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": ADMIN_PASSWORD}
    answer = httpx2.post(f"{base}/realms/master/protocol/openid-connect/token", data=form, timeout=30)
    headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}
    return httpx2.Client(base_url=f"{base}/admin/realms/{realm}/", headers=headers, timeout=30)


def program_of_acme() -> ProgramClient:
    """The client of programs; its service account is an analyst of the tenant acme."""
    with open_admin() as admin:
        client = found(admin, "clients", clientId="carbon254-api")
        secret = admin.get(f"clients/{client['id']}/client-secret").raise_for_status().json()["value"]
        account = admin.get(f"clients/{client['id']}/service-account-user").raise_for_status().json()
        admin.put(f"users/{account['id']}", json=account | {"attributes": {"tenant": ["acme"]}}).raise_for_status()
        role = admin.get("roles/analyst").raise_for_status().json()
        admin.post(f"users/{account['id']}/role-mappings/realm", json=[role]).raise_for_status()
        return ProgramClient("carbon254-api", secret, account["id"])


def found(admin: httpx2.Client, what: str, **query: str) -> dict[str, Any]:
    (one,) = admin.get(what, params=query).raise_for_status().json()
    assert isinstance(one, dict)
    return one
