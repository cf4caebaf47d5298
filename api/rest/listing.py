"""What all lists share: pages by cursor, one state of the log through all pages of a walk, formats, and caching.

* JSON comes page by page: `{items, next_cursor}`, and the next page's address in the header `Link`.
* The tabular formats come whole and streamed, however long the list is; with `limit` or `cursor` they are a page too.
* Every page of a walk shows the list as it stood at the first one: the cursor carries the position. Lists of who has
  access are the exception: each of their pages shows what counts when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any

import pyarrow as pa
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.cursors import Cursor
from api.platform import Platform
from api.rest.caching import answer, changing_headers
from api.rest.dependencies import PlatformOf, PrincipalOf, ViewOf
from api.rest.formats import Format, chosen_format, json_bytes, written
from api.rest.knowledge import AsOf, AsOfParameter, Known, known_at
from infra.tabular import MEDIA_TYPES
from queries.relational import Page, PageRequest, Row
from queries.view import ReadView

DEFAULT_LIMIT = 1_000
LARGEST_LIMIT = 10_000
# What may differ between the requests of one walk.
_NOT_THE_QUESTION = frozenset({"cursor", "limit", "format", "wait_for"})

LimitParameter = Annotated[
    int | None,
    Query(
        ge=1,
        le=LARGEST_LIMIT,
        description=f"rows of a page; {DEFAULT_LIMIT:,} by default for JSON, all rows for the other formats",
    ),
]
CursorParameter = Annotated[
    str | None,
    Query(max_length=8_000, description="`next_cursor` of the page before; all else must stay as it was"),
]
FormatParameter = Annotated[Format | None, Query(description="else by `Accept`; JSON by default")]

ListPage = Callable[[PageRequest], Page]


@dataclass(frozen=True)
class Listing:
    """How a list was asked for."""

    request: Request
    platform: Platform
    view: ReadView
    tenant: str
    limit: int | None
    cursor: str | None
    as_of: AsOf
    format: Format

    def answer(
        self, schema: pa.Schema, projections: Sequence[str], list_page: ListPage, *, narrowed: bool = False
    ) -> Response:
        """`list_page` reads a part of the list, whose columns are `schema`, from what `projections` fill.

        `narrowed` says that it shows what the caller is entitled to at this moment, so that no answer is for ever.
        """
        known = known_at(self.view, projections, self.as_of)
        after = None
        if self.cursor is not None:
            cursor = self.platform.cursors.read(self.cursor, self._question())
            after, known = cursor.after, known.at(cursor.position)
        if self.format != "json" and self.limit is None and self.cursor is None:
            return self._whole(schema, list_page, known)
        found = list_page(PageRequest(self.limit or DEFAULT_LIMIT, after, known.position))
        following = self.next_cursor(found.after, known)
        if self.format == "json":
            content = json_bytes({"items": found.items, "next_cursor": following})
        else:
            content = b"".join(written(self.format, schema, [found.items]))
        headers = self.link(following)
        return answer(
            self.request, content, MEDIA_TYPES[self.format], immutable=known.final and not narrowed, headers=headers
        )

    def next_cursor(self, after: tuple[Any, ...] | None, known: Known) -> str | None:
        if after is None:
            return None
        return self.platform.cursors.write(Cursor(after, known.position), self._question())

    def link(self, following: str | None) -> dict[str, str]:
        """The header that leads to the next page, where there is one."""
        if following is None:
            return {}
        url = self.request.url.include_query_params(cursor=following).remove_query_params("wait_for")
        return {"Link": f'<{url.path}?{url.query}>; rel="next"'}

    def _whole(self, schema: pa.Schema, list_page: ListPage, known: Known) -> Response:
        pages = _pages(list_page, known.position)
        # The first page is read before the headers leave, so that an error can still be told as one.
        first = next(pages)
        chunks = written(self.format, schema, chain([first], pages))
        return StreamingResponse(chunks, media_type=MEDIA_TYPES[self.format], headers=changing_headers())

    def _question(self) -> dict[str, Any]:
        question: dict[str, Any] = {"": [self.request.url.path, self.tenant]}
        for name, value in self.request.query_params.multi_items():
            if name not in _NOT_THE_QUESTION:
                question.setdefault(name, []).append(value)
        return question


async def listing_of(
    request: Request,
    platform: PlatformOf,
    view: ViewOf,
    caller: PrincipalOf,
    as_of: AsOfParameter,
    limit: LimitParameter = None,
    cursor: CursorParameter = None,
    format: FormatParameter = None,
) -> Listing:
    return Listing(request, platform, view, caller.tenant, limit, cursor, as_of, chosen_format(request, format))


ListingOf = Annotated[Listing, Depends(listing_of)]


async def current_listing_of(
    request: Request,
    platform: PlatformOf,
    view: ViewOf,
    caller: PrincipalOf,
    limit: LimitParameter = None,
    cursor: CursorParameter = None,
    format: FormatParameter = None,
) -> Listing:
    """Of a list of what counts now, which has no `as_of`: who has access, and not who had it."""
    return await listing_of(request, platform, view, caller, AsOf(), limit, cursor, format)


CurrentListingOf = Annotated[Listing, Depends(current_listing_of)]


def _pages(list_page: ListPage, position: int) -> Iterator[list[Row]]:
    after = None
    while True:
        found = list_page(PageRequest(LARGEST_LIMIT, after, position))
        yield found.items
        if (after := found.after) is None:
            return
