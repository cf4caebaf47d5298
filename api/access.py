"""What one caller may do and see: its permissions, and the market data that its tenant is entitled to."""

from __future__ import annotations

from dataclasses import dataclass

from api.problems import Problem
from commands.entitlements import demand_entitlement, entitled_isos
from commands.message import Tools
from commands.permissions import Permission, demand, holds
from infra.principal import Channel, Principal
from queries.reach import node_users
from queries.relational import Row
from queries.view import ReadView

# JSON and NDJSON are answers on the caller's own channel; what is made to be kept as a file is a download.
DOWNLOADED_FORMATS = frozenset({"csv", "parquet", "arrow"})


@dataclass(frozen=True)
class Access:
    """One caller's rights. Every way in asks here; each question about entitlements is decided anew from the log."""

    tools: Tools
    principal: Principal

    @property
    def is_platform(self) -> bool:
        """Whether the caller is of the platform's own tenant, which is entitled to everything."""
        return self.principal.tenant == self.tools.platform_tenant

    def demand(self, what: str, *permissions: Permission) -> None:
        """Returns where the caller holds one of the permissions; else raises Refused (403)."""
        demand(self.principal, what, permissions, self.tools.platform_tenant)

    def holds(self, permission: Permission) -> bool:
        return holds(self.principal, permission, self.tools.platform_tenant)

    def demand_iso(self, iso: str, format: str | None = None) -> None:
        """Returns where market data of `iso` may go to the caller in `format`; else raises Refused (403)."""
        demand_entitlement(self.tools, self.principal, iso, self.channel_of(format))

    def entitled(self, format: str | None = None) -> list[str] | None:
        """What lists of market data are narrowed to: the ISOs the caller may have in `format`.

        None is for the platform's own tenant, which also sees what is of no ISO, such as an unreadable file.
        """
        if self.is_platform:
            return None
        return sorted(entitled_isos(self.tools, self.principal, self.channel_of(format)))

    def channel_of(self, format: str | None) -> Channel:
        """The channel by which an answer in `format` leaves: downloads for files, else the caller's own."""
        return "downloads" if format in DOWNLOADED_FORMATS else self.principal.channel

    def demand_object(self, view: ReadView, sha256: str) -> None:
        """Returns where the caller can reach a raw object: its tenant handed it in or recorded something made from it,
        or it is a publication's and may be downloaded.

        Raises Problem (404) for what this caller doesn't have, and Refused (403) for a publication's bytes of an ISO
        that it isn't entitled to.
        """
        users = node_users(view.pool, sha256)
        mine = any(user["tenant"] == self.principal.tenant for user in users)
        if mine or self.tools.objects.is_claimed(self.principal.tenant, sha256):
            return
        if not self._demand_one_of(users, "downloads"):
            raise Problem(404, f"there is no object {sha256}", remedy="Use the sha256 that an upload answered.")

    def demand_lineage(self, view: ReadView, node_id: str) -> None:
        """Raises Refused (403) where a node is market data that the caller isn't entitled to."""
        self._demand_one_of(node_users(view.pool, node_id), self.principal.channel)

    def _demand_one_of(self, users: list[Row], channel: Channel) -> bool:
        """Whether there are publications among `users`, of an ISO that the caller may have."""
        isos = sorted({user["iso"] for user in users if user["iso"] is not None})
        if isos and not entitled_isos(self.tools, self.principal, channel).intersection(isos):
            demand_entitlement(self.tools, self.principal, isos[0], channel)
        return bool(isos)
