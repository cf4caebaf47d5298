"""The realm that is shipped, on a real Keycloak: who gets a token, and how keys rotate.

What its tokens promise stands in test_token_contract.py.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import httpx2
import pytest

from infra.device_login import Invitation, Issuer, LoginFailed
from infra.principal import Principal
from infra.signing_keys import IssuerKeys, discovered
from infra.tokens import TokenVerifier
from tests.keycloak_realm import ISSUER, ProgramClient, ask, found, open_admin, program_of_acme

pytestmark = [pytest.mark.needs_engine("keycloak"), pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def admin() -> Iterator[httpx2.Client]:
    """A client of the realm's admin API."""
    with open_admin() as client:
        yield client


@pytest.fixture(scope="module")
def program() -> ProgramClient:
    return program_of_acme()


def checked(token: str) -> Principal:
    verifier = TokenVerifier(issuer=ISSUER, audience="carbon254", keys=IssuerKeys(discovered(ISSUER)))
    return asyncio.run(verifier.verify(token)).principal


def test_a_program_acts_as_its_service_account(program: ProgramClient) -> None:
    assert checked(program.token()).actor == program.account


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


def test_keys_rotate_without_a_restart(admin: httpx2.Client, program: ProgramClient) -> None:
    ticks = count(step=60)  # a minute passes between any two looks at the clock
    keys = IssuerKeys(discovered(ISSUER), monotonic=lambda: next(ticks))
    verifier = TokenVerifier(issuer=ISSUER, audience="carbon254", keys=keys)
    before = program.token()
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
    after = program.token()
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
