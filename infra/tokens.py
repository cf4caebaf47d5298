"""Signed tokens: RS256 JWTs of one issuer for one audience, checked against the issuer's keys.

RFC 7519 (claims), RFC 8725 (what to be wary of): one algorithm and no other, a key found by its id and of the right
kind, every time claim checked, sizes limited before anything is decoded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ExpiredTokenError,
    InvalidClaimError,
    JoseError,
    MissingClaimError,
)
from joserfc.jwk import RSAKey

from infra.principal import CHANNELS, ROLES, Channel, NotAuthenticated, Principal
from infra.signing_keys import SigningKeys

ALGORITHM = "RS256"
# How far an issuer's clock may be from ours.
LEEWAY_S = 30
MOST_TOKEN_BYTES = 8 * 1024
# Checked tokens that are remembered.
REMEMBERED = 10_000
# What a tenant's or an actor's id may be: it stands in events, lists and messages.
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_NEW_TOKEN = "Get a new token from the issuer."  # noqa: S105 - a remedy
_AZP_PREFIX = "carbon254-"


@dataclass(frozen=True)
class CheckedToken:
    """Whose a token is, when it was issued (seconds since 1970), and which key signed it."""

    principal: Principal
    issued_at_s: float
    not_after_s: float
    kid: str


class TokenVerifier:
    """Checks tokens of one issuer. One that was checked before costs a hash, until it ends or its key is dropped."""

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: SigningKeys,
        tenant_claim: str = "tenant",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._tenant_claim = tenant_claim
        self._clock = clock
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        self._checked: OrderedDict[bytes, CheckedToken] = OrderedDict()

    async def verify(self, token: str) -> CheckedToken:
        """What a token says. Raises NotAuthenticated, and KeysUnavailable where the issuer never answered."""
        fingerprint = hashlib.sha256(token.encode()).digest()
        known = self._checked.get(fingerprint)
        kid = known.kid if known else _key_id(token)
        key = self._keys.held(kid) or await self._keys.find(kid)
        if key is None:
            self._checked.pop(fingerprint, None)
            raise NotAuthenticated("the token is signed with an unknown key", remedy=_NEW_TOKEN)
        if known is None:
            known = self._check(token, key, kid, fingerprint)
            self._checked[fingerprint] = known
            if len(self._checked) > REMEMBERED:
                self._checked.popitem(last=False)
        if self._clock() >= known.not_after_s:
            self._checked.pop(fingerprint, None)
            raise _expired()
        return known

    def _check(self, token: str, key: RSAKey, kid: str, fingerprint: bytes) -> CheckedToken:
        try:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            self._claims.validate(claims)
            return CheckedToken(
                principal=principal_of_claims(claims, self._tenant_claim, f"token {fingerprint.hex()[:12]}"),
                issued_at_s=float(claims["iat"]),
                not_after_s=claims["exp"] + LEEWAY_S,
                kid=kid,
            )
        except BadSignatureError as error:
            raise NotAuthenticated("the token's signature is wrong", remedy=_NEW_TOKEN) from error
        except ClaimError as error:
            raise _claim_problem(error) from error
        # A time that no calendar holds is an OverflowError, a ValueError or an OSError.
        except (JoseError, ValueError, OverflowError, OSError, RecursionError) as error:
            raise _malformed() from error


def principal_of_claims(claims: Mapping[str, Any], tenant_claim: str, credential: str) -> Principal:
    """The caller that checked claims name. Raises NotAuthenticated where they name no tenant, or nonsense."""
    tenant = claims.get(tenant_claim)
    if tenant is None:
        raise NotAuthenticated(
            f"the token names no tenant: the claim {tenant_claim} is missing",
            remedy="Have the issuer add it, or name the right claim in CARBON254_OIDC_TENANT_CLAIM.",
        )
    return Principal(
        tenant=_identifier(tenant, tenant_claim),
        actor=_identifier(claims["sub"], "sub"),
        roles=_roles(claims),
        channel=_channel(claims),
        credential=credential,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _identifier(value: object, claim: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _malformed(f"its {claim} is not 1 to 200 visible ASCII characters")
    return value


def _roles(claims: Mapping[str, Any]) -> frozenset[str]:
    """Keycloak's realm roles and a plain `roles`; roles of other applications are passed over."""
    realm = claims.get("realm_access", {})
    named = [claims.get("roles", []), realm.get("roles", []) if isinstance(realm, dict) else None]
    if not all(isinstance(roles, list) for roles in named):
        raise _malformed("its roles are no list")
    given = {role for roles in named for role in roles if isinstance(role, str)}
    return frozenset(given.intersection(ROLES))


def _channel(claims: Mapping[str, Any]) -> Channel:
    """The claim `channel`; else the client's (`azp`, as carbon254-hub or hub); else api."""
    if (named := claims.get("channel")) is not None:
        for channel in CHANNELS:
            if named == channel:
                return channel
        raise _malformed(f"its channel is none of {', '.join(CHANNELS)}")
    client = claims.get("azp")
    for channel in CHANNELS:
        if isinstance(client, str) and client.removeprefix(_AZP_PREFIX) == channel:
            return channel
    return "api"


def _key_id(token: str) -> str:
    """The key id of the header, once its algorithm is the one that is allowed. Nothing of it is trusted yet."""
    if len(token) > MOST_TOKEN_BYTES:
        raise _malformed(f"it is longer than {MOST_TOKEN_BYTES} bytes")
    parts = token.split(".")
    if len(parts) != 3:
        raise _malformed()
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(header, dict):
        raise _malformed()
    if header.get("alg") != ALGORITHM:
        raise NotAuthenticated(f"the token's algorithm is not allowed, only {ALGORITHM} is", remedy=_NEW_TOKEN)
    if "crit" in header:
        raise _malformed("it has critical headers, and none is known here")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise _malformed("its header has no kid")
    return kid


def _claim_problem(error: ClaimError) -> NotAuthenticated:
    if isinstance(error, ExpiredTokenError):
        return _expired()
    if isinstance(error, MissingClaimError):
        return _malformed(f"it lacks {error.claim.replace(',', ', ')}")
    if isinstance(error, InvalidClaimError):
        match error.claim:
            case "iss":
                return NotAuthenticated("the token is of another issuer", remedy=_NEW_TOKEN)
            case "aud":
                return NotAuthenticated("the token is for another audience", remedy="Get one for this platform.")
            case "nbf" | "iat" if "NumericDate" not in error.description:
                return NotAuthenticated(
                    "the token is not yet valid", remedy=f"Wait, or set the clocks: they may differ by {LEEWAY_S} s."
                )
    return _malformed(f"its {error.claim} is not valid")


def _expired() -> NotAuthenticated:
    return NotAuthenticated("the token has expired", remedy=_NEW_TOKEN)


def _malformed(why: str = "it is no signed JWT") -> NotAuthenticated:
    return NotAuthenticated(f"the token is malformed: {why}", remedy=_NEW_TOKEN)
