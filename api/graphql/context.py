"""What resolvers of one request share: who asks, which read models, and what was looked up once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from uuid import UUID
from zoneinfo import ZoneInfo

import strawberry

from api.access import Access
from api.graphql.loaders import Loaders
from api.platform import Platform
from api.rest.dependencies import is_number, known_position, moment
from queries.checkpoints import checkpoints, readable_position
from queries.publications import superseded_readings
from queries.view import ReadView


class Context:
    """One for each request, in the request's own thread. Resolvers read through `view` and `load`, never the log."""

    def __init__(self, platform: Platform, view: ReadView, access: Access, correlation_id: UUID) -> None:
        self.platform = platform
        self.view = view
        self.access = access
        self.correlation_id = correlation_id
        self._superseded: dict[int, Sequence[int]] = {}
        self._loaders: dict[int | None, Loaders] = {}

    @property
    def tenant(self) -> str:
        return self.access.principal.tenant

    def load(self, as_of: int | None = None) -> Loaders:
        """The loaders of what is known now, or was known at a position."""
        if as_of not in self._loaders:
            self._loaders[as_of] = Loaders(self.view, self.tenant, lambda: self.known_positions, as_of)
        return self._loaders[as_of]

    @cached_property
    def known_positions(self) -> dict[str, int]:
        """How far each read model had come when the request first asked."""
        return checkpoints(self.view)

    @cached_property
    def readable(self) -> int:
        """The position up to which every price of this request is read, so that its parts agree."""
        return readable_position(self.view)

    def superseded(self, known: int) -> Sequence[int]:
        """Positions of the readings that were replaced by the position `known`."""
        if known not in self._superseded:
            self._superseded[known] = superseded_readings(self.view.pool, known)
        return self._superseded[known]

    def position_as_of(self, as_of: str | None, tz: ZoneInfo | None = None) -> int | None:
        """The position that `asOf` names, by its digits or as the last one recorded by a time; raises Problem."""
        if as_of is None:
            return None
        if is_number(as_of):
            remedy = "Write a date as 2026-01-31, with its dashes."
            return known_position(self.platform, as_of, "asOf", remedy=remedy)
        return self.platform.log.position_at(moment(as_of, "asOf", tz))


Info = strawberry.Info[Context, None]
