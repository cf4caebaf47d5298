"""ERCOT's settlement point prices (NP4-190 day-ahead, NP6-905 real time) and SCED prices (NP6-788), as on MIS.

Each document is a zip of one CSV, named by report number, time of publication and what it holds. Times are Central
prevailing. In the repeated hour of autumn the second pass carries a Y flag in the rows and `xhr` in the names; spring
has no third hour. The day-ahead and SCED files name a load zone once, the real-time one twice, under two types.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from integrations.isos.simulator.files import SimulatedFile, fixed, trimmed, zipped
from integrations.isos.simulator.intervals import MARKET_ZONES, Intervals, market_days
from integrations.isos.simulator.market import SimulatedMarket
from integrations.isos.simulator.noise import stream_key, uniforms
from integrations.isos.simulator.places import Place

_ZONE = MARKET_ZONES["ERCOT"]
_ENERGY_WEIGHTED = {"LZEW", "LZ_DCEW"}
# Every so often a run comes just before its five-minute mark instead of after it; never the first of a day.
_EARLY_EVERY, _EARLY_AT, _EARLY_S = 48, 36, -5


def day_ahead_spp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """NP4-190 for one operating day: hours ending 01:00 to 24:00, out at noon of the day before."""
    intervals = market_days("ERCOT", day, day, minutes=60)
    block = market.prices("DA", intervals).only(_named_once)
    names = [place.node for place in block.places]
    lines = ["DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"]
    for start, prices in zip(intervals.starts_in(_ZONE), block.lmp.tolist(), strict=True):
        when, flag = f"{day:%m/%d/%Y},{start.hour + 1:02d}:00", _flag(start)
        lines += [f"{when},{name}, {trimmed(price, 2)},{flag}" for name, price in zip(names, prices, strict=True)]
    published_at = datetime.combine(day - timedelta(days=1), time(12, 31, 29, 814_000))
    return _document(12331, "DAMSPNP4190", published_at, lines)


def real_time_spp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """NP6-905 for one operating day: one document for each 15 minutes, all in one zip under a folder of the day."""
    documents = _real_time_spp_documents(market, day)
    return zipped(f"NP6-905-CD_{day:%Y%m%d}.zip", documents, folder=f"{day:%Y%m%d}/")


def sced_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """NP6-788 for one operating day: one document for each run of SCED, all in one zip under a folder of the day."""
    return zipped(f"NP6-788-CD_{day:%Y%m%d}.zip", _sced_documents(market, day), folder=f"{day:%Y%m%d}/")


def sced_runs(market: SimulatedMarket, day: date) -> Intervals:
    """The runs of a day: each from its own stamp, seconds off a five-minute mark, to five minutes past that mark."""
    marks = market_days("ERCOT", day, day, minutes=5)
    key = stream_key(market.seed, "ERCOT/sced delay")
    luck = uniforms(key, int(marks.start_s[0]) // 300, len(marks), per_day=288)
    delay_s = 13 + np.floor(luck * 12).astype(np.int64)
    delay_s[_EARLY_AT::_EARLY_EVERY] = _EARLY_S
    return Intervals(5, marks.start_s + delay_s, marks.end_s)


def _real_time_spp_documents(market: SimulatedMarket, day: date) -> Iterator[SimulatedFile]:
    intervals = market_days("ERCOT", day, day, minutes=15)
    block = market.prices("RT15", intervals)
    names = [f"{place.node},{place.node_type}" for place in block.places]
    header = (
        "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,"
        "SettlementPointPrice,DSTFlag"
    )
    clocks = zip(intervals.starts_in(_ZONE), intervals.ends_in(_ZONE), block.lmp.tolist(), strict=True)
    for start, end, prices in clocks:
        when, flag = f"{day:%m/%d/%Y},{start.hour + 1},{start.minute // 15 + 1}", _flag(start)
        rows = [f"{when},{name},{trimmed(price, 2)},{flag}" for name, price in zip(names, prices, strict=True)]
        # The name says when the interval ended, so its xhr goes by the end and not, as the flag does, by the start.
        content_name = f"SPPHLZNP6905_{end:%Y%m%d_%H%M}{_xhr(end)}"
        yield _document(12301, content_name, _later(end, timedelta(seconds=126, milliseconds=412)), [header, *rows])


def _sced_documents(market: SimulatedMarket, day: date) -> Iterator[SimulatedFile]:
    runs = sced_runs(market, day)
    block = market.prices("RT5", runs).only(_named_once)
    names = [place.node for place in block.places]
    for stamp, prices in zip(runs.starts_in(_ZONE), block.lmp.tolist(), strict=True):
        when = f"{stamp:%m/%d/%Y %H:%M:%S},{_flag(stamp)}"
        rows = [f"{when},{name},{fixed(price, 2):>12}" for name, price in zip(names, prices, strict=True)]
        content_name = f"LMPSROSNODENP6788_{stamp:%Y%m%d_%H%M%S}{_xhr(stamp)}"
        published_at = _later(stamp, timedelta(seconds=6, milliseconds=269))
        yield _document(
            12300, content_name, published_at, ["SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP", *rows]
        )


def _document(report: int, content_name: str, published_at: datetime, lines: list[str]) -> SimulatedFile:
    """A zip as MIS names it, with milliseconds; the CSV in it goes without them."""
    prefix = f"cdr.{report:08d}.0000000000000000.{published_at:%Y%m%d.%H%M%S}"
    content = ("\n".join(lines) + "\n").encode("ascii")
    csv = SimulatedFile(f"{prefix}.{content_name}.csv", content, published_at)
    return zipped(f"{prefix}{published_at.microsecond // 1000:03d}.{content_name}_csv.zip", [csv])


def _named_once(place: Place) -> bool:
    return place.node_type not in _ENERGY_WEIGHTED


def _later(moment: datetime, wait: timedelta) -> datetime:
    """`wait` of real time later: adding to a local clock would run past the hour that summer time skips or repeats."""
    return (moment.astimezone(UTC) + wait).astimezone(_ZONE)


def _flag(moment: datetime) -> str:
    return "Y" if moment.fold else "N"


def _xhr(moment: datetime) -> str:
    return "_xhr" if moment.fold else ""
