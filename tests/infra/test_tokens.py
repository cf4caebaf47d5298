"""Which tokens are accepted, and that every other one is refused for its own reason."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from infra.principal import NotAuthenticated, Principal
from infra.signing_keys import IssuerKeys
from infra.tokens import LEEWAY_S, CheckedToken, TokenVerifier

ISSUER, AUDIENCE, NOW = "https://issuer.example/realms/power", "carbon254", 1_790_000_000
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "alice",
    "tenant": "acme",
    "iat": NOW - 10,
    "exp": NOW + 3600,
    "roles": ["analyst"],
}


def jwks() -> Mapping[str, Any]:
    return {"keys": [KEY.as_dict(private=False)]}


def verifier(now: Callable[[], float] = lambda: NOW, **options: Any) -> TokenVerifier:
    return TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=IssuerKeys(jwks), clock=now, **options)


def signed(claims: Mapping[str, Any] | bytes, key: Any = KEY, alg: str = "RS256", **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact({"alg": alg, "kid": "one", **header}, payload, key, registry=registry)


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def with_header(header: Any, token: str | None = None) -> str:
    """A good token whose header is another; its signature then fits no more."""
    return ".".join([part(header), *(token or signed(CLAIMS)).split(".")[1:]])


def with_claims(claims: Any) -> str:
    """A good token whose claims are others."""
    header, _, signature = signed(CLAIMS).split(".")
    return f"{header}.{part(claims)}.{signature}"


def signed_hs256(secret: bytes) -> str:
    """What a library would take that let the header choose the algorithm and the issuer's public key be the secret."""
    content = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(CLAIMS)}"
    return f"{content}.{part(hmac.digest(secret, content.encode(), hashlib.sha256))}"


def changed(**claims: Any) -> dict[str, Any]:
    return {name: value for name, value in (CLAIMS | claims).items() if value is not None}


def check(token: str, of: TokenVerifier | None = None) -> CheckedToken:
    return asyncio.run((of or verifier()).verify(token))


def test_a_good_token_says_who_calls() -> None:
    checked = check(signed(CLAIMS))
    assert checked.principal == Principal(
        "acme",
        "alice",
        frozenset({"analyst"}),
        "api",
        "token",
        checked.principal.credential,
        checked.principal.expires_at,
    )
    assert checked.principal.expires_at is not None
    assert checked.principal.expires_at.timestamp() == NOW + 3600
    assert checked.issued_at_s == NOW - 10


PUBLIC_PEM = KEY.as_pem(private=False)
PUBLIC_NUMBERS = json.dumps(KEY.as_dict(private=False), separators=(",", ":")).encode()

REFUSED: list[tuple[str, str, str]] = [
    ("alg none, no signature", with_header({"alg": "none", "kid": "one"}).rsplit(".", 1)[0] + ".", "algorithm"),
    ("alg None", with_header({"alg": "None", "kid": "one"}), "algorithm"),
    ("alg missing", with_header({"kid": "one"}), "algorithm"),
    ("alg a list", with_header({"alg": ["RS256"], "kid": "one"}), "algorithm"),
    ("HS256 keyed with the public PEM", signed_hs256(PUBLIC_PEM), "algorithm"),
    ("HS256 keyed with the public JWK", signed_hs256(PUBLIC_NUMBERS), "algorithm"),
    ("RS384 with the right key", signed(CLAIMS, KEY, "RS384"), "algorithm"),
    ("PS256 with the right key", signed(CLAIMS, KEY, "PS256"), "algorithm"),
    ("ES256", signed(CLAIMS, ECKey.generate_key("P-256"), "ES256"), "algorithm"),
    ("another kid", signed(CLAIMS, kid="two"), "unknown key"),
    ("kid no text", with_header({"alg": "RS256", "kid": 1}), "kid"),
    ("no kid", with_header({"alg": "RS256"}), "kid"),
    ("kid a path", signed(CLAIMS, kid="../../etc/passwd"), "unknown key"),
    ("its own key in the header", signed(CLAIMS, OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)), "malformed"),
    ("an address of its keys in the header", signed(CLAIMS, OTHER_KEY, jku="https://evil.example"), "signature"),
    ("another key of the same kid", signed(CLAIMS, OTHER_KEY), "signature"),
    ("changed claims", with_claims(changed(sub="bob")), "signature"),
    ("a critical header", signed(CLAIMS, crit=["b64"], b64=True), "critical"),
    ("claims not encoded", with_header({"alg": "RS256", "kid": "one", "crit": ["b64"], "b64": False}), "critical"),
    ("signature cut short", signed(CLAIMS)[:-20], "signature"),
    ("signature missing", signed(CLAIMS).rsplit(".", 1)[0], "malformed"),
    ("signature empty", signed(CLAIMS).rsplit(".", 1)[0] + ".", "signature"),
    ("four parts", signed(CLAIMS) + ".x", "malformed"),
    ("five parts, as encrypted ones have", "a.b.c.d.e", "malformed"),
    ("header no JSON", with_header(b"{"), "malformed"),
    ("header a list", with_header(["RS256"]), "malformed"),
    ("header deeply nested", with_header(b"[" * 4000), "malformed"),
    ("header 16 KB", with_header({"alg": "RS256", "kid": "k" * 16_384}), "longer than"),
    ("header 1 KB", with_header({"alg": "RS256", "kid": "one", "x": "y" * 1024}), "malformed"),
    ("claims 16 KB", signed(changed(note="n" * 16_384)), "longer than"),
    ("claims no object", signed(b"[]"), "malformed"),
    ("claims no JSON", signed(b"{"), "malformed"),
    ("claims deeply nested", signed(b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}"), "malformed"),
    ("expired", signed(changed(exp=NOW - LEEWAY_S)), "expired"),
    ("exp NaN", signed(changed(exp=float("nan"))), "exp"),
    ("exp beyond every calendar", signed(changed(exp=10**30)), "malformed"),
    ("exp text", signed(changed(exp="tomorrow")), "exp"),
    ("exp true", signed(changed(exp=True)), "exp"),
    ("no exp", signed(changed(exp=None)), "exp"),
    ("no iat", signed(changed(iat=None)), "iat"),
    ("no sub", signed(changed(sub=None)), "sub"),
    ("no iss", signed(changed(iss=None)), "iss"),
    ("no aud", signed(changed(aud=None)), "aud"),
    ("nothing at all", signed({}), "malformed"),
    ("not yet valid", signed(changed(nbf=NOW + LEEWAY_S + 1)), "not yet valid"),
    ("issued in the future", signed(changed(iat=NOW + LEEWAY_S + 1)), "not yet valid"),
    ("iat far below every calendar", signed(changed(iat=-(10**400))), "malformed"),
    ("nbf text", signed(changed(nbf="now")), "nbf"),
    ("another issuer", signed(changed(iss="https://evil.example")), "another issuer"),
    ("the issuer with a slash", signed(changed(iss=ISSUER + "/")), "another issuer"),
    ("the issuer in a list", signed(changed(iss=[ISSUER])), "another issuer"),
    ("another audience", signed(changed(aud="account")), "another audience"),
    ("other audiences", signed(changed(aud=["account", "grafana"])), "another audience"),
    ("audience empty", signed(changed(aud=[])), "another audience"),
    ("audience a number", signed(changed(aud=7)), "another audience"),
    ("no tenant", signed(changed(tenant=None)), "names no tenant"),
    ("tenant empty", signed(changed(tenant="")), "tenant"),
    ("tenant a list", signed(changed(tenant=["local"])), "tenant"),
    ("tenant with a line break", signed(changed(tenant="local\n")), "tenant"),
    ("tenant with a space", signed(changed(tenant="lo cal")), "tenant"),
    ("sub with a control character", signed(changed(sub="a\x1b[31m")), "sub"),
    ("sub too long", signed(changed(sub="a" * 201)), "sub"),
    ("sub a number", signed(changed(sub=7)), "sub"),
    ("roles text", signed(changed(roles="admin")), "roles"),
    ("realm_access text", signed(changed(realm_access="admin")), "roles"),
    ("channel unknown", signed(changed(channel="back")), "channel"),
]  # fmt: skip


