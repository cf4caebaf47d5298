"""Relay connections over keyset pages: `first` and `after`, edges with opaque cursors, page info."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import strawberry
from strawberry.relay import PageInfo

from api.problems import Problem
from queries.relational import Page, PageRequest, Row

MAX_PAGE = 1000
PAGE = 100

T = TypeVar("T")

First = Annotated[int, strawberry.argument(description=f"At most so many, from 1 to {MAX_PAGE}.")]
After = Annotated[str | None, strawberry.argument(description="Continue behind this cursor of the same list.")]
AsOf = Annotated[str | None, strawberry.argument(description="A time or a log position: what was known then.")]


def page_rows(arguments: Mapping[str, Any]) -> int:
    """What a connection costs: the rows asked for."""
    return int(arguments["first"])


PAGED = {"rows": page_rows}
"""The metadata of a field that is a connection."""


@dataclass(frozen=True)
class Listing:
    """A list in an order: its rows' keys are values of `columns`, of the types of `key`.

    `filters` are what the caller chose by: a cursor continues only the very list that it came from.
    """

    name: str
    columns: tuple[str, ...]
    key: Any
    filters: tuple[Any, ...] = ()

    @cached_property
    def _digest(self) -> str:
        return blake2b(repr((self.name, *self.filters)).encode(), digest_size=6).hexdigest()

    def cursor(self, row: Mapping[str, Any]) -> str:
        content = msgspec.json.encode((self._digest, tuple(row[column] for column in self.columns)))
        return base64.urlsafe_b64encode(content).decode()

    def request(self, first: int, after: str | None, as_of: int | None = None) -> PageRequest:
        """Raises Problem for a `first` out of range and an `after` that is no cursor of this list."""
        if not 1 <= first <= MAX_PAGE:
            raise Problem(400, f"first: {first} is not from 1 to {MAX_PAGE}", remedy="Ask for more in pages.")
        return PageRequest(first, None if after is None else self._key(after), as_of)

    def _key(self, cursor: str) -> tuple[Any, ...]:
        try:
            content = base64.urlsafe_b64decode(cursor.encode())
            digest, key = msgspec.json.decode(content, type=tuple[str, self.key])  # type: ignore[name-defined]
        except (binascii.Error, msgspec.DecodeError, ValueError) as error:
            remedy = "Give the `endCursor` of the page before, or leave `after` out."
            raise Problem(400, f"after: {cursor[:100]!r} is no cursor", remedy=remedy) from error
        if digest != self._digest:
            raise Problem(400, "after: this cursor is of another list", remedy="Keep the arguments of the page before.")
        return tuple(key)

    def connection(self, request: PageRequest, page: Page, node: Callable[[Row, int | None], T]) -> Connection[T]:
        edges = [Edge(node=node(row, request.as_of), cursor=self.cursor(row)) for row in page.items]
        return Connection(
            edges=edges,
            page_info=PageInfo(
                has_next_page=page.after is not None,
                has_previous_page=request.after is not None,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
        )


def cut(rows: Sequence[Row], limit: int) -> Page:
    """A page of rows of which one more than `limit` was asked for."""
    return Page(list(rows[:limit]), () if len(rows) > limit else None)


@strawberry.type(description="A place in a list.")
class Edge(Generic[T]):
    node: T
    cursor: str = strawberry.field(description="Opaque; the next page continues `after` it.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]]
    page_info: PageInfo
