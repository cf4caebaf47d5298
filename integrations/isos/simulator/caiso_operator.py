"""CAISO's OASIS and Today's Outlook as they answer, from a simulated market.

Played are all feeds of `integrations.isos.caiso.feeds`. OASIS answers every query with status 200: with a zip of one
CSV, or of `INVALID_REQUEST.xml` where it has no data (code 1000; also for what it does not know, which is our choice)
or is asked for more than it gives at once (code 1004). All nodes are given for one trade day day-ahead and for one hour
otherwise, anything else for 31 days. Single queries reach back 39 months, group zips for ever.

An interval is there once it is published: day-ahead at 13:00 Pacific on the day before, hour-ahead 45 minutes before
its hour, a quarter of an hour ten minutes before it begins, five minutes one minute after they end, load an hour after
its hour. Real-time prices are checked on the third day after their trade day and restated where they were off.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from integrations.isos.caiso.feeds import LONGEST_QUERY, OASIS, OUTLOOK, RETENTION
from integrations.isos.simulator import caiso_outlook, caiso_reports
from integrations.isos.simulator.caiso import PACIFIC, WITH_GHG, LmpReport, lmp_csv
from integrations.isos.simulator.files import SimulatedFile, zipped
from integrations.isos.simulator.grid_market import GridMarket, Run
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.market import PriceBlock, joined
from integrations.isos.simulator.operator import Answer

Seconds = NDArray[np.int64]

_ZIP, _CSV = "application/x-zip-compressed", "text/csv"
_FAST: Final = 1  # compresses seven times faster than usual, to half as much again
_HOUR_S: Final = 3600
_CHECKED_AFTER: Final = timedelta(days=3, hours=10)
_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?><m:OASISReport xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd">'
    "<m:MessagePayload><m:RTO><m:name>CAISO</m:name><m:ERROR><m:ERR_CODE>{}</m:ERR_CODE>"
    "<m:ERR_DESC>{}</m:ERR_DESC></m:ERROR></m:RTO></m:MessagePayload></m:OASISReport>"
)
_NO_DATA = (1000, "No data returned for the specified selection")
_TOO_LONG = (1004, "Data can be requested for period of 31 days only")
_TOO_MUCH = (1004, "Data of all nodes can be requested for period of one trade day or one hour only")


def _day_before(intervals: Intervals) -> Seconds:
    """13:00 Pacific on the day before each interval's trade day."""
    days = [start.date() for start in intervals.starts_in(PACIFIC)]
    noon = {day: _pacific_s(day - timedelta(days=1), time(13)) for day in set(days)}
    return np.array([noon[day] for day in days], dtype=np.int64)


def _before_the_hour(intervals: Intervals) -> Seconds:
    return intervals.start_s // _HOUR_S * _HOUR_S - 2700


def _before_the_quarter(intervals: Intervals) -> Seconds:
    return intervals.start_s - 600


def _after_the_end(intervals: Intervals) -> Seconds:
    return intervals.end_s + 60


def _hour_after_the_end(intervals: Intervals) -> Seconds:
    return intervals.end_s + _HOUR_S


def _always(intervals: Intervals) -> Seconds:
    """When the nodes of the atlas came into force."""
    return np.full(len(intervals), _pacific_s(date(2009, 4, 1), time()))


@dataclass(frozen=True)
class _Lmps:
    """A report of prices, the run of the market that it is of, and the group that has all of it."""

    report: LmpReport
    run: Run
    group: str
    published: Callable[[Intervals], Seconds]

    @property
    def is_day_ahead(self) -> bool:
        return self.run == "DA"


@dataclass(frozen=True)
class _Other:
    """A report by the hour that is no price of energy; `version` and `run` as it is asked for."""

    query: str
    version: int
    run: str
    write: Callable[[GridMarket, Intervals], bytes]
    published: Callable[[Intervals], Seconds]


