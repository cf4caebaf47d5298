"""What a request to Data Miner asks for: a range of Eastern time, a page, and filters; and what it may not ask.

Data older than a report's archive boundary takes no filter but the range, and no range may cross that boundary or a
year. Both ends of a range are inclusive.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from integrations.isos.simulator.pjm_tables import EASTERN

MOST_ROWS: Final = 50_000
_DEFAULT_ROWS = 1000
_NEWEST_S = 86_400
_CLOCK = "%m/%d/%Y %H:%M"
_PAGING = frozenset({"rowCount", "startRow", "format", "fields", "sort", "order", "download"})
_FILTERS: Final = frozenset({"pnode_id", "pnode_name", "type", "row_is_current"})


class BadQuery(ValueError):
    """Answered with 400 and this text."""


@dataclass(frozen=True)
class Query:
    """A range on the Eastern clock, both ends included (None: what is newest), a page of rows, and values by filter."""

    range: tuple[datetime, datetime] | None
    start_row: int
    row_count: int
    is_csv: bool
    fields: tuple[str, ...]
    filters: tuple[tuple[str, frozenset[str]], ...]

    def starts(self, step_s: int, until_s: int) -> tuple[int, ...]:
        """The starts, in seconds since 1970 UTC, of the intervals of the range that start before `until_s`."""
        if self.range is None:
            return tuple(range(until_s - _NEWEST_S, until_s, step_s))
        first, last = self.range
        start_s = int(first.replace(tzinfo=EASTERN, fold=0).timestamp())
        end_s = int(last.replace(tzinfo=EASTERN, fold=1).timestamp()) + 1
        found = range(-(-start_s // step_s) * step_s, min(until_s, end_s), step_s)
        if end_s - 1 - start_s == (last - first).total_seconds():
            return tuple(found)
        # The clock was changed in between: a stamp of the repeated hour means both passes, and no other.
        return tuple(start for start in found if first <= _wall(start) <= last)

    def takes(self, name: str, value: str) -> bool:
        """Whether the filter of that name, if there is one, lets the value through."""
        return all(value in values for wanted, values in self.filters if wanted == name)


def query_of(params: Mapping[str, str], range_name: str | None, archived_days: int | None, now_utc: datetime) -> Query:
    """Raises BadQuery as the real API answers 400."""
    known = _PAGING | _FILTERS | {range_name}
    if unknown := sorted(set(params) - known):
        raise BadQuery(f"Unknown parameter: {', '.join(unknown)}")
    row_count = _whole(params, "rowCount", _DEFAULT_ROWS)
    if row_count > MOST_ROWS:
        raise BadQuery(f"rowCount must not be more than {MOST_ROWS}")
    filters = tuple((name, frozenset(params[name].lower().split(";"))) for name in sorted(_FILTERS & set(params)))
    return Query(
        _range(params.get(range_name or "", ""), archived_days, bool(filters), now_utc),
        _whole(params, "startRow", 1),
        row_count,
        params.get("format", "json").lower() == "csv",
        tuple(filter(None, params.get("fields", "").split(","))),
        filters,
    )


def _whole(params: Mapping[str, str], name: str, default: int) -> int:
    given = params.get(name, str(default))
    if not given.isdigit() or int(given) < 1:
        raise BadQuery(f"{name} must be a whole number from 1")
    return int(given)


def _range(
    given: str, archived_days: int | None, is_filtered: bool, now_utc: datetime
) -> tuple[datetime, datetime] | None:
    if not given:
        return None
    found = re.fullmatch(r"(.+?)to(.+)", given)
    try:
        first, last = (
            datetime.strptime(text.strip(), _CLOCK) for text in (found.groups() if found else (given, given))
        )
    except ValueError:
        raise BadQuery(f"{given!r} is no range such as 01/31/2026 00:00to01/31/2026 23:59") from None
    if archived_days is not None:
        boundary = now_utc.astimezone(EASTERN).date() - timedelta(days=archived_days)
        is_archived = first.date() < boundary
        if is_archived and last.date() >= boundary:
            raise BadQuery("The range must not cross the boundary between archived and standard data")
        if is_archived and is_filtered:
            raise BadQuery("Archived data takes no filter but the range")
    if first.year != last.year:
        raise BadQuery("The range must not cross a year")
    return first, last


def _wall(second: int) -> datetime:
    return datetime.fromtimestamp(second, EASTERN).replace(tzinfo=None)


def bad_query_page(error: BadQuery) -> bytes:
    return json.dumps({"errors": [{"field": "query", "message": str(error)}]}).encode()
