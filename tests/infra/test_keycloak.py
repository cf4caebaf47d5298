"""Tokens of a real Keycloak with the realm that is shipped: who gets in, as whom, and who does not."""

from __future__ import annotations

import asyncio
import html
import os
import re
from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from infra.device_login import Invitation, Issuer, LoginFailed
from infra.principal import NotAuthenticated, Principal
from infra.signing_keys import IssuerKeys, discovered
from infra.tokens import TokenVerifier
from tests.services.keycloak import ADMIN, ADMIN_PASSWORD

ISSUER = os.environ.get("TEST_OIDC_ISSUER", "")
pytestmark = [
    pytest.mark.skipif(not ISSUER, reason="no Keycloak: TEST_OIDC_ISSUER is not set"),
    pytest.mark.enable_socket,
]


@pytest.fixture(scope="module")
def admin() -> Iterator[httpx2.Client]:
    """A client of the realm's admin API."""
    base, _, realm = ISSUER.partition("/realms/")
    form = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": ADMIN_PASSWORD}
    with httpx2.Client(base_url=f"{base}/admin/realms/{realm}/", timeout=30) as client:
        token = client.post(f"{base}/realms/master/protocol/openid-connect/token", data=form)
        client.headers["Authorization"] = f"Bearer {token.raise_for_status().json()['access_token']}"
        yield client


@pytest.fixture(scope="module")
def program(admin: httpx2.Client) -> dict[str, str]:
    """The client of programs, with a secret; its service account is an analyst of the tenant acme."""
    client = found(admin, "clients", clientId="carbon254-api")
    secret = admin.get(f"clients/{client['id']}/client-secret").raise_for_status().json()["value"]
    account = admin.get(f"clients/{client['id']}/service-account-user").raise_for_status().json()
    admin.put(f"users/{account['id']}", json=account | {"attributes": {"tenant": ["acme"]}}).raise_for_status()
    role = admin.get("roles/analyst").raise_for_status().json()
    admin.post(f"users/{account['id']}/role-mappings/realm", json=[role]).raise_for_status()
    return {"client_id": "carbon254-api", "client_secret": secret, "account": account["id"]}


def found(admin: httpx2.Client, what: str, **query: str) -> dict[str, Any]:
    (one,) = admin.get(what, params=query).raise_for_status().json()
    assert isinstance(one, dict)
    return one


def ask(**form: str) -> httpx2.Response:
    return httpx2.post(f"{ISSUER}/protocol/openid-connect/token", data=form, timeout=30)


def token_of(program: dict[str, str]) -> str:
    form = {"client_id": program["client_id"], "client_secret": program["client_secret"]}
    token = ask(grant_type="client_credentials", **form).raise_for_status().json()["access_token"]
    assert isinstance(token, str)
    return token


def checked(token: str, audience: str = "carbon254") -> Principal:
    verifier = TokenVerifier(issuer=ISSUER, audience=audience, keys=IssuerKeys(discovered(ISSUER)))
    return asyncio.run(verifier.verify(token)).principal


def test_a_program_acts_for_its_tenant_with_its_roles(program: dict[str, str]) -> None:
    principal = checked(token_of(program))
    assert (principal.tenant, principal.actor) == ("acme", program["account"])
    assert (principal.roles, principal.channel) == (frozenset({"analyst"}), "api")


def test_a_token_is_for_one_audience(program: dict[str, str]) -> None:
    with pytest.raises(NotAuthenticated, match="another audience"):
        checked(token_of(program), audience="something-else")


def test_a_changed_token_is_refused(program: dict[str, str]) -> None:
    header, payload, signature = token_of(program).split(".")
    with pytest.raises(NotAuthenticated, match="signature is wrong"):
        checked(f"{header}.{payload}.{signature[:-8]}AAAAAAAA")


def test_nobody_gets_a_token_for_a_password_alone(admin: httpx2.Client) -> None:
    name, password = f"user-{uuid4().hex[:8]}", "a-long-password-1"
    user = {
        "username": name, "enabled": True, "email": f"{name}@example.com", "firstName": "A", "lastName": "B",
        "attributes": {"tenant": ["acme"]}, "credentials": [{"type": "password", "value": password}],
    }  # fmt: skip
    admin.post("users", json=user).raise_for_status()
    for client in ("carbon254-cli", "carbon254-hub", "carbon254-sdk"):
        answer = ask(grant_type="password", client_id=client, username=name, password=password)
        assert answer.json()["error"] == "unauthorized_client"


def test_a_user_without_a_tenant_cannot_be_made(admin: httpx2.Client) -> None:
    answer = admin.post("users", json={"username": f"user-{uuid4().hex[:8]}", "enabled": True})
    assert answer.status_code == httpx2.codes.BAD_REQUEST
    assert "tenant" in answer.text


