"""What was published."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from api.graphql.access import NEEDS_MARKET_DATA, demand_market_data
from api.graphql.connections import PAGE, PAGED, After, AsOf, Connection, First, Listing
from api.graphql.context import Context, Info
from api.graphql.markets import Iso, PublicationStatus
from api.graphql.nodes import Noun
from api.graphql.scalars import Long
from commands.permissions import Permission
from queries.publications import list_publications


@strawberry.type(description="A file of an operator: let in, or quarantined with the reason.")
class Publication(Noun):
    KEY = "publication_id"
    LOADER = "publication"
    NEEDS = Permission.READ_MARKET_DATA

    publication_id: UUID
    status: PublicationStatus
    iso: str | None
    market: str | None
    feed: str | None
    vintage: str | None
    row_count: Long | None
    gap_count: Long | None
    first_interval_start_utc: datetime | None
    last_interval_end_utc: datetime | None
    published_at: datetime | None
    reason: str | None
    names: list[str]
    recorded_at: datetime
    log_position: Long

    @classmethod
    async def find(cls, context: Context, key: Any, as_of: int | None = None) -> Self | None:
        found = await super().find(context, key, as_of)
        # What could not be read is of no ISO, and a matter of those who operate the platform.
        if found is None or (found.iso is None and not context.access.is_platform):
            return None
        if found.iso is not None:
            demand_market_data(context, found.iso)
        return found

    @strawberry.field(description="SHA-256 of the raw bytes, innermost first.")
    async def raw_sha256(self, info: Info) -> list[str]:
        row = await info.context.load(self.as_of).publication.load(self.publication_id)
        return list(row["raw_sha256"]) if row else []


@strawberry.type
class PublicationsQuery:
    @strawberry.field(description="Publications, newest first.", extensions=NEEDS_MARKET_DATA, metadata=PAGED)
    def publications(
        self,
        info: Info,
        iso: Iso | None = None,
        status: PublicationStatus | None = None,
        first: First = PAGE,
        after: After = None,
        as_of: AsOf = None,
    ) -> Connection[Publication]:
        access = info.context.access
        if iso is not None:
            demand_market_data(info.context, iso.value)
        of_iso, of_status = iso and iso.value, status and status.value
        listing = Listing("publications", ("log_position",), tuple[int], (of_iso, of_status, as_of))
        request = listing.request(first, after, info.context.position_as_of(as_of))
        page = list_publications(
            info.context.view.pool, iso=of_iso, status=of_status, entitled=access.entitled(), request=request
        )
        return listing.connection(request, page, Publication.of)

    @strawberry.field(description="One publication, null where there is none.", extensions=NEEDS_MARKET_DATA)
    async def publication(self, info: Info, publication_id: UUID, as_of: AsOf = None) -> Publication | None:
        return await Publication.find(info.context, publication_id, info.context.position_as_of(as_of))
