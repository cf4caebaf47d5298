"""Every feed of PJM: the reports of Data Miner 2, and the workbooks of the capacity auctions on its web site.

All-node LMPs come in windows that hold whole intervals of the 22,500 pricing nodes in a page of 50,000 rows: two hours,
or ten minutes. What is small and comes out once a day is asked for by the month. PJM's terms restrict passing data on
by those who are no members.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from integrations.isos.feeds import Feed, Request, Source
from integrations.isos.pjm.api import DATA_MINER, Present, Ranges, further_pages, has_no_rows
from integrations.isos.pjm.sheets import DeliveryYear
from integrations.isos.pjm.windows import DAY, Length

LICENCE = "PJM Data Miner terms of use: internal use; redistribution by non-members is restricted"
WEB = Source("pjm_web", "https://www.pjm.com", 5.0)

HOUR = timedelta(hours=1)
MINUTES = timedelta(minutes=1)
# Data Miner archives a report of five minutes after half a year, an hourly one after two years.
FIVE_MINUTE_DAYS, HOURLY_DAYS = 186, 731
_DAY_AHEAD = -10.5 * HOUR  # the day-ahead market clears at 13:30 of the day before
_RESULTS_SINCE = 2022  # the first delivery year whose workbooks have the names below
_RENAMED_SINCE = 2026
_AUCTIONS_AHEAD_YEARS = 3
_YEAR = timedelta(days=365)


def _ranged(
    name: str,
    title: str,
    dataset: str,
    market: str,
    length: Length,
    *,
    every: timedelta,
    fresh: timedelta,
    settled: timedelta,
    published: timedelta = timedelta(0),
    archived_days: int = HOURLY_DAYS,
    filter_name: str = "datetime_beginning_ept",
    kept_days: int | None = None,
) -> Feed:
    plan = Ranges(name, length, archived_days, published, filter_name, kept_days)
    return Feed(
        "PJM", name, title, dataset, market, DATA_MINER, plan, cadence=every, freshness_target=fresh,
        settled_after=settled, licence=LICENCE, follow=further_pages, is_empty=has_no_rows,
    )  # fmt: skip


def _present(name: str, title: str, dataset: str, ahead: timedelta, *, every: timedelta, fresh: timedelta) -> Feed:
    return Feed(
        "PJM", name, title, dataset, "", DATA_MINER, Present(name, ahead), cadence=every, freshness_target=fresh,
        settled_after=DAY, licence=LICENCE, follow=further_pages, is_empty=has_no_rows,
    )  # fmt: skip


def _plan_results(start_utc: datetime, end_utc: datetime, now_utc: datetime) -> Sequence[Request]:
    def name(year: int) -> str:
        return "base-residual-auction-results" if year < _RENAMED_SINCE else "bra-results"

    return [_workbook(year, name(year.first_year)) for year in _delivery_years(start_utc, end_utc, now_utc)]


def _plan_parameters(start_utc: datetime, end_utc: datetime, now_utc: datetime) -> Sequence[Request]:
    name = "planning-period-parameters-for-base-residual-auction"
    return [_workbook(year, name) for year in _delivery_years(start_utc, end_utc, now_utc)]


def _delivery_years(start_utc: datetime, end_utc: datetime, now_utc: datetime) -> list[DeliveryYear]:
    """The delivery years that the stretch touches, as far as auctions can have been held."""
    last = min(end_utc.year, now_utc.year + _AUCTIONS_AHEAD_YEARS)
    years = (DeliveryYear(year) for year in range(max(start_utc.year - 1, _RESULTS_SINCE), last + 1))
    return [year for year in years if year.end_utc > start_utc and year.start_utc < end_utc]


def _workbook(year: DeliveryYear, name: str) -> Request:
    years = year.label.replace("/", "-")
    file = f"{years}-{name}.xlsx"
    path = f"-/media/DotCom/markets-ops/rpm/rpm-auction-info/{years}/{file}"
    return Request(path, file, year.start_utc, year.end_utc)


FEEDS = (
    _ranged("da_hrl_lmps", "Day-ahead hourly LMPs", "prices", "DA", 2 * HOUR,
            every=DAY, fresh=HOUR, settled=3 * DAY, published=_DAY_AHEAD),
    _ranged("rt_unverified_hrl_lmps", "Real-time hourly LMPs, unverified", "prices", "RTH", 2 * HOUR,
            every=HOUR, fresh=2 * HOUR, settled=DAY),
    _ranged("rt_hrl_lmps", "Real-time hourly LMPs, verified", "prices", "RTH", 2 * HOUR,
            every=DAY, fresh=5 * DAY, settled=15 * DAY, published=12 * HOUR),
    _ranged("rt_unverified_fivemin_lmps", "Real-time five-minute LMPs, unverified", "prices", "RT5", 10 * MINUTES,
            every=5 * MINUTES, fresh=10 * MINUTES, settled=HOUR, archived_days=FIVE_MINUTE_DAYS, kept_days=15),
    _ranged("unverified_five_min_lmps", "Real-time five-minute prices of hubs, unverified", "prices", "RT5", 2 * HOUR,
            every=5 * MINUTES, fresh=10 * MINUTES, settled=HOUR, archived_days=FIVE_MINUTE_DAYS, kept_days=30),
    _ranged("rt_fivemin_hrl_lmps", "Real-time five-minute LMPs, verified", "prices", "RT5", 10 * MINUTES,
            every=DAY, fresh=5 * DAY, settled=15 * DAY, published=12 * HOUR, archived_days=FIVE_MINUTE_DAYS),
    _ranged("ancillary_services", "Real-time ancillary service prices, hourly", "ancillary", "RTH", "month",
            every=DAY, fresh=5 * DAY, settled=15 * DAY, published=12 * HOUR),
    _ranged("da_ancillary_services", "Day-ahead ancillary service prices", "ancillary", "DA", "month",
            every=DAY, fresh=HOUR, settled=3 * DAY, published=_DAY_AHEAD),
    _ranged("reserve_market_results", "Real-time reserve and regulation results", "ancillary", "RT5", DAY,
            every=DAY, fresh=3 * DAY, settled=15 * DAY, published=12 * HOUR, archived_days=FIVE_MINUTE_DAYS),
    _ranged("da_reserve_market_results", "Day-ahead reserve results", "ancillary", "DA", "month",
            every=DAY, fresh=HOUR, settled=3 * DAY, published=_DAY_AHEAD),
    _ranged("reg_market_results", "Regulation market quantities", "fundamentals", "RTH", "month",
            every=30 * DAY, fresh=70 * DAY, settled=120 * DAY),
    _ranged("hrl_load_metered", "Metered load by load area", "fundamentals", "", DAY,
            every=DAY, fresh=3 * DAY, settled=120 * DAY, published=DAY),
    _ranged("hrl_load_prelim", "Preliminary load by load area", "fundamentals", "", DAY,
            every=DAY, fresh=3 * DAY, settled=15 * DAY, published=DAY),
    _ranged("inst_load", "Instantaneous load by area", "fundamentals", "", DAY,
            every=5 * MINUTES, fresh=10 * MINUTES, settled=HOUR, archived_days=FIVE_MINUTE_DAYS, kept_days=30),
    _present("load_frcstd_7_day", "Load forecast, seven days ahead", "fundamentals", 7 * DAY,
             every=HOUR, fresh=2 * HOUR),
    _ranged("load_frcstd_hist", "Load forecasts as they were made", "fundamentals", "", DAY,
            every=DAY, fresh=3 * DAY, settled=3 * DAY, filter_name="forecast_hour_beginning_ept"),
    _ranged("very_short_load_frcst", "Load forecast, five-minute intervals", "fundamentals", "", DAY,
            every=5 * MINUTES, fresh=10 * MINUTES, settled=HOUR, archived_days=FIVE_MINUTE_DAYS, kept_days=30,
            filter_name="forecast_datetime_beginning_ept"),
    _ranged("gen_by_fuel", "Generation by fuel", "fundamentals", "", DAY,
            every=HOUR, fresh=3 * HOUR, settled=3 * DAY),
    _ranged("wind_gen", "Wind generation by area", "fundamentals", "", "month",
            every=DAY, fresh=3 * DAY, settled=5 * DAY, published=DAY),
    _ranged("solar_gen", "Solar generation by area", "fundamentals", "", "month",
            every=DAY, fresh=3 * DAY, settled=5 * DAY, published=DAY),
    _ranged("hourly_wind_power_forecast", "Wind forecast, hourly", "fundamentals", "", DAY,
            every=10 * MINUTES, fresh=HOUR, settled=HOUR, published=-2 * DAY, kept_days=30),
    _ranged("hourly_solar_power_forecast", "Solar forecast, hourly", "fundamentals", "", DAY,
            every=HOUR, fresh=2 * HOUR, settled=HOUR, published=-2 * DAY, kept_days=30),
    _ranged("da_marginal_value", "Day-ahead constraints with their shadow prices", "constraints", "DA", "month",
            every=DAY, fresh=HOUR, settled=3 * DAY, published=_DAY_AHEAD),
    _ranged("rt_marginal_value", "Real-time constraints with their shadow prices", "constraints", "RT5", "month",
            every=DAY, fresh=5 * DAY, settled=15 * DAY, published=DAY, archived_days=FIVE_MINUTE_DAYS),
    _ranged("da_transconstraints", "Day-ahead transmission constraints", "constraints", "DA", "month",
            every=DAY, fresh=HOUR, settled=3 * DAY, published=_DAY_AHEAD),
    _ranged("ops_sum_prev_period", "Operations summary of the previous period", "fundamentals", "", DAY,
            every=DAY, fresh=2 * DAY, settled=3 * DAY, published=DAY),
    _present("pnode", "Pricing nodes", "places", DAY, every=DAY, fresh=7 * DAY),
    Feed("PJM", "rpm_bra_results", "Base residual auction results", "capacity", "", WEB, _plan_results,
         cadence=30 * DAY, freshness_target=_YEAR, settled_after=_YEAR, licence=LICENCE),
    Feed("PJM", "rpm_planning_parameters", "Planning parameters of the base residual auction", "fundamentals", "", WEB,
         _plan_parameters, cadence=30 * DAY, freshness_target=_YEAR, settled_after=_YEAR, licence=LICENCE),
)  # fmt: skip
