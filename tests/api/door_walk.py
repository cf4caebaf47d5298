"""What a walk along every door needs: requests for all operations of the OpenAPI document, and tokens good and bad.

The document is walked, never the framework's routes. A parameter or command without a value here fails the walk, so
that nothing new passes by it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from urllib.parse import quote, urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from api.platform import Platform
from infra.local_issuer import AUDIENCE, ISSUER, new_key
from infra.principal import ROLES

# What is open to everybody: whether the process lives, and what a client has to know before it has a token.
OPEN = {"/livez", "/readyz", "/openapi.json", "/docs", "/docs/problems", "/.well-known/jwks.json"}
# Doors that the OpenAPI document doesn't show.
HIDDEN = ("/graphql", "/metrics", "/v1/", "/v1/commands/nothing", "/v1/nothing", "/docs/oauth2-redirect", "/redoc", "/")

_QUERY = {"iso": "MISO", "start": "2026-03-01", "end": "2026-04-01", "name": "file.csv"}


@dataclass(frozen=True)
class Request:
    """One request to try. `told` are the words that its problem may repeat, since the caller wrote them."""

    operation: str
    method: str
    path: str
    body: Any = None
    told: tuple[str, ...] = ()


@dataclass
class Belongings:
    """What a tenant has: values for each path parameter, bodies for each command, and words only it may see."""

    values: dict[str, list[str]] = field(default_factory=dict)
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def found_in(self, content: str, told: tuple[str, ...] = ()) -> set[str]:
        """The secrets that an answer gives away."""
        for word in sorted(told, key=len, reverse=True):
            content = content.replace(word, "")
        return {secret for secret in self.secrets if secret in content}


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(method, path, operation) of an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def permissions_of(operation: Mapping[str, Any]) -> set[str]:
    """What the document says the operation needs."""
    return {scope for requirement in operation.get("security", ()) for scope in requirement.get("HTTPBearer", ())}


def requests_for(document: Mapping[str, Any], of: Belongings) -> Iterator[Request]:
    """Every operation, with everything that a tenant has in the place of its path parameters."""
    for method, path, operation in operations(document):
        given = operation.get("parameters", ())
        names = [p["name"] for p in given if p["in"] == "path"]
        query = {p["name"]: _QUERY[p["name"]] for p in given if p["in"] == "query" and p.get("required")}
        command = path.removeprefix("/v1/commands/") if path.startswith("/v1/commands/") else None
        choices = [of.values[_kind(path, name)] for name in names]
        for chosen in product(*choices):
            filled = path
            for name, value in zip(names, chosen, strict=True):
                filled = filled.replace(f"{{{name}}}", quote(value))
            body = of.commands[command] if command else {} if "requestBody" in operation else None
            address = filled + (f"?{urlencode(query)}" if query else "")
            told = (*chosen, *map(str, (body or {}).values()), filled)
            yield Request(operation["operationId"], method, address, body, told)


def _kind(path: str, name: str) -> str:
    kinds = {"/v1/projections/": "projection", "/v1/replays/": "replay", "/v1/feeds/": "feed"}
    return next((kind for start, kind in kinds.items() if path.startswith(start) and name == "name"), name)


class Tokens:
    """Tokens as the local issuer signs them, and as it never would."""

    def __init__(self, platform: Platform) -> None:
        self._key = RSAKey.import_key(json.loads(platform.folder.ensure_issuer_key(new_key)))

    def good(self, tenant: str, *roles: str, channel: str = "api") -> str:
        return self._signed(_claims(tenant, roles or ROLES) | {"channel": channel})

    def bad(self, tenant: str) -> dict[str, str]:
        """Each would be somebody of `tenant` with every role, were it let in."""
        now = int(time.time())
        claims = _claims(tenant, ROLES)
        stranger = RSAKey.generate_key(2048)
        public = self._key.as_pem(private=False)
        good = self.good(tenant)
        header, body, signature = good.split(".")
        return {
            "a wrong one": "wrong",
            "of another issuer": self._signed(claims | {"iss": "https://elsewhere.example"}),
            "for another audience": self._signed(claims | {"aud": "another"}),
            "expired": self._signed(claims | {"iat": now - 7200, "exp": now - 3600}),
            "not yet valid": self._signed(claims | {"nbf": now + 3600}),
            "issued in the future": self._signed(claims | {"iat": now + 3600, "exp": now + 7200}),
            "without an end": self._signed({k: v for k, v in claims.items() if k != "exp"}),
            "without a tenant": self._signed({k: v for k, v in claims.items() if k != "tenant"}),
            "signed by another key": self._signed(claims, stranger),
            "alg none": f"{_part({'alg': 'none', 'kid': self._key.kid})}.{body}.",
            "alg none with a signature": f"{_part({'alg': 'None', 'kid': self._key.kid})}.{body}.{signature}",
            "signed by HS256 with the public key": _hs256({"alg": "HS256", "kid": self._key.kid}, body, public),
            "HS256 under an RS256 header": _hs256({"alg": "RS256", "kid": self._key.kid}, body, public),
            "without its signature": f"{header}.{body}.",
            "changed": f"{header}.{_part(claims | {'sub': 'mallory'})}.{signature}",
            "an unknown API key": "c254_aaaaaaaaaaaa_" + "a" * 43,
        }

    def _signed(self, claims: Mapping[str, Any], key: RSAKey | None = None) -> str:
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, dict(claims), key or self._key, algorithms=["RS256"])


def _claims(tenant: str, roles: tuple[str, ...]) -> dict[str, Any]:
    now = int(time.time())
    times = {"iat": now - 5, "exp": now + 600}
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": f"of-{tenant}", "tenant": tenant, "roles": list(roles)} | times


def _part(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _hs256(header: Mapping[str, Any], body: str, secret: bytes) -> str:
    signed = f"{_part(header)}.{body}"
    made = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


class Caller:
    """Speaks HTTP to a real server, over one connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def __call__(self, method: str, path: str, token: str | None, body: Any = None) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")

    def close(self) -> None:
        self._connection.close()
