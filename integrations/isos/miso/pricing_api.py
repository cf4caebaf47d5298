"""LMPs of MISO's pricing API (`pricing/v1/day-ahead/{date}/lmp-expost` and the like): a row a node and interval.

An answer is a page: `{"data": [{"node", "lmp", "mec", "mcc", "mlc", "timeInterval": {"start", "end"}}], "page": {}}`.
Times are Eastern Standard Time; the kind of a node is not told. `preliminaryFinal` stands in the rows of real-time
ex-post prices alone. Which of its two prices a day-ahead answer holds, only the address that was asked, and so the
name, tells.

Until 6 May 2026 MISO labelled five-minute intervals five minutes late. It then corrected all days; of an earlier day an
answer does not say whether it was asked for before that.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from integrations.isos.csv_faults import MAX_NUMBER
from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import unreadable
from integrations.isos.gaps import Intervals, coverage_of_range, empty_cells, gap_table
from integrations.isos.local_time import HOUR_S, ClockError
from integrations.isos.miso.clock import FIVE_MINUTES_S, est_second
from integrations.isos.printable import has_control
from integrations.isos.recognition import OtherProduct
from integrations.isos.ticks import Floats, ParsedPublication, Places, Prices, tick_table

PARSER = "miso.pricing_api"
TOLERANCE_USD_PER_MWH = 0.02

_COLUMNS = ("lmp", "mec", "mcc", "mlc")
_VINTAGES = {"preliminary": "preliminary", "final": "final"}
_FLOAT_NOISE = 1e-9
_DAY_AHEAD_FEED = re.compile(r"ex[\s_-]?(ante|post)", re.IGNORECASE)
_REAL_TIME_NAME = re.compile(r"(?<![a-z])rt(?![a-z])|real[\s_-]?time", re.IGNORECASE)
_LABELS_CORRECTED_S = est_second("2026-05-06 00:00")


@dataclass(frozen=True)
class _Report:
    market: str
    feed: str
    vintage: str


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """An answer of LMPs; None for any other. Raises UnreadablePublication where nothing says which prices they are."""
    members = document.members.keys()
    if "data" not in members or "fields" in members:
        return None
    rows = document.json["data"]
    first = rows[0] if isinstance(rows, list) and rows else None
    if not isinstance(first, dict) or not {"node", "lmp", "timeInterval"} <= first.keys():
        return None
    if "preliminaryFinal" in first:
        return RecognisedDocument(document, _parse_real_time)
    start, end = _interval(document, first, 1)
    if end - start == FIVE_MINUTES_S:
        return OtherProduct("MISO's five-minute ex-ante LMPs: not one of the price products read here")
    named = _DAY_AHEAD_FEED.search(document.name)
    if not named or _REAL_TIME_NAME.search(document.name):
        problem = (
            "rows without preliminaryFinal are day-ahead prices, and only the name tells which: "
            "call it YYYYMMDD_da_expost_lmp.json or YYYYMMDD_da_exante_lmp.json"
        )
        raise unreadable(document.name, problem)
    report = _Report("DA", f"da_ex{named[1].lower()}_lmp", "final")
    facts = {"market": report.market, "feed": report.feed}
    return RecognisedDocument(document, lambda found: _parse(found, report), facts)


def _parse_real_time(document: Document) -> ParsedPublication:
    first = document.json["data"][0]
    start, end = _interval(document, first, 1)
    vintage = _VINTAGES.get(str(first["preliminaryFinal"]).lower())
    if vintage is None:
        _fail(document, 1, "preliminaryFinal", f"{first['preliminaryFinal']!r} is neither Preliminary nor Final")
    if end - start == FIVE_MINUTES_S:
        return _parse(document, _Report("RT5", "rt_five_min_lmp", vintage))
    return _parse(document, _Report("RTH", "rt_lmp", vintage))


def _parse(document: Document, report: _Report) -> ParsedPublication:
    """All rows of a page. Raises UnreadablePublication naming the n-th, also for a node and interval twice."""
    step_s = FIVE_MINUTES_S if report.market == "RT5" else HOUR_S
    rows: Sequence[Any] = document.json["data"]
    code_of: dict[str, int] = {}
    seen: set[tuple[int, int]] = set()
    place, start = np.zeros((2, len(rows)), dtype=np.int64)
    numbers: dict[str, Floats] = {column: np.full(len(rows), np.nan) for column in _COLUMNS}
    for index, row in enumerate(rows):
        node = _node(document, row, index + 1)
        _check_version(document, row, index + 1, report)
        place[index] = code_of.setdefault(node, len(code_of))
        start[index] = _start(document, row, index + 1, step_s)
        if (key := (int(place[index]), int(start[index]))) in seen:
            _fail(document, index + 1, "node", f"{node} has this interval twice")
        seen.add(key)
        for column in _COLUMNS:
            numbers[column][index] = _number(document, row, index + 1, column)
    _check_sum(document, numbers)
    prices = Prices(numbers["lmp"], numbers["mec"], numbers["mcc"], numbers["mlc"])
    places = Places.without_type(list(code_of))
    gaps = empty_cells(prices, place, start, start + step_s)
    if _is_whole(document, len(rows)):
        intervals = Intervals.of(start, np.arange(len(rows)))
        gaps.append(coverage_of_range(len(places), place, intervals, step_s).missing)
    table = tick_table(places, place, start, start + step_s, prices, None)
    return ParsedPublication(
        "MISO", report.market, report.feed, report.vintage, table, None, gap_table(places, gaps), PARSER, 1
    )


def _is_whole(document: Document, count: int) -> bool:
    """False for one page of several. Raises UnreadablePublication where the only page has not all of its rows."""
    page = document.json.get("page")
    if not isinstance(page, Mapping):
        return True
    total, pages = page.get("totalElements"), page.get("totalPages")
    if pages == 1 and isinstance(total, int) and total != count:
        problem = f"the answer has {count} rows and says that it has {total}: cut short, get it again"
        raise unreadable(document.name, problem, None, "page")
    return not (isinstance(total, int) and total > count)


def _node(document: Document, row: Any, number: int) -> str:
    node = row.get("node") if isinstance(row, Mapping) else None
    if not isinstance(node, str) or not node.strip() or has_control(node):
        _fail(document, number, "node", "the name is missing or has a control character")
    return node.strip()


def _check_version(document: Document, row: Mapping[str, Any], number: int, report: _Report) -> None:
    version = row.get("preliminaryFinal")
    if (version is not None) != (report.market != "DA") or (version and str(version).lower() != report.vintage):
        problem = f"{version!r} where the first row says otherwise: ask for preliminary and final prices apart"
        _fail(document, number, "preliminaryFinal", problem)


def _start(document: Document, row: Mapping[str, Any], number: int, step_s: int) -> int:
    start, end = _interval(document, row, number)
    if end - start != step_s or start % step_s:
        problem = f"the interval lasts {end - start} s or begins off the mark, not one of {step_s} s"
        _fail(document, number, "timeInterval", problem)
    if step_s == FIVE_MINUTES_S and start < _LABELS_CORRECTED_S:
        problem = (
            "MISO labelled five-minute intervals five minutes late until 6 May 2026, and the answer does not say when "
            "it was asked for: use YYYYMMDD_5MIN_LMP.zip of that week"
        )
        _fail(document, number, "timeInterval", problem)
    return start


def _interval(document: Document, row: Mapping[str, Any], number: int) -> tuple[int, int]:
    interval = row.get("timeInterval")
    try:
        if not isinstance(interval, Mapping):
            raise ClockError("it is no object with start and end")
        return est_second(str(interval.get("start"))), est_second(str(interval.get("end")))
    except ClockError as error:
        _fail(document, number, "timeInterval", str(error))


def _number(document: Document, row: Mapping[str, Any], number: int, column: str) -> float:
    """NaN where the number is null."""
    value = row.get(column, "missing")
    if value is None:
        return float("nan")
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_NUMBER:
        _fail(document, number, column, f"{str(value)[:40]!r} is not a number")
    return float(value)


def _check_sum(document: Document, numbers: Mapping[str, Floats]) -> None:
    off = np.abs(numbers["lmp"] - (numbers["mec"] + numbers["mcc"] + numbers["mlc"]))
    wrong = off > TOLERANCE_USD_PER_MWH + _FLOAT_NOISE
    if wrong.any():
        index = int(np.argmax(wrong))
        _fail(document, index + 1, "lmp", f"the price is off from the sum of its components by {off[index]:.5f} $/MWh")


def _fail(document: Document, number: int, column: str, problem: str) -> NoReturn:
    raise unreadable(document.name, f"row {number}: {problem}", None, column)
