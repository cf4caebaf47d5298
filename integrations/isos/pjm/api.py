"""Asking the Data Miner 2 API: one request a window, and the further pages of an answer.

https://api.pjm.com/api/v1/{report}?rowCount=50000&startRow=1&datetime_beginning_ept=...to...: no filter but the time,
because archived data takes none. An answer says how many rows there are in all; a bare list of a full page says
nothing, and is followed by the next.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from integrations.isos.feeds import AgedOut, Request, Source
from integrations.isos.pjm.stamps import EASTERN
from integrations.isos.pjm.tables import PAGE_ROWS
from integrations.isos.pjm.windows import DAY, Length, Window, archive_begins, midnight, windows

# Those who are no members of PJM may send six requests a minute.
DATA_MINER = Source("pjm_data_miner", "https://api.pjm.com/api/v1", 10.0, key_header="Ocp-Apim-Subscription-Key")

_TOTAL = re.compile(rb'"totalRows"\s*:\s*(\d+)')
_NEXT = re.compile(rb'"rel"\s*:\s*"next"')
_NO_ITEMS = re.compile(rb'\A\s*(\{.*"items"\s*:\s*)?\[\s*\]', re.DOTALL)
_TAIL_BYTES = 4096


@dataclass(frozen=True)
class Ranges:
    """Plans requests by time.

    `length` is chosen so that a page holds whole intervals of all nodes. Data older than `archived_after_days` is in
    the archive. `published` is when a window's first numbers are out: after its start, or, where it is negative, that
    long before the midnight on which its market day begins. `kept_days` is how long the report is kept at all.
    """

    report: str
    length: Length
    archived_after_days: int
    published: timedelta
    filter: str = "datetime_beginning_ept"
    kept_days: int | None = None

    def __call__(self, start_utc: datetime, end_utc: datetime, now_utc: datetime) -> Sequence[Request]:
        """Raises AgedOut where the report is no longer kept for all of the stretch."""
        if self.kept_days is not None:
            since = now_utc - self.kept_days * DAY
            if start_utc < since:
                raise AgedOut(f"{self.report} is kept for {self.kept_days} days: since {since:%Y-%m-%dT%H:%MZ}")
        archive_from = archive_begins(now_utc, self.archived_after_days)
        found = windows(start_utc, end_utc, self.length, archive_from)
        return [self._request(window) for window in found if self._is_published(window, now_utc)]

    def _is_published(self, window: Window, now_utc: datetime) -> bool:
        day = Window(midnight(window.start.date()), window.end)
        return now_utc >= (day if self.published < timedelta(0) else window).start_utc + self.published

    def _request(self, window: Window) -> Request:
        name = f"{self.report}_{window.start:%Y%m%dT%H%M}_{window.end:%Y%m%dT%H%M}.json"
        params = {"rowCount": str(PAGE_ROWS), "startRow": "1", self.filter: window.range_ept}
        return Request(self.report, name, window.start_utc, window.end_utc, params)


@dataclass(frozen=True)
class Present:
    """Plans the one request for a report that only has the present: a forecast of the `ahead` to come, a list."""

    report: str
    ahead: timedelta

    def __call__(self, start_utc: datetime, end_utc: datetime, now_utc: datetime) -> Sequence[Request]:
        """Raises AgedOut for a stretch that is wholly past."""
        today = midnight(now_utc.astimezone(EASTERN).date()).replace(tzinfo=EASTERN).astimezone(UTC)
        if end_utc <= today:
            raise AgedOut(f"{self.report} has no past: it serves what is known today")
        if start_utc >= today + self.ahead:
            return []
        params = {"rowCount": str(PAGE_ROWS), "startRow": "1"}
        return [Request(self.report, f"{self.report}.json", today, today + self.ahead, params)]


def further_pages(request: Request, content: bytes) -> Sequence[Request]:
    """The pages after the one that came."""
    start, count = int(request.params["startRow"]), int(request.params["rowCount"])
    if total := _total_rows(content):
        return [_page(request, row) for row in range(start + count, total + 1, count)]
    return [_page(request, start + count)] if _leads_on(content, count) else []


def has_no_rows(content: bytes) -> bool:
    """Whether an answer says that there is nothing, or nothing yet."""
    return len(content) < _TAIL_BYTES and _NO_ITEMS.match(content) is not None and not _total_rows(content)


def _page(request: Request, start_row: int) -> Request:
    number = (start_row - 1) // int(request.params["rowCount"]) + 1
    first = re.sub(r"(_page\d+)?\.json$", "", request.name)
    return replace(request, name=f"{first}_page{number}.json", params={**request.params, "startRow": str(start_row)})


def _total_rows(content: bytes) -> int | None:
    """What stands behind the items; no item has such a field."""
    found = _TOTAL.findall(content[-_TAIL_BYTES:]) or _TOTAL.findall(content[:_TAIL_BYTES])
    return int(found[-1]) if found else None


def _leads_on(content: bytes, count: int) -> bool:
    if _NEXT.search(content[:_TAIL_BYTES]):
        return True
    if not content.lstrip().startswith(b"["):
        return False
    try:
        return len(json.loads(content)) >= count
    except ValueError:
        return False
