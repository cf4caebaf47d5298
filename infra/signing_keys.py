"""The public keys of an issuer: fetched from its JWKS, kept while it does not answer, forgotten when it drops them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from infra.errors import PlatformError
from infra.shared_work import SharedWork
from infra.urls import check_url, is_loopback

logger = logging.getLogger(__name__)

# A key that the issuer has dropped is refused at the latest so long after.
REFRESH_S = 300.0
# Unknown key ids, however many, make us ask the issuer at most this often; so does an issuer that does not answer.
SHORTEST_PAUSE_S = 10.0
FETCH_TIMEOUT_S = 5.0
MOST_BYTES = 256 * 1024
SMALLEST_KEY_BITS = 2048

Fetch = Callable[[], Mapping[str, Any]]


class KeysUnavailable(PlatformError):
    """The issuer's keys could not be fetched even once."""


class SigningKeys(Protocol):
    """The keys by which an issuer's tokens are checked, by key id."""

    def held(self, kid: str) -> RSAKey | None:
        """The key, if it can be trusted without asking anybody."""
        ...

    async def find(self, kid: str) -> RSAKey | None:
        """The key, asking the issuer where that is due. Raises KeysUnavailable."""
        ...


class IssuerKeys:
    """Keys that `fetch` gets as a JWKS."""

    def __init__(self, fetch: Fetch, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._refresh = SharedWork(self._fetch_keys, "issuer-keys")
        self._keys: dict[str, RSAKey] | None = None
        self._fetched_at = self._tried_at = -float("inf")

    def held(self, kid: str) -> RSAKey | None:
        return None if self._keys is None or self._is_due(REFRESH_S) else self._keys.get(kid)

    async def find(self, kid: str) -> RSAKey | None:
        known = self._keys is not None and kid in self._keys
        if self._is_due(REFRESH_S if known else SHORTEST_PAUSE_S) or (not known and self._refresh.is_under_way):
            await self._refresh.done()
        if self._keys is None:
            raise KeysUnavailable(
                "the keys of the token issuer cannot be fetched",
                "See that CARBON254_OIDC_ISSUER answers; it is asked again in a few seconds.",
            )
        return self._keys.get(kid)

    def _is_due(self, age_s: float) -> bool:
        now = self._monotonic()
        return now - self._fetched_at > age_s and now - self._tried_at > SHORTEST_PAUSE_S

    def _fetch_keys(self) -> None:
        self._tried_at = self._monotonic()
        try:
            self._keys = usable_keys(self._fetch())
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            logger.warning("the keys of the token issuer cannot be fetched: %s: %s", type(error).__name__, error)
        else:
            self._fetched_at = self._tried_at


def usable_keys(jwks: Mapping[str, Any]) -> dict[str, RSAKey]:
    """The RSA keys of a JWKS that may check an RS256 signature, by key id; every other one is passed over.

    Raises ValueError for what is no JWKS.
    """
    listed = jwks.get("keys")
    if not isinstance(listed, list):
        raise ValueError("it is no JWKS: `keys` is missing")
    found: dict[str, RSAKey] = {}
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(kid := entry.get("kid"), str):
            continue
        if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
            continue
        try:
            # The public numbers alone, whatever else an issuer lets slip.
            key = RSAKey.import_key({"kty": "RSA", "n": entry["n"], "e": entry["e"]})
        except (JoseError, KeyError, ValueError, TypeError) as error:
            logger.warning("a key of the token issuer is not usable: %s", type(error).__name__)
            continue
        if key.public_key.key_size >= SMALLEST_KEY_BITS:
            found[kid] = key
    return found


def discovered(issuer: str) -> Fetch:
    """Gets an issuer's keys by its discovery document. The document has to name the very same issuer."""

    def fetch() -> Mapping[str, Any]:
        document = fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:
            raise ValueError("its discovery document names another issuer")
        return fetch_json(str(document.get("jwks_uri")))

    return fetch


def fetch_json(url: str) -> Mapping[str, Any]:
    """The JSON object behind `url`. Raises httpx2.HTTPError, and ValueError for anything that is no such object."""
    check_url(url)
    # A proxy is for the world outside; redirects are not followed: they could lead anywhere.
    with (
        httpx2.Client(timeout=FETCH_TIMEOUT_S, trust_env=not is_loopback(url)) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status_code != 200:
            raise ValueError(f"{url} answers {answer.status_code}")
        content, deadline = b"", time.monotonic() + FETCH_TIMEOUT_S
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise ValueError(f"{url} answers more than {MOST_BYTES} bytes")
            if time.monotonic() > deadline:
                raise ValueError(f"{url} takes longer than {FETCH_TIMEOUT_S:.0f} s")
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError(f"{url} answers no JSON object")
    return found
