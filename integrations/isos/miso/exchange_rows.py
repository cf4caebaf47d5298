"""Rows of MISO's Data Exchange (`apim.misoenergy.org`): what a page says of itself, of its market and of intervals.

An answer is a page: `{"data": [{"timeInterval": {"start", "end"}, …}], "page": {}}`. Times are Eastern Standard Time.
`preliminaryFinal` stands in the rows of real-time ex-post prices alone. Which of its two prices a day-ahead answer
holds, only the address that was asked, and so the name, tells.

Until 6 May 2026 MISO labelled five-minute intervals five minutes late. It then corrected all days; of an earlier day an
answer does not say whether it was asked for before that. All functions raise UnreadablePublication naming the n-th row.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.local_time import HOUR_S, ClockError
from integrations.isos.miso.clock import FIVE_MINUTES_S, est_second
from integrations.isos.printable import has_control

_VINTAGES = ("preliminary", "final")
_DAY_AHEAD = re.compile(r"ex[\s_-]?(ante|post)", re.IGNORECASE)
_REAL_TIME_NAME = re.compile(r"(?<![a-z])rt(?![a-z])|real[\s_-]?time", re.IGNORECASE)
_LABELS_CORRECTED_S = est_second("2026-05-06 00:00")


@dataclass(frozen=True)
class Feeds:
    """The feeds of one kind of prices: day-ahead with `{}` for ante or post, real-time hours, five minutes."""

    day_ahead: str
    hourly: str
    five_minutes: str


@dataclass(frozen=True)
class Report:
    """What all rows of a page are of; `facts` is what the name told."""

    market: str
    feed: str
    vintage: str
    facts: Mapping[str, str]

    @property
    def step_s(self) -> int:
        return FIVE_MINUTES_S if self.market == "RT5" else HOUR_S


def first_row(document: Document) -> Mapping[str, Any] | None:
    """The first row of a page; None where the document is none."""
    members = document.members.keys()
    rows = document.json["data"] if "data" in members and "fields" not in members else None
    first = rows[0] if isinstance(rows, list) and rows else None
    return first if isinstance(first, dict) and "timeInterval" in first else None


def report_of(document: Document, first: Mapping[str, Any], feeds: Feeds) -> Report | None:
    """None for five minutes as they were expected (ex-ante)."""
    start, end = _interval(document, first, 1)
    is_short = end - start == FIVE_MINUTES_S
    if "preliminaryFinal" in first:
        vintage = str(first["preliminaryFinal"]).lower()
        if vintage not in _VINTAGES:
            fail(document, 1, "preliminaryFinal", f"{first['preliminaryFinal']!r} is neither Preliminary nor Final")
        return Report(*(("RT5", feeds.five_minutes) if is_short else ("RTH", feeds.hourly)), vintage, {})
    if is_short:
        return None
    named = _DAY_AHEAD.search(document.name)
    if not named or _REAL_TIME_NAME.search(document.name):
        names = " or ".join(f"YYYYMMDD_{feeds.day_ahead.format(word)}.json" for word in ("post", "ante"))
        problem = f"rows without preliminaryFinal are day-ahead prices, and only the name tells which: call it {names}"
        raise unreadable(document.name, problem)
    feed = feeds.day_ahead.format(named[1].lower())
    return Report("DA", feed, "final", {"market": "DA", "feed": feed})


def rows_of(document: Document, report: Report) -> Sequence[tuple[Mapping[str, Any], int]]:
    """All rows with their starts in seconds since 1970 UTC; each is of the report."""
    found = []
    for number, row in enumerate(document.json["data"], start=1):
        if not isinstance(row, Mapping):
            fail(document, number, "data", "it is no object")
        version = row.get("preliminaryFinal")
        if (version is not None) != (report.market != "DA") or (version and str(version).lower() != report.vintage):
            problem = f"{version!r} where the first row says otherwise: ask for preliminary and final prices apart"
            fail(document, number, "preliminaryFinal", problem)
        found.append((row, _start(document, row, number, report.step_s)))
    return found


def is_whole(document: Document) -> bool:
    """False for one page of several. Raises where the only page has not all of its rows."""
    count, page = len(document.json["data"]), document.json.get("page")
    if not isinstance(page, Mapping):
        return True
    total, pages = page.get("totalElements"), page.get("totalPages")
    if pages == 1 and isinstance(total, int) and total != count:
        problem = f"the answer has {count} rows and says that it has {total}: cut short, get it again"
        raise unreadable(document.name, problem, None, "page")
    return not (isinstance(total, int) and total > count)


def name_in(document: Document, row: Mapping[str, Any], number: int, column: str) -> str:
    """A text that has to be there, stripped."""
    name = row.get(column)
    if not isinstance(name, str) or not name.strip() or has_control(name):
        fail(document, number, column, "the name is missing or has a control character")
    return name.strip()


def number_in(document: Document, row: Mapping[str, Any], number: int, column: str) -> float:
    """NaN where the number is null."""
    value = row.get(column, "missing")
    if value is None:
        return float("nan")
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_NUMBER:
        fail(document, number, column, f"{str(value)[:40]!r} is not a number")
    return float(value)


def fail(document: Document, number: int, column: str, problem: str) -> NoReturn:
    raise unreadable(document.name, f"row {number}: {problem}", None, column)


def _start(document: Document, row: Mapping[str, Any], number: int, step_s: int) -> int:
    start, end = _interval(document, row, number)
    if end - start != step_s or start % step_s:
        problem = f"the interval lasts {end - start} s or begins off the mark, not one of {step_s} s"
        fail(document, number, "timeInterval", problem)
    if step_s == FIVE_MINUTES_S and start < _LABELS_CORRECTED_S:
        problem = (
            "MISO labelled five-minute intervals five minutes late until 6 May 2026, and the answer does not say when "
            "it was asked for: use the report of that day (YYYYMMDD_5MIN_LMP.zip of LMPs)"
        )
        fail(document, number, "timeInterval", problem)
    return start


def _interval(document: Document, row: Mapping[str, Any], number: int) -> tuple[int, int]:
    interval = row.get("timeInterval")
    try:
        if not isinstance(interval, Mapping):
            raise ClockError("it is no object with start and end")
        return est_second(str(interval.get("start"))), est_second(str(interval.get("end")))
    except ClockError as error:
        fail(document, number, "timeInterval", str(error))