_LMPS: Final = (
    _Lmps(LmpReport("PRC_LMP", 12, "DAM", 60, "MW", WITH_GHG), "DA", "DAM_LMP_GRP", _day_before),
    _Lmps(LmpReport("PRC_HASP_LMP", 3, "HASP", 15, "MW", WITH_GHG), "HASP", "HASP_LMP_GRP", _before_the_hour),
    _Lmps(LmpReport("PRC_RTPD_LMP", 3, "RTPD", 15, "PRC", WITH_GHG), "RT15", "RTPD_LMP_GRP", _before_the_quarter),
    _Lmps(LmpReport("PRC_INTVL_LMP", 3, "RTM", 5, "VALUE", WITH_GHG), "RT5", "RTM_LMP_GRP", _after_the_end),
)
_OTHERS: Final = (
    _Other("PRC_AS", 12, "DAM", caiso_reports.ancillary_prices, _day_before),
    _Other("SLD_FCST", 1, "DAM", caiso_reports.load_forecast, _day_before),
    _Other("SLD_FCST", 1, "ACTUAL", caiso_reports.load, _hour_after_the_end),
    _Other("SLD_REN_FCST", 1, "DAM", caiso_reports.renewable_forecast, _day_before),
    _Other("ENE_SLRS", 1, "DAM", caiso_reports.schedules, _day_before),
    _Other("ATL_PNODE", 1, "", caiso_reports.nodes, _always),
)


@dataclass(frozen=True)
class CaisoOperator:
    """CAISO's public endpoints over a market."""

    market: GridMarket

    @property
    def sources(self) -> tuple[str, ...]:
        return (OASIS.name, OUTLOOK.name)

    def answer(self, source: str, path: str, params: Mapping[str, str], now_utc: datetime) -> Answer | None:
        """See `operator.Operator`."""
        if source == OUTLOOK.name:
            return self._outlook(path, now_utc)
        if source == OASIS.name and path in ("SingleZip", "GroupZip"):
            try:
                found = self._single(params, now_utc) if path == "SingleZip" else self._group(params, now_utc)
            except _RefusedError as error:
                return _refusal(error, now_utc)
            return found
        return None

    def _single(self, params: Mapping[str, str], now_utc: datetime) -> Answer:
        start, end = _moment(params, "startdatetime"), _moment(params, "enddatetime")
        asked = (params.get("queryname"), params.get("version"), params.get("market_run_id", ""))
        if end - start > LONGEST_QUERY + timedelta(hours=1):  # 31 days of autumn have an hour more
            raise _RefusedError(*_TOO_LONG)
        for lmps in _LMPS:
            if asked == (lmps.report.query, str(lmps.report.version), lmps.report.run):
                return self._single_lmps(lmps, params, start, end, now_utc)
        for other in _OTHERS:
            if asked == (other.query, str(other.version), other.run):
                intervals, published_utc = _published(other.published, 60, start, end, now_utc)
                name = _name(start, end, f"{other.query}_{other.run or 'N'}", published_utc, other.version)
                return _zip(name, {name: other.write(self.market, intervals)}, published_utc)
        raise _RefusedError(*_NO_DATA)

    def _single_lmps(
        self, lmps: _Lmps, params: Mapping[str, str], start: datetime, end: datetime, now_utc: datetime
    ) -> Answer:
        report, nodes = lmps.report, frozenset(params.get("node", "").split(",")) - {""}
        longest = timedelta(hours=25 if lmps.is_day_ahead else 1)
        if not nodes and (params.get("grp_type") != "ALL" or end - start > longest):
            raise _RefusedError(*_TOO_MUCH)
        if end < now_utc - RETENTION:
            raise _RefusedError(*_NO_DATA)
        block, published_utc = self._block(lmps, start, end, now_utc)
        if nodes:
            block = block.only(lambda place: place.node in nodes)
        if not block.places:
            raise _RefusedError(*_NO_DATA)
        name = _name(start, end, f"{report.query}_{report.run}", published_utc, report.version)
        return _zip(name, {name: lmp_csv(report, block, report.kinds)}, published_utc)

    def _group(self, params: Mapping[str, str], now_utc: datetime) -> Answer:
        """A trade day or an operating hour of all nodes, a member of the zip for each kind of row."""
        start = _moment(params, "startdatetime")
        for lmps in _LMPS:
            if params.get("groupid") == lmps.group:
                report, day = lmps.report, start.astimezone(PACIFIC).date()
                end = _midnight(day + timedelta(days=1)) if lmps.is_day_ahead else start + timedelta(hours=1)
                block, published_utc = self._block(lmps, start, end, now_utc)
                members = {
                    f"{day:%Y%m%d}_{day:%Y%m%d}_{report.query}_{report.run}_{kind}_v{report.version}": lmp_csv(
                        report, block, (kind,)
                    )
                    for kind in report.kinds
                }
                return _zip(f"{day:%Y%m%d}_{day:%Y%m%d}_{lmps.group}_N_N_v12_csv", members, published_utc)
        raise _RefusedError(*_NO_DATA)

    def _block(self, lmps: _Lmps, start: datetime, end: datetime, now_utc: datetime) -> tuple[PriceBlock, datetime]:
        """What is published of the stretch, of trade days that were checked already as it was restated."""
        intervals, published_utc = _published(lmps.published, lmps.report.minutes, start, end, now_utc)
        if lmps.is_day_ahead:  # the energy imbalance market knows no day ahead
            return self.market.prices("DA", intervals).only(lambda place: place.role != "outside"), published_utc
        days = [begin.date() for begin in intervals.starts_in(PACIFIC)]
        checked_utc = [_midnight(day) + _CHECKED_AFTER for day in days]
        checked = sum(moment <= now_utc for moment in checked_utc)
        parts = [(intervals[:checked], False), (intervals[checked:], True)]
        block = joined([self.market.prices(lmps.run, part, is_draft=draft) for part, draft in parts if len(part)])
        return block, max([published_utc, *checked_utc[:checked][-1:]])

    def _outlook(self, path: str, now_utc: datetime) -> Answer | None:
        match path.split("/"):
            case ["history", day_text, report] if report.removesuffix(".csv") in caiso_outlook.REPORTS:
                day = _day(day_text)
            case _:
                return None
        if day is None:
            return None
        slots = market_days("CAISO", day, day, minutes=5)
        passed = slots[: int((_after_the_end(slots) <= now_utc.timestamp()).sum())]
        if not len(passed):
            return None
        content = caiso_outlook.REPORTS[report.removesuffix(".csv")](self.market, passed)
        return Answer(content, _utc(int(_after_the_end(passed)[-1])), _CSV)


