"""Market days: the clock by which each ISO runs its markets, and how long an interval of a feed is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# MISO keeps Eastern Standard Time all year.
MARKET_ZONES: Mapping[str, str] = {
    "MISO": "Etc/GMT+5",
    "CAISO": "America/Los_Angeles",
    "PJM": "America/New_York",
    "ERCOT": "America/Chicago",
}

MARKET_STEP_S: Mapping[str, int] = {"DA": 3600, "RTH": 3600, "RT15": 900, "RT5": 300}
"""Length of an interval by market, in seconds."""

# Of what is no market's: hours, but for these.
_OTHER_STEP_S: Mapping[tuple[str, str], int] = {
    **{("CAISO", f"outlook_{report}"): 300 for report in ("demand", "fuelsource", "netdemand", "renewables", "supply")},
    **{("ERCOT", f"dashboard_{name}"): 300 for name in ("fuel_mix", "storage", "supply")},
    **{("MISO", feed): 300 for feed in ("fuel_mix", "total_load")},
    **{("PJM", feed): 300 for feed in ("inst_load", "very_short_load_frcst")},
    **{("ERCOT", feed): 900 for feed in ("system_demand", "int_gen_by_fuel")},
}
_ONE_DAY = timedelta(days=1)
_BY_DELIVERY_YEAR = frozenset({("PJM", "rpm_planning_parameters")})

REGULAR_DATASETS = frozenset({"prices", "ancillary", "ordc", "fundamentals"})
"""Datasets that bring a row for every place and interval, so that a missing one can be told.

Of the others, `constraints` bring what binds, `capacity` an auction's delivery years, `disclosures` what units did, and
`places` their validity: nothing says how many rows there ought to be.
"""
DAILY_DATASETS = REGULAR_DATASETS | {"constraints"}
"""Datasets whose rows are of market days."""


@dataclass(frozen=True)
class MarketDay:
    """A local day of an ISO: [start_utc, end_utc), of 23, 24 or 25 hours, and both in seconds since 1970."""

    day: date
    start_utc: datetime
    end_utc: datetime
    start_s: int
    end_s: int

    @classmethod
    @lru_cache(maxsize=4_096)  # the feeds of an ISO bring the same days again and again
    def of(cls, iso: str, day: date) -> MarketDay:
        start_utc, end_utc = _midnight(iso, day), _midnight(iso, day + _ONE_DAY)
        return cls(day, start_utc, end_utc, int(start_utc.timestamp()), int(end_utc.timestamp()))

    def intervals(self, step_s: int) -> int:
        """How many intervals of `step_s` the day has."""
        return (self.end_s - self.start_s) // step_s


def step_s(dataset: str, iso: str, market: str, feed: str) -> int | None:
    """Length of a feed's intervals in seconds; None where they cannot be counted."""
    if dataset not in REGULAR_DATASETS or (iso, feed) in _BY_DELIVERY_YEAR:
        return None
    return MARKET_STEP_S[market] if market else _OTHER_STEP_S.get((iso, feed), 3600)


def market_date(iso: str, moment_utc: datetime) -> date:
    """The local date of the ISO at a moment."""
    return moment_utc.astimezone(ZoneInfo(MARKET_ZONES[iso])).date()


def market_days(iso: str, start_s: float, end_s: float) -> list[MarketDay]:
    """The market days that [start_s, end_s) touches, in seconds since 1970."""
    days = [_day_of_hour(iso, int(start_s // 3600))]
    while days[-1].end_s < end_s:
        days.append(MarketDay.of(iso, days[-1].day + _ONE_DAY))
    return days


@lru_cache(maxsize=65_536)
def _day_of_hour(iso: str, hour: int) -> MarketDay:
    """The market day in which the n-th hour since 1970 lies: days begin with whole hours of UTC."""
    return MarketDay.of(iso, market_date(iso, datetime.fromtimestamp(hour * 3600, UTC)))


def _midnight(iso: str, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(MARKET_ZONES[iso])).astimezone(UTC)
