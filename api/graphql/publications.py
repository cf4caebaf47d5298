"""What was published."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from api.graphql.connections import PAGE, PAGED, After, Connection, First, Listing
from api.graphql.context import Info
from api.graphql.markets import Iso, PublicationStatus
from api.graphql.nodes import Noun
from api.graphql.scalars import Long
from queries.publications import list_publications


@strawberry.type(description="A file of an operator: let in, or quarantined with the reason.")
class Publication(Noun):
    KEY = "publication_id"
    LOADER = "publication"

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

    @strawberry.field(description="SHA-256 of the raw bytes, innermost first.")
    async def raw_sha256(self, info: Info) -> list[str]:
        row = await info.context.load.publication.load(self.publication_id)
        return list(row["raw_sha256"]) if row else []


@strawberry.type
class PublicationsQuery:
    @strawberry.field(description="Publications, newest first.", metadata=PAGED)
    def publications(
        self,
        info: Info,
        iso: Iso | None = None,
        status: PublicationStatus | None = None,
        first: First = PAGE,
        after: After = None,
    ) -> Connection[Publication]:
        wanted = {"iso": iso and iso.value, "status": status and status.value}
        listing = Listing("publications", ("log_position",), tuple[int], tuple(wanted.values()))
        request = listing.request(first, after)
        page = list_publications(info.context.view.pool, **wanted, request=request)
        return listing.connection(request, page, Publication.of)

    @strawberry.field(description="One publication, null where there is none.")
    async def publication(self, info: Info, publication_id: UUID) -> Publication | None:
        return await Publication.find(info.context, publication_id)
