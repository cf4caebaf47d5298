"""Followed curves, and what is to be done about them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa

from queries.relational import HELD, Row, row, rows
from queries.staleness import stale_curves
from queries.view import ReadView

FOLLOWED = pa.field("followed_by", pa.string())
"""The column that a list of curves gets: who has the curve of that hub and scenario kept fresh, or null."""

FOLLOWED_BY = f"SELECT tenant, hub, scenario, actor AS followed_by FROM followed_curve WHERE {HELD}"  # noqa: S608
"""Who follows the curve of each hub and scenario, as it was known at `%(as_of)s`."""

# Of one followed curve: who asked for it, and the newest that was built.
_ONE = f"""
SELECT f.*, c.curve_id FROM (SELECT * FROM followed_curve WHERE followed_id = %(id)s AND {HELD}) f
LEFT JOIN LATERAL (
    SELECT curve_id FROM curve c
    WHERE c.tenant = f.tenant AND c.hub = f.hub AND c.scenario = f.scenario AND c.log_position <= %(as_of)s
    ORDER BY c.log_position DESC LIMIT 1
) c ON true
"""  # noqa: S608


def concerned(
    view: ReadView, *, tenant: str | None = None, iso: str | None = None, market: str | None = None
) -> Sequence[UUID]:
    """The curves that are followed now: those of a tenant, or those whose hubs have their prices in a market."""
    found = rows(
        view.pool,
        """SELECT followed_id FROM followed_curve f JOIN instrument i ON i.tenant = f.tenant AND i.name = f.hub
           WHERE f.superseded_by IS NULL AND (%(tenant)s::text IS NULL OR f.tenant = %(tenant)s)
             AND (%(iso)s::text IS NULL OR (i.iso, i.market) = (%(iso)s, %(market)s))
           ORDER BY f.log_position""",
        {"tenant": tenant, "iso": iso, "market": market},
    )
    return [each["followed_id"] for each in found]


def due(view: ReadView, followed_id: UUID, as_of: int) -> Row | None:
    """A followed curve that is to be built, by what was known at `as_of`; None where it is fresh or not followed.

    With `curve_id`, the newest that was built (null where none was), and `since`, the newest position at which what it
    was made from changed.
    """
    found = row(view.pool, _ONE, {"id": followed_id, "as_of": as_of})
    if found is None:
        return None
    if found["curve_id"] is None:
        return found | {"since": found["log_position"]}
    reasons = stale_curves(view, found["tenant"], [found["curve_id"]], as_of).get(found["curve_id"])
    return found | {"since": max(reason.since for reason in reasons)} if reasons else None


def followed_by(view: ReadView, tenant: str, curve_id: UUID, as_of: int) -> str | None:
    """Who has the curve of the same hub and scenario kept fresh, if anybody does."""
    found = row(
        view.pool,
        f"""SELECT followed_by FROM curve c JOIN ({FOLLOWED_BY}) f USING (tenant, hub, scenario)
            WHERE c.tenant = %(tenant)s AND c.curve_id = %(id)s""",  # noqa: S608
        {"tenant": tenant, "id": curve_id, "as_of": as_of},
    )
    return found["followed_by"] if found else None
