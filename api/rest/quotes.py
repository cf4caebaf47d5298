"""Recorded forward quotes."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.rest.cached import by_tenant, cached
from api.rest.dependencies import (
    NameParameter,
    PrincipalOf,
    SpanOf,
    ViewOf,
    needs,
    only_known_parameters,
    wait_for_position,
)
from api.rest.documented import listed
from api.rest.listing import ListingOf
from commands.permissions import Permission
from queries import quotes as queries

router = APIRouter(
    prefix="/v1/quotes",
    tags=["quotes"],
    dependencies=[needs(Permission.READ_RESULTS), Depends(only_known_parameters), Depends(wait_for_position)],
)


@router.get("", operation_id="list_quotes", **listed(queries.QUOTE_SCHEMA))
@cached(by_tenant("quotes"))
def list_quotes(
    listing: ListingOf,
    view: ViewOf,
    caller: PrincipalOf,
    span: SpanOf,
    hub: NameParameter = None,
    product: NameParameter = None,
    source: NameParameter = None,
    sheet_id: Annotated[UUID | None, Query(description="the answer of `record-quotes`")] = None,
    sort: Annotated[queries.Sort, Query()] = "-quoted_at",
) -> Response:
    """All quotes, newest first; `since` and `until` are about `quoted_at`."""
    return listing.answer(
        queries.QUOTE_SCHEMA,
        ["quotes"],
        lambda page: queries.list_quotes(
            view.pool, caller.tenant, hub, page, product=product, source=source, sheet_id=sheet_id, since=span.since,
            until=span.until, sort=sort,
        ),
    )  # fmt: skip
