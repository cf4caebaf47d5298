"""What every issuer's tokens promise: the same tests for the local issuer and for a real Keycloak."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local_issuer import AUDIENCE, ISSUER, LocalIssuer, new_key
from infra.principal import NotAuthenticated, Principal
from infra.signing_keys import IssuerKeys, SigningKeys, discovered
from infra.tokens import TokenVerifier
from tests import keycloak_realm


@dataclass(frozen=True)
class Issuer:
    """An issuer under test: its name, a source of its keys, and a way to a token of an analyst of the tenant acme."""

    name: str
    keys: Callable[[], SigningKeys]
    token: Callable[[], str]

    def checked(self, token: str, audience: str = AUDIENCE, **options: Any) -> Principal:
        verifier = TokenVerifier(issuer=self.name, audience=audience, keys=self.keys(), **options)
        return asyncio.run(verifier.verify(token)).principal


@pytest.fixture(
    params=[
        "local",
        pytest.param("keycloak", marks=[pytest.mark.needs_engine("keycloak"), pytest.mark.enable_socket]),
    ]
)
def issuer(request: pytest.FixtureRequest) -> Issuer:
    if request.param == "local":
        return local_issuer()
    program = keycloak_realm.program_of_acme()
    issuer_url = keycloak_realm.ISSUER
    return Issuer(issuer_url, lambda: IssuerKeys(discovered(issuer_url)), program.token)


def local_issuer() -> Issuer:
    key = new_key()
    made = LocalIssuer(lambda: key, lambda: datetime.now(UTC))
    analyst = Principal("acme", "alice", frozenset({"analyst"}), "api", "token")
    return Issuer(ISSUER, lambda: made, lambda: made.mint(analyst, timedelta(minutes=5))[0])


def test_a_token_acts_for_its_tenant_with_its_roles(issuer: Issuer) -> None:
    principal = issuer.checked(issuer.token())
    assert (principal.tenant, principal.roles, principal.channel) == ("acme", frozenset({"analyst"}), "api")
    assert principal.actor
    assert principal.expires_at is not None
    assert principal.expires_at > datetime.now(UTC)


def test_a_token_is_for_one_audience(issuer: Issuer) -> None:
    with pytest.raises(NotAuthenticated, match="another audience"):
        issuer.checked(issuer.token(), audience="something-else")


def test_a_token_is_of_one_issuer(issuer: Issuer) -> None:
    token = issuer.token()
    verifier = TokenVerifier(issuer="https://else.example", audience=AUDIENCE, keys=issuer.keys())
    with pytest.raises(NotAuthenticated, match="another issuer"):
        asyncio.run(verifier.verify(token))


def test_a_changed_token_is_refused(issuer: Issuer) -> None:
    header, payload, signature = issuer.token().split(".")
    with pytest.raises(NotAuthenticated, match="signature is wrong"):
        issuer.checked(f"{header}.{payload}.{signature[:-8]}AAAAAAAA")


def test_a_token_ends(issuer: Issuer) -> None:
    token = issuer.token()
    with pytest.raises(NotAuthenticated, match="expired"):
        issuer.checked(token, clock=lambda: time.time() + timedelta(days=1).total_seconds())


def test_a_token_of_before_the_clock_went_back_is_not_valid_yet(issuer: Issuer) -> None:
    token = issuer.token()
    with pytest.raises(NotAuthenticated, match="not yet valid"):
        issuer.checked(token, clock=lambda: time.time() - timedelta(hours=1).total_seconds())


def test_a_key_of_somebody_else_is_unknown(issuer: Issuer) -> None:
    with pytest.raises(NotAuthenticated, match="unknown key"):
        issuer.checked(local_issuer().token())
