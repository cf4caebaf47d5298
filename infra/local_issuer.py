"""The local development issuer: signs tokens with a key of the data folder, while no other issuer is configured."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import RSAKey

from infra.principal import Principal
from infra.signing_keys import SMALLEST_KEY_BITS
from infra.tokens import ALGORITHM

ISSUER = "carbon254-local"
AUDIENCE = "carbon254"
LONGEST_LIFE = timedelta(days=30)


def new_key() -> str:
    """A private key as the JSON text that the data folder keeps."""
    key = RSAKey.generate_key(SMALLEST_KEY_BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return json.dumps(key.as_dict(private=True))


class LocalIssuer:
    """Mints tokens and is the source of the keys that check them. The key is made when it is first needed."""

    def __init__(self, load_key: Callable[[], str], now: Callable[[], datetime]) -> None:
        self._load_key = load_key
        self._now = now
        self._lock = threading.Lock()
        self._key: RSAKey | None = None

    def mint(self, principal: Principal, life: timedelta) -> tuple[str, datetime]:
        """A token for `principal` from now on, and when it ends."""
        issued_at = self._now().replace(microsecond=0)
        expires_at = issued_at + life
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": principal.actor,
            "tenant": principal.tenant,
            "roles": sorted(principal.roles),
            "channel": principal.channel,
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": str(uuid4()),
        }
        key = self._private_key()
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM]), expires_at

    def jwks(self) -> Mapping[str, Any]:
        """The public key as a JWKS."""
        return {"keys": [self._private_key().as_dict(private=False)]}

    def held(self, kid: str) -> RSAKey | None:
        key = self._private_key()
        return key if kid == key.kid else None

    async def find(self, kid: str) -> RSAKey | None:
        return self.held(kid)

    def _private_key(self) -> RSAKey:
        with self._lock:
            if self._key is None:
                self._key = RSAKey.import_key(json.loads(self._load_key()))
            return self._key
