"""MISO's hourly LMP reports: how they look, and what their title, date line or file name says.

Market report `YYYYMMDD_{da_expost_lmp|da_exante_lmp|rt_lmp_final|rt_lmp_prelim}.csv`: a title, the market date, a blank
line, a note on Eastern Standard Time, then `Node,Type,Value,HE 1..HE 24`. Copies without the preamble are common. The
quarterly archives put the date into a column, `MARKET_DAY,NODE,TYPE,VALUE,HE1..HE24`.

Until March 2015 there was one day-ahead price (`YYYYMMDD_da_lmp.csv`, `Day Ahead Market LMPs`). It settled, as the
ex-post price does since, and is read as that.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import partial

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, Head, HeadLine
from integrations.isos.local_time import ClockError, calendar_date
from integrations.isos.miso import ancillary, answer_tables, documents, five_minute_lmps, lmps
from integrations.isos.recognition import OtherProduct, Recognised, known_product
from integrations.isos.ticks import ParsedPublication

OPERATOR_NAME = re.compile(
    r"(\d{8})_(da_lmp|da_expost_lmp|da_exante_lmp|rt_lmp_final|rt_lmp_prelim|asm_(?:expost_damcp|exante_damcp|rtmcp_final|rtmcp_prelim)|5min_lmp)",
    re.IGNORECASE,
)

_HOURS = [f"HE {hour}" for hour in range(1, 25)]
_HOUR_KEYS = frozenset(f"he{hour}" for hour in range(1, 25))
_TWO_DAY_AHEAD_PRICES_FROM = date(2015, 3, 1)
_TITLE = re.compile(r"(day[\s-]*ahead|real[\s-]*time)\b.{0,200}\blmp", re.IGNORECASE)
_REAL_TIME_NAME = re.compile(r"(?<![a-z])rt_?(?:hourly_)?lmps?(?![a-z])", re.IGNORECASE)
_DAY_AHEAD_NAME = re.compile(r"(?<![a-z])da_|day_?ahead", re.IGNORECASE)
_TABLE_OF_PJM = re.compile(rb"Start of (?:Day Ahead|Real Time) LMP Data", re.IGNORECASE)
_OTHER_PRODUCTS = [
    ("epnode", "MISO LMPs of elemental pricing nodes"),
]
_LONG_ARCHIVE = {"pnodename", "mkthourest", "pricingtype"}


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for an LMP report without a needed column, date or feed."""
    if answer := answer_tables.answer_of(head):
        return _recognise_answer(head, answer)
    for line in head.lines:
        for layout in five_minute_lmps.LAYOUTS:
            if layout.is_header(line.keys):
                return Recognised(CsvFile(head.name, head.content, line), partial(_parse_five_minutes, layout))
        if set(line.keys) >= _LONG_ARCHIVE:
            return OtherProduct(
                "MISO's archive of hourly LMPs, a row a node and hour: nothing says whether its stamps begin or end "
                "the hour; give YYYYMMDD_rt_lmp_final.csv or the archive with a column an hour"
            )
    if mcps := next((line for line in head.lines if "mcptype" in line.keys), None):
        return _recognise_ancillary(head, mcps)
    header = next((line for line in head.lines if _looks_like_header(line)), None)
    if header is None:
        title = head.first.cells[0] if head.lines and head.first.cells else ""
        if not _TITLE.search(title) or "market" not in title.lower() or _TABLE_OF_PJM.search(head.content[:65536]):
            return None
        known = next((found for line in head.lines if (found := known_product(line.keys, _OTHER_PRODUCTS))), None)
        if known is None:
            raise unreadable(head.name, "the title of an LMP report, but no header below it", head.first.number)
        return known
    if known := known_product(header.keys, _OTHER_PRODUCTS):
        return known
    file = CsvFile(head.name, head.content, header)
    for column in ["Node", "Type", "Value", *_HOURS]:
        file.need(column)
    report, facts = _report(head, header, dated_rows=file.find("marketday") is not None)
    return Recognised(file, partial(_parse, report), facts)


def _recognise_answer(head: Head, answer: Document) -> Recognised | OtherProduct | None:
    found = documents.recognise(answer)
    if not isinstance(found, RecognisedDocument):
        return found
    file = CsvFile(head.name, head.content, head.first)
    return Recognised(file, lambda _: found.parse(found.document), found.facts)


def _parse_five_minutes(layout: five_minute_lmps.Layout, files: Sequence[CsvFile]) -> ParsedPublication:
    return five_minute_lmps.parse(files[0], layout)


