"""MISO's feeds: daily and weekly reports by the date in their name, and real-time answers of the public API.

Reports are kept for the current year and the three before it (preliminary ones for about four days); older years come
as archives that are no feed. Neither host wants a key.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

from integrations.isos.feeds import AgedOut, Feed, Request, Source
from integrations.isos.local_time import HOUR_S
from integrations.isos.miso.clock import midnight_second

REPORTS = Source("miso-reports", "https://docs.misoenergy.org/marketreports", seconds_between_requests=1.0)
PUBLIC_API = Source("miso-public-api", "https://public-api.misoenergy.org/api", seconds_between_requests=1.0)

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_WEEKLY_LAG = timedelta(days=14)  # the week of a Monday is published under the Monday two weeks later
_PRELIMINARY_KEPT = timedelta(days=4)
_YEARS_KEPT = 3
_TERMS = "public; MISO's terms of use"


def plan_days(
    report: str, suffix: str, start_utc: datetime, end_utc: datetime, now_utc: datetime, *, named_after: timedelta
) -> Sequence[Request]:
    """One file a market day (in EST); its name bears the day that many days later. Raises AgedOut."""
    first = _market_day(start_utc)
    _refuse_aged(report, first, now_utc)
    requests = []
    for day in _days(first, _market_day(end_utc - timedelta(microseconds=1))):
        name = f"{day + named_after:%Y%m%d}_{report}.{suffix}"
        requests.append(Request(name, name, _midnight(day), _midnight(day + _DAY)))
    return requests


def plan_weeks(start_utc: datetime, end_utc: datetime, now_utc: datetime) -> Sequence[Request]:
    """The weekly five-minute files of all weeks (Monday to Sunday, EST) that the stretch touches. Raises AgedOut."""
    first, last = _market_day(start_utc), _market_day(end_utc - timedelta(microseconds=1))
    _refuse_aged("5MIN_LMP", first, now_utc)
    monday = first - _DAY * first.weekday()
    requests = []
    while monday <= last:
        name = f"{monday + _WEEKLY_LAG:%Y%m%d}_5MIN_LMP.zip"
        requests.append(Request(name, name, _midnight(monday), _midnight(monday + _WEEK)))
        monday += _WEEK
    return requests


def plan_newest(
    path: str, name: str, span: timedelta, start_utc: datetime, end_utc: datetime, now_utc: datetime
) -> Sequence[Request]:
    """The one request for what is newest; nothing for a stretch that is over, which the API no longer serves.

    Its stretch is around now: a real-time answer holds the interval that has just ended, a forecast what is to come.
    """
    del start_utc
    if end_utc < now_utc - span:
        raise AgedOut(f"{name} serves only what is newest; ask for a report of {end_utc:%Y-%m-%d} instead")
    return [Request(path, name, now_utc - span, now_utc + span)]


def _report(
    name: str,
    title: str,
    dataset: str,
    market: str,
    *,
    suffix: str = "csv",
    named_after: timedelta = timedelta(0),
    freshness_target: timedelta = timedelta(hours=36),
    settled_after: timedelta = timedelta(days=7),
) -> Feed:
    return Feed(
        iso="MISO", name=name, title=title, dataset=dataset, market=market, source=REPORTS,
        plan=partial(plan_days, name, suffix, named_after=named_after), cadence=_DAY,
        freshness_target=freshness_target, settled_after=settled_after, licence=_TERMS,
    )  # fmt: skip


def _newest(name: str, path: str, title: str, dataset: str, market: str, cadence: timedelta) -> Feed:
    span = max(timedelta(days=3) if "forecast" in name else timedelta(hours=1), cadence)
    return Feed(
        iso="MISO", name=name, title=title, dataset=dataset, market=market, source=PUBLIC_API,
        plan=partial(plan_newest, path, f"{name}.json", span), cadence=cadence,
        freshness_target=max(timedelta(minutes=10), 2 * cadence), settled_after=timedelta(days=365_000), licence=_TERMS,
    )  # fmt: skip


_FIVE_MINUTES = timedelta(minutes=5)
_HOUR = timedelta(hours=1)

FEEDS: tuple[Feed, ...] = (
    _report("da_expost_lmp", "day-ahead LMPs, ex-post", "prices", "DA", freshness_target=timedelta(hours=26)),
    _report("da_exante_lmp", "day-ahead LMPs, ex-ante", "prices", "DA", freshness_target=timedelta(hours=26)),
    _report(
        "rt_lmp_prelim", "real-time hourly LMPs, preliminary", "prices", "RTH", settled_after=_PRELIMINARY_KEPT
    ),
    _report("rt_lmp_final", "real-time hourly LMPs, final", "prices", "RTH", freshness_target=timedelta(days=6)),
    Feed(
        iso="MISO", name="5min_lmp", title="real-time five-minute LMPs, final", dataset="prices", market="RT5",
        source=REPORTS, plan=plan_weeks, cadence=_WEEK, freshness_target=timedelta(days=22),
        settled_after=timedelta(days=21), licence=_TERMS,
    ),
    _report("asm_expost_damcp", "day-ahead ancillary prices, ex-post", "ancillary", "DA"),
    _report("asm_exante_damcp", "day-ahead ancillary prices, ex-ante", "ancillary", "DA"),
    _report(
        "asm_rtmcp_prelim", "real-time ancillary prices, preliminary", "ancillary", "RTH",
        settled_after=_PRELIMINARY_KEPT,
    ),
    _report(
        "asm_rtmcp_final", "real-time ancillary prices, final", "ancillary", "RTH",
        freshness_target=timedelta(days=6),
    ),
    _report("df_al", "forecast and actual load by zone", "fundamentals", "", suffix="xls", named_after=_DAY),
    _report("sr_gfm", "generation by fuel and region", "fundamentals", "", suffix="xlsx", named_after=_DAY),
    _newest(
        "rt_five_min_lmp", "MarketPricing/GetLmpConsolidatedTable", "real-time five-minute LMPs, preliminary",
        "prices", "RT5", _FIVE_MINUTES,
    ),
    _newest("fuel_mix", "FuelMix", "generation by fuel", "fundamentals", "", _FIVE_MINUTES),
    _newest("total_load", "RealTimeTotalLoad", "load", "fundamentals", "", _FIVE_MINUTES),
    _newest("wind_forecast", "WindSolar/getwindforecast", "wind forecast", "fundamentals", "", _HOUR),
    _newest("solar_forecast", "WindSolar/getsolarforecast", "solar forecast", "fundamentals", "", _HOUR),
)  # fmt: skip


def _refuse_aged(report: str, first: date, now_utc: datetime) -> None:
    today = _market_day(now_utc)
    oldest = today - _PRELIMINARY_KEPT if report.endswith("prelim") else date(today.year - _YEARS_KEPT, 1, 1)
    if first < oldest:
        raise AgedOut(f"MISO serves {report} from {oldest:%Y-%m-%d} on, not of {first:%Y-%m-%d}")


def _market_day(moment_utc: datetime) -> date:
    return (moment_utc.astimezone(UTC) - timedelta(seconds=5 * HOUR_S)).date()


def _midnight(day: date) -> datetime:
    return datetime.fromtimestamp(midnight_second(day), UTC)


def _days(first: date, last: date) -> Sequence[date]:
    return [first + _DAY * number for number in range((last - first).days + 1)]
