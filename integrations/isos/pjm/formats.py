"""PJM's reports as CSV: those of Data Miner 2, told apart by their columns, and the daily LMP files before it."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from integrations.isos.heads import CsvFile, Head
from integrations.isos.pjm import daily_lmps
from integrations.isos.pjm.reports import REPORTS, report_of
from integrations.isos.pjm.tables import Report, csv_table
from integrations.isos.recognition import OtherProduct, Recognised
from integrations.isos.ticks import ParsedPublication

OPERATOR_NAME = re.compile(
    r"(da|rt)_\w*lmps|^(" + "|".join(report.name for report in REPORTS) + r")(?![a-z])", re.IGNORECASE
)

_STAMPS = frozenset({"datetimebeginningutc", "datetimebeginningept"})


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for a report that lacks a needed column."""
    if daily := daily_lmps.find(head):
        return Recognised(daily.file, partial(_parse_daily, daily))
    keys = frozenset(head.first.keys)
    report = report_of(keys, head.name)
    if report:
        file = CsvFile(head.name, head.content, head.first)
        for column in report.needed_of(keys):
            file.need(column)
        return Recognised(file, partial(_parse, report))
    if keys & _STAMPS:
        return OtherProduct("a PJM Data Miner report, but none of those read here")
    return None


def _parse(report: Report, files: Sequence[CsvFile]) -> ParsedPublication:
    return report.parse(csv_table(files[0], report))


def _parse_daily(daily: daily_lmps.DailyFile, files: Sequence[CsvFile]) -> ParsedPublication:
    return daily_lmps.parse(replace(daily, file=files[0]))