def _recognise_ancillary(head: Head, header: HeadLine) -> Recognised:
    file = CsvFile(head.name, head.content, header)
    for column in _HOURS:
        file.need(column)
    above = [cell for line in head.lines if line.number < header.number for cell in line.cells if cell]
    report = ancillary.report_of(head.name, above, header.number)
    facts = {"feed": report.name, "date": report.day.isoformat()}
    return Recognised(file, partial(_parse_ancillary, report), facts)


def _parse_ancillary(report: ancillary.Report, files: Sequence[CsvFile]) -> ParsedPublication:
    return ancillary.parse(files[0], report)


def _parse(report: lmps.Report, files: Sequence[CsvFile]) -> ParsedPublication:
    return lmps.parse(files[0], report)


def _looks_like_header(line: HeadLine) -> bool:
    labels = len({"node", "type", "value", "mcptype", "epnode"} & set(line.keys))
    hours = len(_HOUR_KEYS & set(line.keys))
    return (labels >= 2 and hours >= 1) or (labels >= 1 and hours >= 12)


def _report(head: Head, header: HeadLine, *, dated_rows: bool) -> tuple[lmps.Report, dict[str, str]]:
    """Date, feed and vintage: from the preamble where it says so, else from the operator's file name."""
    preamble = [cell for line in head.lines if line.number < header.number for cell in line.cells if cell]
    title = next((cell for cell in preamble if _TITLE.search(cell)), "").lower()
    named = OPERATOR_NAME.search(head.name)
    named_report = named[2].lower() if named else ""
    facts: dict[str, str] = {}

    day = None if dated_rows else _only_date(head.name, header, preamble)
    if day is None and not dated_rows:
        day = _named_day(head.name, named, header)
        facts["date"] = day.isoformat()

    feed = _feed_of_title(title)
    if day and day < _TWO_DAY_AHEAD_PRICES_FROM:
        feed = feed or ("da_expost_lmp" if title else None)
        named_report = named_report.replace("da_lmp", "da_expost_lmp")
    if feed is None:
        feed = _named_feed(head.name, named_report, title, header)
        facts["market"] = lmps.MARKETS[feed]
        facts["feed"] = feed

    vintage = "preliminary" if feed == lmps.REAL_TIME and "prelim" in title else "final"
    if feed == lmps.REAL_TIME and "prelim" in head.name.lower() and vintage == "final" and "final" not in title:
        vintage = facts["vintage"] = "preliminary"
    return lmps.Report(day, feed, vintage), facts


def _only_date(name: str, header: HeadLine, cells: Sequence[str]) -> date | None:
    """The date above the header. Raises UnreadablePublication for two: one may be that of publication."""
    days: dict[date, str] = {}
    for cell in cells:
        with suppress(ClockError):
            days.setdefault(calendar_date(cell), cell)
    if len(days) > 1:
        problem = (
            f"two dates stand above the header ({' and '.join(days.values())}): which is the market day is unknown"
        )
        raise unreadable(name, problem, header.number)
    return next(iter(days), None)


def _named_day(name: str, named: re.Match[str] | None, header: HeadLine) -> date:
    digits = named[1] if named else ""
    try:
        return calendar_date(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except ClockError:
        problem = "neither a date above the header nor MISO's file name (YYYYMMDD_rt_lmp_final.csv) gives the day"
        raise unreadable(name, problem, header.number) from None


def _feed_of_title(title: str) -> str | None:
    if "real" in title:
        return lmps.REAL_TIME
    if re.search(r"ex[\s-]*post", title):
        return "da_expost_lmp"
    if re.search(r"ex[\s-]*ante", title):
        return "da_exante_lmp"
    return None


def _named_feed(name: str, named_report: str, title: str, header: HeadLine) -> str:
    if not named_report and _REAL_TIME_NAME.search(name) and not _DAY_AHEAD_NAME.search(name):
        named_report = "rt_lmp_final"  # the quarterly archives: 2024-Jul-Sep_RT_LMPs
    if named_report in ("", "da_lmp") or (title and not named_report.startswith("da_")):
        problem = (
            "neither the title nor MISO's file name says which report this is "
            "(YYYYMMDD_ and da_expost_lmp, da_exante_lmp, rt_lmp_final or rt_lmp_prelim)"
        )
        raise unreadable(name, problem, header.number)
    return named_report if named_report.startswith("da_") else lmps.REAL_TIME
