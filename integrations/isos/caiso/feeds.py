"""CAISO's feeds: OASIS by query or by group, and Today's Outlook.

OASIS takes one request each five seconds, answers 429 with a page of its policy on more, and keeps prices of single
nodes for some 39 months. A query of all nodes may span a trade day (day-ahead) or an hour (real-time), one of other
reports 31 days. What is older is served as group zips: a trade day at once day-ahead, an operating hour in real time.
"""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

from integrations.isos.caiso.lmps import PACIFIC
from integrations.isos.feeds import Feed, Request, Source

OASIS = Source("caiso-oasis", "https://oasis.caiso.com/oasisapi", seconds_between_requests=5.0)
OUTLOOK = Source("caiso-outlook", "https://www.caiso.com/outlook", seconds_between_requests=1.0)

LONGEST_QUERY = timedelta(days=31)
RETENTION = timedelta(days=39 * 30)

_LARGEST_ERROR_BYTES = 10_000
_NO_DATA = re.compile(rb"ERR_CODE>\s*1000\s*<")
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_TERMS = "public; CAISO's OASIS terms of use"

Split = Callable[[datetime, datetime], Sequence[tuple[datetime, datetime]]]


def trade_days(start_utc: datetime, end_utc: datetime) -> Sequence[tuple[datetime, datetime]]:
    """The Pacific days that a stretch touches: 23, 24 or 25 hours each."""
    day, last = _pacific(start_utc), _pacific(end_utc - timedelta(microseconds=1))
    found = []
    while day <= last:
        found.append((_midnight(day), _midnight(day + _DAY)))
        day += _DAY
    return found


def hours(start_utc: datetime, end_utc: datetime) -> Sequence[tuple[datetime, datetime]]:
    """The hours that a stretch touches."""
    hour = start_utc.replace(minute=0, second=0, microsecond=0)
    found = []
    while hour < end_utc:
        found.append((hour, hour + _HOUR))
        hour += _HOUR
    return found


def spans(start_utc: datetime, end_utc: datetime) -> Sequence[tuple[datetime, datetime]]:
    """Runs of at most 31 trade days."""
    days = trade_days(start_utc, end_utc)
    runs = [days[i : i + LONGEST_QUERY.days] for i in range(0, len(days), LONGEST_QUERY.days)]
    return [(run[0][0], run[-1][1]) for run in runs]


def plan_query(
    query: str,
    version: int,
    run: str,
    split: Split,
    group: str,
    start_utc: datetime,
    end_utc: datetime,
    now_utc: datetime,
) -> Sequence[Request]:
    """SingleZip requests, or GroupZip ones (where there is a `group`) for what OASIS no longer serves singly."""
    requests = []
    for start, end in split(start_utc, end_utc):
        aged = bool(group) and end < now_utc - RETENTION
        requests.append(_group(group, start, end) if aged else _single(query, version, run, start, end, bool(group)))
    return requests


def plan_outlook(report: str, start_utc: datetime, end_utc: datetime, now_utc: datetime) -> Sequence[Request]:
    """One file a Pacific day; the day stands in the address, and so in the name that we give the file."""
    del now_utc
    return [
        Request(f"history/{_pacific(start):%Y%m%d}/{report}.csv", f"{_pacific(start):%Y%m%d}_{report}.csv", start, end)
        for start, end in trade_days(start_utc, end_utc)
    ]


def _single(query: str, version: int, run: str, start: datetime, end: datetime, all_nodes: bool) -> Request:
    params = {
        "queryname": query, "version": str(version), "startdatetime": _stamp(start), "enddatetime": _stamp(end),
        "resultformat": "6",
    } | ({"market_run_id": run} if run else {}) | ({"grp_type": "ALL"} if all_nodes else {})  # fmt: skip
    name = f"{start:%Y%m%d%H}_{end:%Y%m%d%H}_{query}_{run or 'N'}_v{version}.zip"
    return Request("SingleZip", name, start, end, params=params)


def _group(group: str, start: datetime, end: datetime) -> Request:
    params = {"groupid": group, "startdatetime": _stamp(start), "version": "12", "resultformat": "6"}
    return Request("GroupZip", f"{start:%Y%m%d%H}_{group}_csv.zip", start, end, params=params)