@pytest.mark.parametrize(("token", "reason"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_every_other_token_is_refused_for_its_reason(token: str, reason: str) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        check(token)
    assert reason in refused.value.reason
    assert refused.value.remedy
    for piece in token.split("."):
        assert len(piece) < 8 or piece not in refused.value.reason + refused.value.remedy


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(NotAuthenticated):
        check(text)


@given(st.integers(0, len(signed(CLAIMS)) - 1), st.sampled_from("AZaz09-_.=~"))
def test_a_token_with_one_character_changed_is_refused_or_the_same(place: int, character: str) -> None:
    good = signed(CLAIMS)
    token = good[:place] + character + good[place + 1 :]
    try:
        checked = check(token)
    except NotAuthenticated:
        return
    # The last character of a part has bits that no decoder looks at.
    assert checked.principal.actor == "alice"
    assert place == len(good) - 1 or token == good


def test_clocks_may_differ_by_the_leeway_and_no_more() -> None:
    within = changed(exp=NOW - LEEWAY_S + 1, nbf=NOW + LEEWAY_S, iat=NOW + LEEWAY_S)
    assert check(signed(within)).principal.actor == "alice"


def test_a_checked_token_ends_when_it_expires() -> None:
    now = [float(NOW)]
    of = verifier(lambda: now[0])
    token = signed(changed(exp=NOW + 60))
    assert check(token, of) is check(token, of), "it was checked twice"
    now[0] = NOW + 60 + LEEWAY_S - 0.1
    check(token, of)
    now[0] = NOW + 60 + LEEWAY_S
    for _ in range(2):
        with pytest.raises(NotAuthenticated, match="expired"):
            check(token, of)


@pytest.mark.parametrize(
    ("claims", "roles", "channel"),
    [
        ({"roles": None}, set(), "api"),
        ({"roles": ["admin", "offline_access", 7]}, {"admin"}, "api"),
        ({"roles": None, "realm_access": {"roles": ["auditor", "uma_authorization"]}}, {"auditor"}, "api"),
        ({"roles": ["reader"], "realm_access": {"roles": ["operator"]}}, {"reader", "operator"}, "api"),
        ({"channel": "hub"}, {"analyst"}, "hub"),
        ({"azp": "carbon254-downloads"}, {"analyst"}, "downloads"),
        ({"azp": "hub"}, {"analyst"}, "hub"),
        ({"azp": "somebody-else"}, {"analyst"}, "api"),
        ({"azp": "hub", "channel": "downloads"}, {"analyst"}, "downloads"),
    ],
)
def test_roles_and_channel(claims: dict[str, Any], roles: set[str], channel: str) -> None:
    principal = check(signed(changed(**claims))).principal
    assert principal.roles == frozenset(roles)
    assert str(principal.channel) == channel


def test_the_tenant_claim_is_a_setting() -> None:
    token = signed(changed(tenant=None, organisation="acme"))
    assert check(token, verifier(tenant_claim="organisation")).principal.tenant == "acme"


def test_the_audience_may_be_one_of_several() -> None:
    assert check(signed(changed(aud=["account", AUDIENCE]))).principal.actor == "alice"