def test_the_page_of_the_hub_wants_a_proof_key(admin: httpx2.Client) -> None:
    asked = {
        "client_id": "carbon254-hub", "response_type": "code", "scope": "openid",
        "redirect_uri": "http://127.0.0.1:8000/",
    }  # fmt: skip
    answer = httpx2.get(f"{ISSUER}/protocol/openid-connect/auth", params=asked, timeout=30, follow_redirects=False)
    assert "code_challenge_method" in answer.headers["location"]


def test_new_people_are_asked_for_a_second_factor(admin: httpx2.Client) -> None:
    realm = admin.get("").raise_for_status().json()
    assert (realm["otpPolicyType"], realm["otpPolicyDigits"], realm["otpPolicyPeriod"]) == ("totp", 6, 30)
    action = admin.get("authentication/required-actions/CONFIGURE_TOTP").raise_for_status().json()
    assert action["enabled"]
    assert action["defaultAction"]


def test_keys_rotate_without_a_restart(admin: httpx2.Client, program: dict[str, str]) -> None:
    ticks = count(step=60)  # a minute passes between any two looks at the clock
    keys = IssuerKeys(discovered(ISSUER), monotonic=lambda: next(ticks))
    verifier = TokenVerifier(issuer=ISSUER, audience="carbon254", keys=keys)
    before = token_of(program)
    asyncio.run(verifier.verify(before))
    realm_id = admin.get("").raise_for_status().json()["id"]
    key = {
        "name": f"key-{uuid4().hex[:8]}",
        "parentId": realm_id,
        "providerId": "rsa-generated",
        "providerType": "org.keycloak.keys.KeyProvider",
        "config": {"priority": ["200"], "algorithm": ["RS256"], "keySize": ["2048"]},
    }
    admin.post("components", json=key).raise_for_status()
    after = token_of(program)
    assert before.split(".")[0] != after.split(".")[0]
    assert asyncio.run(verifier.verify(after)).principal.tenant == "acme"
    assert asyncio.run(verifier.verify(before)).principal.tenant == "acme"


class Browser:
    """A person's browser: it follows redirects and keeps cookies, also those that are marked for https alone."""

    def __init__(self) -> None:
        self._cookies: dict[str, str] = {}
        self._client = httpx2.Client(timeout=30, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def open(self, url: str, form: dict[str, str] | None = None) -> httpx2.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        answer = (
            self._client.get(url, headers=headers)
            if form is None
            else self._client.post(url, data=form, headers=headers)
        )
        self._client.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        if answer.is_redirect:
            return self.open(str(answer.url.join(answer.headers["location"])))
        return answer

    def send(self, page: httpx2.Response, **fields: str) -> httpx2.Response:
        """Sends the form of a page, with its hidden fields."""
        action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert action, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        return self.open(str(page.url.join(html.unescape(action[1]))), hidden | fields)


def test_a_person_signs_in_from_the_command_line(admin: httpx2.Client) -> None:
    """By the device flow of the shipped client: code, password, consent; then the tokens are refreshed and given up."""
    name, password = f"user-{uuid4().hex[:8]}", "a-long-password-1"
    user = {
        "username": name, "enabled": True, "email": f"{name}@example.com", "firstName": "A", "lastName": "B",
        "emailVerified": True, "attributes": {"tenant": ["acme"]},
        "credentials": [{"type": "password", "value": password}],
    }  # fmt: skip
    admin.post("users", json=user).raise_for_status()
    made = found(admin, "users", username=name, exact="true")
    # The second factor that new people set up first is not what this is about.
    admin.put(f"users/{made['id']}", json=made | {"requiredActions": []}).raise_for_status()
    role = admin.get("roles/analyst").raise_for_status().json()
    admin.post(f"users/{made['id']}/role-mappings/realm", json=[role]).raise_for_status()

    def sign_in_elsewhere(invitation: Invitation) -> None:
        assert invitation.complete_uri
        browser = Browser()
        consent = browser.send(browser.open(invitation.complete_uri), username=name, password=password)
        assert invitation.user_code not in consent.url.path
        browser.send(consent, accept="Yes")
        browser.close()

    issuer = Issuer(ISSUER, "carbon254-cli")
    login = issuer.sign_in(sign_in_elsewhere)
    principal = checked(login.access_token)
    assert (principal.tenant, principal.actor, principal.roles) == ("acme", made["id"], frozenset({"analyst"}))
    newer = issuer.refresh(login)
    assert newer.access_token != login.access_token
    assert checked(newer.access_token).actor == made["id"]
    issuer.sign_out(newer)
    with pytest.raises(LoginFailed, match="The sign-in has ended"):
        issuer.refresh(newer)
