"""An issuer on loopback that plays the device authorization grant as a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "device", "use": "sig", "alg": "RS256"})
PENDING, SLOW_DOWN, DENIED, EXPIRED = "authorization_pending", "slow_down", "access_denied", "expired_token"
GRANTED = "granted"


class DeviceIssuer:
    """`answers` are what each poll gets, GRANTED at the end of them; `life_s` is how long its tokens count."""

    def __init__(self, answers: list[str], *, life_s: float = 300.0) -> None:
        self.answers, self.life_s = answers, life_s
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.revoked: list[str] = []
        self._challenge = ""
        self._refreshes = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, issuer.read(self.path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._answer(*issuer.take(self.path, {name: values[0] for name, values in parse_qs(body).items()}))

            def log_message(self, *_: Any) -> None: ...

            def _answer(self, status: int, body: Mapping[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def read(self, path: str) -> Mapping[str, Any]:
        if path == "/jwks":
            return {"keys": [KEY.as_dict(private=False)]}
        return {
            "issuer": self.url, "jwks_uri": f"{self.url}/jwks", "token_endpoint": f"{self.url}/token",
            "device_authorization_endpoint": f"{self.url}/device", "revocation_endpoint": f"{self.url}/revoke",
        }  # fmt: skip

    def take(self, path: str, form: dict[str, str]) -> tuple[int, Mapping[str, Any]]:
        self.asked.append((path, form))
        if path == "/revoke":
            self.revoked.append(form["token"])
            return 200, {}
        if path == "/device":
            assert form["code_challenge_method"] == "S256"
            self._challenge = form["code_challenge"]
            return 200, {
                "device_code": "device", "user_code": "ABCD-EFGH", "verification_uri": f"{self.url}/enter",
                "expires_in": 60, "interval": 1,
            }  # fmt: skip
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != f"refresh-{self._refreshes}" or form["refresh_token"] in self.revoked:
                return 400, {"error": "invalid_grant", "error_description": "Token is not active"}
            self._refreshes += 1
            return 200, self._tokens()
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self._challenge
        said = self.answers.pop(0) if self.answers else GRANTED
        return (200, self._tokens()) if said == GRANTED else (400, {"error": said})

    def _tokens(self) -> Mapping[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": "carbon254", "sub": "alice", "tenant": "local", "roles": ["operator"],
            "iat": now, "exp": now + int(self.life_s), "jti": str(self._refreshes),
        }  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "device"}, claims, KEY, algorithms=["RS256"])
        return {"access_token": token, "refresh_token": f"refresh-{self._refreshes}", "expires_in": self.life_s}
