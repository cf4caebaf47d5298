"""Lists of curves, valuations and contracts in which each row says whether it is stale, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any
from uuid import UUID

import pyarrow as pa

from queries.relational import Page, PageRequest, Row, rows
from queries.staleness import Reason, stale_curves
from queries.view import ReadView

STALE = pa.field("stale", pa.json_())
"""The column that a list gets: null, or `{since, reasons, further_reasons}`."""

SHOWN = 20
"""How many reasons a row of a list tells: there may be one for each day of a history."""

ListPage = Callable[[PageRequest], Page]
Mark = Callable[[Sequence[Row], int], None]
"""Sets `stale` of each row, by what was known at a position."""

# Of the valuations of a contract the newest under each scenario count: older ones are history, and no statement of now.
_STANDING = """
SELECT DISTINCT ON (v.ppa_id, c.scenario) v.ppa_id, v.valuation_id, v.curve_id
FROM ppa_valuation v JOIN curve c ON c.curve_id = v.curve_id
WHERE v.tenant = %(tenant)s AND v.ppa_id = ANY(%(ids)s) AND v.log_position <= %(as_of)s
ORDER BY v.ppa_id, c.scenario, v.log_position DESC
"""


def marked(list_page: ListPage, mark: Mark, stale: bool | None) -> ListPage:
    """The list with the column STALE; only rows that are stale, or that are not, where `stale` says so.

    Then a page may have fewer rows than its limit though others follow, but never none.
    """

    def page(request: PageRequest) -> Page:
        assert request.as_of is not None
        while True:
            found = list_page(request)
            mark(found.items, request.as_of)
            kept = [row for row in found.items if stale is None or (row["stale"] is not None) == stale]
            if kept or found.after is None:
                return Page(kept, found.after)
            request = replace(request, after=found.after)

    return page


def mark_curves(view: ReadView, tenant: str, curves: Sequence[Row], as_of: int, *, by: str = "id") -> None:
    """Sets `stale` of rows whose column `by` names a curve: curves themselves, or valuations."""
    found = stale_curves(view, tenant, [curve[by] for curve in curves], as_of)
    for curve in curves:
        curve["stale"] = _summary([reason.row() for reason in found.get(curve[by], ())], SHOWN)


def mark_ppas(view: ReadView, tenant: str, ppas: Sequence[Row], as_of: int) -> None:
    """A contract is stale when, of its newest valuations under each scenario, one stands on a stale curve."""
    standing = rows(view.pool, _STANDING, {"tenant": tenant, "ids": [ppa["id"] for ppa in ppas], "as_of": as_of})
    found = stale_curves(view, tenant, [valuation["curve_id"] for valuation in standing], as_of)
    reasons: dict[UUID, list[Row]] = {ppa["id"]: [] for ppa in ppas}
    for valuation in standing:
        stands_on = {name: str(valuation[name]) for name in ("valuation_id", "curve_id")}
        reasons[valuation["ppa_id"]] += [r.row() | stands_on for r in found.get(valuation["curve_id"], ())]
    for ppa in ppas:
        ppa["stale"] = _summary(reasons[ppa["id"]], SHOWN)


def staleness(view: ReadView, tenant: str, curve_id: UUID, as_of: int) -> Row:
    """`{stale}` of one curve, or of what stands on it, with all reasons."""
    found: list[Reason] = stale_curves(view, tenant, [curve_id], as_of).get(curve_id, [])
    return {"stale": _summary([reason.row() for reason in found], len(found))}


def _summary(reasons: Sequence[Row], shown: int) -> dict[str, Any] | None:
    if not reasons:
        return None
    newest_first = sorted(reasons, key=itemgetter("since"), reverse=True)
    further = max(0, len(reasons) - shown)
    return {"since": newest_first[-1]["since"], "reasons": newest_first[:shown], "further_reasons": further}
