"""Who is calling: what a checked token or key says, whatever its kind, and why one was not accepted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, get_args

Channel = Literal["hub", "api", "downloads"]
Role = Literal["reader", "analyst", "approver", "operator", "auditor", "admin"]
CredentialKind = Literal["folder token", "token", "key"]

CHANNELS: tuple[Channel, ...] = get_args(Channel)
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class Principal:
    """An authenticated caller. `actor` is opaque; `credential` names the token or key without giving it away.

    `channel` is the way by which market data leaves: entitlements are per tenant, ISO and channel. `expires_at` is
    aware, null where the credential has no end.
    """

    tenant: str
    actor: str
    roles: frozenset[str] = field(default_factory=frozenset)
    channel: Channel = "api"
    kind: CredentialKind = "token"
    credential: str = ""
    expires_at: datetime | None = None

    @property
    def key_prefix(self) -> str | None:
        """The prefix that the credential of an API key, `key PREFIX`, names; None where it is no key."""
        return self.credential.removeprefix("key ") if self.kind == "key" else None


class NotAuthenticated(Exception):
    """A credential that is not accepted. Neither text may hold any part of what was sent."""

    def __init__(self, reason: str, *, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Authenticator(Protocol):
    """Tells who calls."""

    async def authenticate(self, credential: str) -> Principal:
        """The principal behind the credential of `Authorization: Bearer CREDENTIAL`.

        Raises NotAuthenticated, and PlatformError where it can't be told at present.
        """
        ...
