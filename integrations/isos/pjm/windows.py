"""Stretches of time as Data Miner wants them: Eastern prevailing time, both ends inclusive to the minute.

A range may not cross a year or the day where the archive begins, and windows are the same whatever stretch they are cut
from, so that what was asked for once is known again. The one exception: the month in which the archive begins is cut in
two there, and that day moves on with time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from integrations.isos.pjm.stamps import EASTERN

Length = timedelta | Literal["month"]

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """[start, end) in naive Eastern time. Of the repeated hour it holds both passes."""

    start: datetime
    end: datetime

    @property
    def start_utc(self) -> datetime:
        return self.start.replace(tzinfo=EASTERN, fold=0).astimezone(UTC)

    @property
    def end_utc(self) -> datetime:
        return (self.end - MINUTE).replace(tzinfo=EASTERN, fold=1).astimezone(UTC) + MINUTE

    @property
    def range_ept(self) -> str:
        """`09/02/2024 00:00to09/02/2024 23:59`."""
        return f"{self.start:%m/%d/%Y %H:%M}to{self.end - MINUTE:%m/%d/%Y %H:%M}"

    @property
    def exists(self) -> bool:
        """False within the hour that the clock skips in spring."""
        return any(_exists(moment) for moment in (self.start, self.end - MINUTE))


def windows(start_utc: datetime, end_utc: datetime, length: Length, archive_from: date) -> Iterator[Window]:
    """The windows that intervals starting in [start, end) lie in, oldest first. `archive_from` is the newest archived
    day's successor: no window holds it and the day before."""
    first = start_utc.astimezone(EASTERN).date()
    last = (end_utc - MINUTE).astimezone(EASTERN).date()
    cuts = _months(first, last, archive_from) if length == "month" else _parts_of_days(first, last, length)
    for window in cuts:
        if window.exists and window.end_utc > start_utc and window.start_utc < end_utc:
            yield window


def archive_begins(now_utc: datetime, kept_days: int) -> date:
    """The first day that is not archived."""
    return (now_utc.astimezone(EASTERN) - timedelta(days=kept_days)).date()


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _parts_of_days(first: date, last: date, length: timedelta) -> Iterator[Window]:
    day = midnight(first)
    while day.date() <= last:
        for part in range(DAY // length):
            yield Window(day + part * length, day + (part + 1) * length)
        day += DAY


def _months(first: date, last: date, archive_from: date) -> Iterator[Window]:
    month = midnight(first.replace(day=1))
    while month.date() <= last:
        following = midnight((month + 32 * DAY).date().replace(day=1))
        cut = midnight(archive_from)
        if month < cut < following:
            yield Window(month, cut)
            yield Window(cut, following)
        else:
            yield Window(month, following)
        month = following


def _exists(moment: datetime) -> bool:
    return moment.replace(tzinfo=EASTERN).astimezone(UTC).astimezone(EASTERN).replace(tzinfo=None) == moment
