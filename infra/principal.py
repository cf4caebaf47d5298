"""Who is calling: what a checked token or key says, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Channel = Literal["hub", "api", "downloads"]


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
    credential: str = ""
    expires_at: datetime | None = None
