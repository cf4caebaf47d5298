"""Entitlements: which ISO's market data a tenant may have, by which channel, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from write_model.base import Aggregate, NotFound, stream_id

NOUN = "entitlements"


@dataclass(frozen=True)
class Window:
    """When a grant holds: [valid_from, valid_until), both aware; null is without that end."""

    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        begun = self.valid_from is None or self.valid_from <= moment
        return begun and (self.valid_until is None or moment < self.valid_until)


class Entitlements(Aggregate):
    """All that one tenant is entitled to: a window for each (iso, channel). What was never granted is not there."""

    NAME = "entitlements"

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.windows: dict[tuple[str, str], Window] = {}

    class Opened(Aggregate.Created):
        """The first grant to a tenant comes with this."""

        TOPIC = "entitlement.opened"
        tenant: str

    class Granted(Aggregate.Event):
        """Replaces the window that these channels had. Also triggered where it is the same, so that the command,
        should it come again after a revocation, is known and grants nothing."""

        TOPIC = "entitlement.granted"
        tenant: str
        iso: str
        channels: tuple[str, ...]
        window: Window

        def apply(self, aggregate: Entitlements) -> None:
            aggregate.windows |= {(self.iso, channel): self.window for channel in self.channels}

    class Revoked(Aggregate.Event):
        TOPIC = "entitlement.revoked"
        tenant: str
        iso: str
        channels: tuple[str, ...]

        def apply(self, aggregate: Entitlements) -> None:
            for channel in self.channels:
                del aggregate.windows[self.iso, channel]

    @classmethod
    def open(cls, entitlements_id: UUID, tenant: str) -> Entitlements:
        return cls._create(cls.Opened, id=entitlements_id, tenant=tenant)

    def grant(self, iso: str, channels: Iterable[str], window: Window) -> None:
        self.trigger_event(self.Granted, tenant=self.tenant, iso=iso, channels=tuple(sorted(channels)), window=window)

    def revoke(self, iso: str, channels: Iterable[str]) -> None:
        """Takes away those of `channels` that were granted. Raises NotFound where none was."""
        held = tuple(sorted(channel for channel in channels if (iso, channel) in self.windows))
        if not held:
            raise NotFound(
                "entitlement",
                f"of {self.tenant} to {iso} by {', '.join(sorted(channels))}",
                remedy="`carbon254 entitlements list` shows what is granted.",
            )
        self.trigger_event(self.Revoked, tenant=self.tenant, iso=iso, channels=held)

    def allows(self, iso: str, channel: str, moment: datetime) -> bool:
        window = self.windows.get((iso, channel))
        return window is not None and window.holds(moment)


def entitlements_id(platform_tenant: str, tenant: str) -> UUID:
    """A tenant's entitlements are found by its name; they belong to the platform's own tenant, which grants them."""
    return stream_id(platform_tenant, NOUN, tenant)
