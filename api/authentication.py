"""Who calls: the data folder's token, an API key, or a token that the issuer signed."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.data_folder import DataFolder
from infra.errors import PlatformError
from infra.key_secrets import looks_like_key, take_apart
from infra.local_issuer import AUDIENCE, ISSUER, LocalIssuer, new_key
from infra.principal import NotAuthenticated, Principal
from infra.settings import Settings
from infra.signing_keys import IssuerKeys, discovered, fetch_json
from infra.tokens import TokenVerifier
from projections.live_credentials import LiveCredentials

_ANOTHER_KEY = "Have another one issued with `carbon254 api-keys issue`."


@dataclass(frozen=True)
class Identity:
    """Whose tokens are accepted, and the local issuer where it is on."""

    verifier: TokenVerifier
    issuer: LocalIssuer | None
    description: str


def open_identity(settings: Settings, folder: DataFolder | None, now: Callable[[], datetime]) -> Identity:
    """The configured issuer, which is asked when it is first needed; without one the local one.

    That one is for this machine only: `serve` listens on loopback alone. Raises PlatformError where settings that
    belong together are incomplete.
    """
    if settings.oidc_issuer is None:
        assert folder, "the local issuer has its key in the data folder"
        local = LocalIssuer(lambda: folder.ensure_issuer_key(new_key), now)
        verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, keys=local)
        return Identity(verifier, local, "local development issuer; `carbon254 token` makes them, on loopback only")
    if not settings.oidc_audience:
        raise PlatformError(
            "CARBON254_OIDC_ISSUER is set, but not for which audience its tokens have to be",
            "Set CARBON254_OIDC_AUDIENCE to what the issuer writes into `aud` for this platform.",
        )
    url = settings.oidc_jwks_url
    keys = IssuerKeys((lambda: fetch_json(url)) if url else discovered(settings.oidc_issuer))
    verifier = TokenVerifier(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        keys=keys,
        tenant_claim=settings.oidc_tenant_claim,
    )
    return Identity(verifier, None, f"{settings.oidc_issuer} for the audience {settings.oidc_audience}")


class PlatformAuthenticator:
    """Accepts the operator's own token (of the data folder, or set) for `local`, live keys, and tokens that `verifier`
    finds good.
    """

    def __init__(
        self, own_token: str | None, local: Principal, credentials: LiveCredentials, verifier: TokenVerifier
    ) -> None:
        self._own_token = own_token.encode() if own_token else None
        self._local = local
        self._credentials = credentials
        self._verifier = verifier

    async def authenticate(self, credential: str) -> Principal:
        if self._own_token and hmac.compare_digest(credential.encode(), self._own_token):
            return self._local
        if looks_like_key(credential):
            return await self._by_key(credential)
        checked = await self._verifier.verify(credential)
        await self._credentials.be_current()
        if self._credentials.is_outdated(checked.principal, checked.issued_at_s):
            raise NotAuthenticated("the token has been revoked", remedy="Get a new token from the issuer.")
        return checked.principal

    async def _by_key(self, credential: str) -> Principal:
        await self._credentials.be_current()
        prefix, secret_sha256 = take_apart(credential) or ("", "")
        key = self._credentials.key(prefix)
        # A wrong secret and an unknown prefix get one answer: it tells nobody which prefixes there are.
        if key is None or not hmac.compare_digest(secret_sha256, key.secret_sha256):
            raise NotAuthenticated("the API key is unknown", remedy="Check it, or have another token or key issued.")
        if self._credentials.is_revoked(key):
            raise NotAuthenticated("the API key has been revoked", remedy=_ANOTHER_KEY)
        if datetime.now(UTC) >= key.expires_at:
            raise NotAuthenticated("the API key has expired", remedy=_ANOTHER_KEY)
        self._credentials.note_use(key)
        return key.principal