def has_no_data(content: bytes) -> bool:
    """Whether OASIS answers that it has no data (ERR_CODE 1000): a zip of an XML of that name, with status 200."""
    if len(content) > _LARGEST_ERROR_BYTES or not content.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as answer:
            (name,) = answer.namelist()
            return name.upper().startswith("INVALID_REQUEST") and _NO_DATA.search(answer.read(name)) is not None
    except (zipfile.BadZipFile, ValueError):
        return False


def _oasis(
    name: str, title: str, dataset: str, market: str, query: str, version: int, run: str, split: Split,
    *, group: str = "", cadence: timedelta, freshness_target: timedelta,
) -> Feed:  # fmt: skip
    return Feed(
        iso="CAISO", name=name, title=title, dataset=dataset, market=market, source=OASIS,
        plan=partial(plan_query, query, version, run, split, group), cadence=cadence,
        freshness_target=freshness_target, settled_after=timedelta(days=7), licence=_TERMS, is_empty=has_no_data,
    )  # fmt: skip


def _outlook(report: str, title: str) -> Feed:
    return Feed(
        iso="CAISO", name=f"outlook_{report}", title=title, dataset="fundamentals", market="", source=OUTLOOK,
        plan=partial(plan_outlook, report), cadence=timedelta(minutes=5), freshness_target=timedelta(minutes=15),
        settled_after=timedelta(days=2), licence=_TERMS,
    )  # fmt: skip


_FIVE, _QUARTER = timedelta(minutes=5), timedelta(minutes=15)

FEEDS: tuple[Feed, ...] = (
    _oasis(
        "prc_lmp", "day-ahead LMPs of all nodes", "prices", "DA", "PRC_LMP", 12, "DAM", trade_days,
        group="DAM_LMP_GRP", cadence=_DAY, freshness_target=timedelta(hours=26),
    ),
    _oasis(
        "prc_hasp_lmp", "hour-ahead LMPs of all nodes", "prices", "RT15", "PRC_HASP_LMP", 3, "HASP", hours,
        group="HASP_LMP_GRP", cadence=_HOUR, freshness_target=2 * _HOUR,
    ),
    _oasis(
        "prc_rtpd_lmp", "15-minute LMPs of all nodes", "prices", "RT15", "PRC_RTPD_LMP", 3, "RTPD", hours,
        group="RTPD_LMP_GRP", cadence=_QUARTER, freshness_target=_HOUR,
    ),
    _oasis(
        "prc_intvl_lmp", "five-minute LMPs of all nodes", "prices", "RT5", "PRC_INTVL_LMP", 3, "RTM", hours,
        group="RTM_LMP_GRP", cadence=_FIVE, freshness_target=_HOUR,
    ),
    _oasis(
        "prc_as", "day-ahead ancillary service prices", "ancillary", "DA", "PRC_AS", 12, "DAM", spans,
        cadence=_DAY, freshness_target=timedelta(hours=26),
    ),
    _oasis(
        "sld_fcst", "day-ahead load forecast", "fundamentals", "DA", "SLD_FCST", 1, "DAM", spans,
        cadence=_DAY, freshness_target=timedelta(hours=26),
    ),
    _oasis(
        "sld_fcst_actual", "load", "fundamentals", "", "SLD_FCST", 1, "ACTUAL", spans,
        cadence=_HOUR, freshness_target=3 * _HOUR,
    ),
    _oasis(
        "sld_ren_fcst", "day-ahead wind and solar forecast", "fundamentals", "DA", "SLD_REN_FCST", 1, "DAM", spans,
        cadence=_DAY, freshness_target=timedelta(hours=26),
    ),
    _oasis(
        "ene_slrs", "day-ahead schedules of load and resources", "fundamentals", "DA", "ENE_SLRS", 1, "DAM", spans,
        cadence=_DAY, freshness_target=timedelta(hours=26),
    ),
    _oasis(
        "atl_pnode", "pricing nodes", "places", "", "ATL_PNODE", 1, "", spans,
        cadence=timedelta(days=7), freshness_target=timedelta(days=14),
    ),
    _outlook("fuelsource", "generation by fuel"),
    _outlook("netdemand", "load, net demand and forecast"),
)  # fmt: skip


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H:%M}-0000"


def _pacific(moment_utc: datetime) -> date:
    return moment_utc.astimezone(PACIFIC).date()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PACIFIC).astimezone(UTC)
