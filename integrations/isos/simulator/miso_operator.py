"""MISO as it is asked over HTTP: daily and weekly market reports by their names, and the newest real-time answers.

There are no archives of past years.

Ex-ante prices are those of ex-post. Preliminary prices and the five minutes of the consolidated table are a draft: in a
few hours they are a little off what becomes final.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from integrations.isos.simulator import miso, miso_answers, miso_workbooks
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import MARKET_ZONES, market_days
from integrations.isos.simulator.miso_ancillary import ancillary_report
from integrations.isos.simulator.miso_workbooks import WORKBOOKS
from integrations.isos.simulator.operator import Answer

_EST: Final = MARKET_ZONES["MISO"]
_DAY: Final = timedelta(days=1)
_NAME = re.compile(r"(\d{8})_(\w+)\.(csv|zip|xlsx?)")
_MEDIA_TYPES: Final = {
    "csv": "text/csv", "zip": "application/zip", "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
_WEEK_DAYS = 7
# A preliminary report goes when the final one has come.
_PRELIMINARY_KEPT = timedelta(days=5)
_YEARS_KEPT = 3
_ANCILLARY: Final = {
    "asm_exante_damcp": "da_exante_lmp",
    "asm_expost_damcp": "da_expost_lmp",
    "asm_rtmcp_prelim": "rt_lmp_prelim",
    "asm_rtmcp_final": "rt_lmp_final",
}
"""The LMP report with which each ancillary report comes out."""

_ANSWERS: Final[Mapping[str, miso_answers.Newest]] = {
    "MarketPricing/GetLmpConsolidatedTable": miso_answers.CONSOLIDATED_TABLE,
    "FuelMix": miso_answers.FUEL_MIX,
    "RealTimeTotalLoad": miso_answers.TOTAL_LOAD,
    "WindSolar/getwindforecast": miso_answers.WIND_FORECAST,
    "WindSolar/getsolarforecast": miso_answers.SOLAR_FORECAST,
}


@dataclass(frozen=True)
class MisoOperator:
    """Answers for the reports' host and the public API."""

    market: GridMarket

    @property
    def sources(self) -> tuple[str, ...]:
        return ("miso-reports", "miso-public-api")

    def answer(self, source: str, path: str, params: Mapping[str, str], now_utc: datetime) -> Answer | None:
        """Reports are named by their path alone; the newest answer is that of the interval that ended last."""
        del params
        if source == "miso-reports":
            return self._report(path, now_utc)
        newest = _ANSWERS.get(path)
        if newest is None:
            return None
        end_s = newest.newest_end_s(int(now_utc.timestamp()))
        content = _newest_written(self.market, path, end_s)
        return Answer(content, datetime.fromtimestamp(end_s + newest.delay_s, UTC), "application/json")

    def _report(self, path: str, now_utc: datetime) -> Answer | None:
        named = _NAME.fullmatch(path)
        day = _day_of(named[1]) if named else None
        if named is None or day is None:
            return None
        report, suffix = named[2].lower(), named[3]
        published_at = _published_at(report, suffix, day)
        if published_at is None or not published_at <= now_utc or _is_gone(report, day, now_utc):
            return None
        content = _written(self.market, report, day)
        return Answer(content, published_at.astimezone(UTC), _MEDIA_TYPES[suffix])


def _day_of(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _published_at(report: str, suffix: str, day: date) -> datetime | None:
    """When the report of that name comes out; None for a name that no report has."""
    if report == "5min_lmp":
        is_monday = suffix == "zip" and day.weekday() == 0
        return datetime.combine(day, time(9), _EST) if is_monday else None
    if report in WORKBOOKS:
        return miso_workbooks.published_at(report, day) if suffix == WORKBOOKS[report][0] else None
    known = miso.HOURLY_REPORTS.get(_ANCILLARY.get(report, report))
    return known.published_at(day).replace(tzinfo=_EST) if known and suffix == "csv" else None


def _is_gone(report: str, day: date, now_utc: datetime) -> bool:
    today = now_utc.astimezone(_EST).date()
    if report.endswith("prelim"):
        return today - day > _PRELIMINARY_KEPT
    return day < date(today.year - _YEARS_KEPT, 1, 1)


@lru_cache(maxsize=32)
def _written(market: GridMarket, report: str, day: date) -> bytes:
    if report == "5min_lmp":
        monday = day - miso.WEEKLY_LAG
        days = (monday + number * _DAY for number in range(_WEEK_DAYS))
        blocks = (market.prices("RT5", market_days("MISO", each, each, minutes=5)) for each in days)
        return miso.weekly_lmp(blocks, monday).content
    if report in WORKBOOKS:
        return WORKBOOKS[report][2](market, day - _DAY)
    intervals = market_days("MISO", day, day, minutes=60)
    is_draft = report.endswith("prelim")
    block = market.prices("DA" if "_da" in report or report.startswith("da_") else "RTH", intervals, is_draft=is_draft)
    return ancillary_report(report, block, day) if report in _ANCILLARY else miso.hourly_lmp(report, block, day).content


@lru_cache(maxsize=64)
def _newest_written(market: GridMarket, path: str, end_s: int) -> bytes:
    found = _ANSWERS[path].write(market, end_s)
    return found if isinstance(found, bytes) else json.dumps(found, separators=(",", ":")).encode()
