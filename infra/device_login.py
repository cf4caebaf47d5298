"""Signing in from a terminal: the device authorization grant (RFC 8628) with a proof key (RFC 7636), and refreshing."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec

from infra.errors import PlatformError
from infra.signing_keys import fetch_json
from infra.urls import check_url, is_loopback

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_INTERVAL_S, _SLOWER_S = 5, 5  # RFC 8628, section 3.2 and 3.5
_TIMEOUT_S = 30.0
_ENDED = {
    "expired_token": "The code has expired before anybody entered it.",
    "access_denied": "The sign-in was refused.",
}


class LoginFailed(PlatformError):
    """Nobody was signed in, or the sign-in has ended."""


class Login(msgspec.Struct, frozen=True):
    """Tokens of one person at one issuer; `ends_at` is when the access token does, in seconds since 1970."""

    issuer: str
    client_id: str
    access_token: str
    refresh_token: str | None
    ends_at: float


@dataclass(frozen=True)
class Invitation:
    """What a person has to do: open the address, and enter the code unless `complete_uri` holds it."""

    uri: str
    user_code: str
    complete_uri: str | None
    expires_in_s: float


class Issuer:
    """The endpoints of an OpenID Connect issuer, found by its discovery document."""

    def __init__(self, issuer: str, client_id: str) -> None:
        self.issuer, self.client_id = issuer, client_id
        try:
            self._document = fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        except (httpx2.HTTPError, ValueError) as error:
            raise LoginFailed(f"The issuer {issuer} cannot be asked: {error}", "Check --issuer.") from error
        if self._document.get("issuer") != issuer:
            raise LoginFailed(f"{issuer} says that it is another issuer.", "Write it exactly as it stands in `iss`.")

    def sign_in(
        self,
        invite: Callable[[Invitation], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Login:
        """Invites a person to sign in elsewhere and waits for it. Raises LoginFailed where that is refused or late."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        status, asked = self._post(
            "device_authorization_endpoint", scope="openid", code_challenge=challenge, code_challenge_method="S256"
        )
        if status != httpx2.codes.OK:
            raise _refused(asked, f"The client {self.client_id} may not sign in by code")
        deadline = monotonic() + float(asked["expires_in"])
        invite(Invitation(
            asked["verification_uri"], asked["user_code"], asked.get("verification_uri_complete"), asked["expires_in"]
        ))  # fmt: skip
        interval_s = float(asked.get("interval", _INTERVAL_S))
        while monotonic() < deadline:
            sleep(interval_s)
            try:
                status, answer = self._post(
                    "token_endpoint", grant_type=_GRANT, device_code=asked["device_code"], code_verifier=verifier
                )
            except LoginFailed:  # it did not answer; RFC 8628 asks for ever longer pauses
                interval_s *= 2
                continue
            if status == httpx2.codes.OK:
                return self._login(answer)
            if answer.get("error") == "slow_down":
                interval_s += _SLOWER_S
            elif answer.get("error") != "authorization_pending":
                raise _refused(answer, _ENDED.get(str(answer.get("error")), "Nobody was signed in"))
        raise LoginFailed(_ENDED["expired_token"], "Start again: `carbon254 login`.")

    def refresh(self, login: Login) -> Login:
        """Newer tokens for the same person. Raises LoginFailed where the sign-in has ended."""
        if not login.refresh_token:
            raise LoginFailed("The sign-in has ended.", "Sign in again: `carbon254 login`.")
        status, answer = self._post("token_endpoint", grant_type="refresh_token", refresh_token=login.refresh_token)
        if status != httpx2.codes.OK:
            raise _refused(answer, "The sign-in has ended")
        return self._login({"refresh_token": login.refresh_token, **answer})

    def sign_out(self, login: Login) -> None:
        """Has the issuer forget the sign-in, where it can (RFC 7009)."""
        if login.refresh_token and "revocation_endpoint" in self._document:
            self._post("revocation_endpoint", token=login.refresh_token)

    def _login(self, answer: Mapping[str, Any]) -> Login:
        return Login(
            self.issuer, self.client_id, answer["access_token"], answer.get("refresh_token"),
            time.time() + float(answer.get("expires_in", 60)),
        )  # fmt: skip

    def _post(self, endpoint: str, **form: str) -> tuple[int, dict[str, Any]]:
        url = self._document.get(endpoint)
        if not isinstance(url, str):
            raise LoginFailed(f"The issuer {self.issuer} has no {endpoint}.", "It must allow signing in by code.")
        try:
            check_url(url)
            # No proxy of the environment may see the tokens of an issuer on this machine.
            with httpx2.Client(timeout=_TIMEOUT_S, trust_env=not is_loopback(url)) as client:
                answer = client.post(url, data={"client_id": self.client_id, **form})
            found = answer.json() if answer.content else {}
        except (httpx2.HTTPError, ValueError) as error:
            raise LoginFailed(
                f"The issuer {self.issuer} does not answer: {type(error).__name__}", "Try again."
            ) from error
        return answer.status_code, found if isinstance(found, dict) else {}


def _refused(answer: Mapping[str, Any], what: str) -> LoginFailed:
    said = answer.get("error_description") or answer.get("error") or "no reason given"
    return LoginFailed(f"{what.rstrip('.')}: {said}", "Start again: `carbon254 login`.")