class _RefusedError(Exception):
    """What OASIS answers with status 200 instead of data."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def _refusal(error: _RefusedError, now_utc: datetime) -> Answer:
    content = _ERROR.format(error.code, error.text).encode()
    file = SimulatedFile("INVALID_REQUEST.xml", content, datetime(1980, 1, 1))  # no stamp, so always the same bytes
    return Answer(zipped("x.zip", [file]).content, now_utc, _ZIP)


def _published(
    published: Callable[[Intervals], Seconds], minutes: int, start: datetime, end: datetime, now_utc: datetime
) -> tuple[Intervals, datetime]:
    """The intervals of a stretch that are published, and when the last of them was. Raises _RefusedError for none."""
    step_s = minutes * 60
    start_s = np.arange(-(-int(start.timestamp()) // step_s) * step_s, int(end.timestamp()), step_s, dtype=np.int64)
    intervals = Intervals(minutes, start_s, start_s + step_s)
    since = published(intervals)
    passed = int((since <= now_utc.timestamp()).sum())
    if not passed:
        raise _RefusedError(*_NO_DATA)
    return intervals[:passed], _utc(int(since[passed - 1]))


def _name(start: datetime, end: datetime, report: str, published_utc: datetime, version: int) -> str:
    first, last, asked = (moment.astimezone(PACIFIC) for moment in (start, end, published_utc))
    return f"{first:%Y%m%d}_{last:%Y%m%d}_{report}_{asked:%Y%m%d_%H_%M_%S}_v{version}"


def _zip(name: str, members: Mapping[str, bytes], published_utc: datetime) -> Answer:
    clock = published_utc.astimezone(PACIFIC)
    files = [SimulatedFile(f"{member}.csv", content, clock) for member, content in members.items()]
    return Answer(zipped(f"{name}.zip", files, level=_FAST).content, published_utc, _ZIP)


def _moment(params: Mapping[str, str], name: str) -> datetime:
    """As in 20240418T07:00-0000."""
    try:
        return datetime.strptime(params.get(name, ""), "%Y%m%dT%H:%M%z").astimezone(UTC)
    except ValueError:
        raise _RefusedError(*_NO_DATA) from None


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return _utc(_pacific_s(day, time()))


def _pacific_s(day: date, clock: time) -> int:
    return int(datetime.combine(day, clock, PACIFIC).timestamp())


def _utc(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
