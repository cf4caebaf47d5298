"""What a cached answer is held against: what its caller may have, and what the read models have come to, right now."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from api.platform import Platform
from commands.entitlements import Entitled, entitled_now
from infra.principal import Channel, Principal
from infra.shared_work import SharedReads
from queries.changes import Changes

logger = logging.getLogger(__name__)


class Standing:
    """What counts at the moment of a request, read once for all who ask at once."""

    def __init__(self, platform: Platform) -> None:
        filled_by = (platform.relational.projections, platform.columnar.projections)
        names = [projection.name for projections in filled_by for projection in projections]
        self._tools = platform.bus.tools
        self.changes = Changes(platform.pool, names, platform.clickhouse.store_id)
        self._reads: SharedReads[tuple[Principal, Channel], Entitled | None] = SharedReads(self._read, "standing")

    async def entitled(self, principal: Principal, channel: Channel) -> Entitled | None:
        """What the caller may have, None where that cannot be told; `changes` are as of then too."""
        return await self._reads.value((principal, channel))

    def _read(
        self, callers: frozenset[tuple[Principal, Channel]]
    ) -> Mapping[tuple[Principal, Channel], Entitled | None]:
        self.changes.catch_up()
        by_tenant = {(p.tenant, channel): p for p, channel in callers}
        found = {key: self._entitled(by_tenant[key], key[1]) for key in by_tenant}
        return {(p, channel): found[p.tenant, channel] for p, channel in callers}

    def _entitled(self, principal: Principal, channel: Channel) -> Entitled | None:
        try:
            return entitled_now(self._tools, principal, channel)
        except Exception:
            # Others who ask at once must not suffer from one tenant's events; its own route tells what is wrong.
            logger.exception("entitlements of %s cannot be read", principal.tenant)
            return None
