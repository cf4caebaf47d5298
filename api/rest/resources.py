"""What reads of one thing share: as of a position, 404, and caching where the thing never changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from api.problems import Problem
from api.rest.caching import answer, revision_tag
from api.rest.dependencies import ViewOf
from api.rest.formats import json_bytes
from api.rest.knowledge import AsOf, AsOfParameter, known_at, lack_events
from infra.tabular import MEDIA_TYPES
from queries.relational import Row
from queries.view import ReadView


@dataclass(frozen=True)
class Reading:
    """How one thing was asked for."""

    request: Request
    view: ReadView
    as_of: AsOf

    def answer(
        self,
        projections: Sequence[str],
        read: Callable[[int], Row | None],
        missing: Problem,
        *,
        immutable: bool = False,
        narrowed: bool = False,
        revised: bool = False,
    ) -> Response:
        """`read` finds the thing as known at a position. `immutable` things are the same at all that know them.

        `narrowed` says that it shows what the caller is entitled to at this moment, so that no answer is for ever.
        What is `revised` has its revision as its tag, for `If-Match`, as long as it may change.
        """
        known = known_at(self.view, projections, self.as_of)
        found = read(known.position)
        if found is None:
            raise missing
        final = (known.final and not narrowed) or (immutable and not lack_events(self.view, projections))
        headers = {"ETag": revision_tag(found["revision"])} if revised and not final else {}
        return answer(self.request, json_bytes(found), MEDIA_TYPES["json"], immutable=final, headers=headers)


async def reading_of(request: Request, view: ViewOf, as_of: AsOfParameter) -> Reading:
    return Reading(request, view, as_of)


ReadingOf = Annotated[Reading, Depends(reading_of)]
