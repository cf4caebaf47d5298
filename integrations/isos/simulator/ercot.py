"""ERCOT's settlement point prices (NP4-190 day-ahead, NP6-905 real time) and SCED prices (NP6-788), as on MIS.

Each document is a zip of one CSV, named by report number, time of publication and what it holds. Times are Central
prevailing. In the repeated hour of autumn the second pass carries a Y flag in the rows and `xhr` in the names; spring
has no third hour. The day-ahead and SCED files name a load zone once, the real-time one twice, under two types.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow.compute as pc

from integrations.isos.simulator.files import SimulatedFile, zipped
from integrations.isos.simulator.intervals import MARKET_ZONES, Intervals, market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket
from integrations.isos.simulator.noise import stream_key, uniforms
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.texts import decimals, repeated, rows

CENTRAL = MARKET_ZONES["ERCOT"]
DAY_AHEAD_AT = time(12, 31, 29, 814_000)
AFTER_QUARTER = timedelta(seconds=126, milliseconds=412)
AFTER_RUN = timedelta(seconds=6, milliseconds=269)
DAY_AHEAD_HEADER = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"
REAL_TIME_HEADER = (
    "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag"
)
SCED_HEADER = "SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP"

_ENERGY_WEIGHTED = {"LZEW", "LZ_DCEW"}
# Every so often a run comes just before its five-minute mark instead of after it; never the first of a day.
_EARLY_EVERY, _EARLY_AT, _EARLY_S = 48, 36, -5


def day_ahead_spp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """NP4-190 for one operating day: hours ending 01:00 to 24:00, out at noon of the day before."""
    block = market.prices("DA", market_days("ERCOT", day, day, minutes=60)).only(named_once)
    published_at = datetime.combine(day - timedelta(days=1), DAY_AHEAD_AT)
    content = day_ahead_csv(DAY_AHEAD_HEADER, [place.node for place in block.places], block)
    return document(12331, "DAMSPNP4190", published_at, content)


def real_time_spp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """NP6-905 for one operating day: one document for each 15 minutes, all in one zip under a folder of the day."""
    documents = _real_time_spp_documents(market, day)
    return zipped(f"NP6-905-CD_{day:%Y%m%d}.zip", documents, folder=f"{day:%Y%m%d}/")


def sced_lmp(market: SimulatedMarket, day: date) -> SimulatedFile:
    """NP6-788 for one operating day: one document for each run of SCED, all in one zip under a folder of the day."""
    return zipped(f"NP6-788-CD_{day:%Y%m%d}.zip", _sced_documents(market, day), folder=f"{day:%Y%m%d}/")


def sced_runs(seed: int, day: date) -> Intervals:
    """The runs of a day: each from its own stamp, seconds off a five-minute mark, to five minutes past that mark."""
    marks = market_days("ERCOT", day, day, minutes=5)
    key = stream_key(seed, "ERCOT/sced delay")
    luck = uniforms(key, int(marks.start_s[0]) // 300, len(marks), per_day=288)
    delay_s = 13 + np.floor(luck * 12).astype(np.int64)
    delay_s[_EARLY_AT::_EARLY_EVERY] = _EARLY_S
    return Intervals(5, marks.start_s + delay_s, marks.end_s)


def day_ahead_csv(header: str, names: Sequence[str], block: PriceBlock) -> bytes:
    """Hours of a day, each with the prices of all places under these names."""
    starts = block.intervals.starts_in(CENTRAL)
    before = [f"{start:%m/%d/%Y},{start.hour + 1:02d}:00," for start in starts]
    after = [f",{flag_of(start)}\n" for start in starts]
    hour = np.repeat(np.arange(len(starts)), len(names))
    place = np.tile(np.arange(len(names)), len(starts))
    prices = decimals(block.lmp.ravel(), 2, trimmed=True)
    named = [f"{name}, " for name in names]
    return _csv(header, rows(repeated(before, hour), repeated(named, place), prices, repeated(after, hour)))


def real_time_csv(block: PriceBlock) -> bytes:
    """The prices of one quarter of an hour."""
    (start,) = block.intervals.starts_in(CENTRAL)
    when = f"{start:%m/%d/%Y},{start.hour + 1},{start.minute // 15 + 1},"
    named = [f"{place.node},{place.node_type}," for place in block.places]
    prices = decimals(block.lmp.ravel(), 2, trimmed=True)
    return _csv(REAL_TIME_HEADER, rows(when, repeated(named, np.arange(len(named))), prices, f",{flag_of(start)}\n"))


def sced_csv(header: str, names: Sequence[str], block: PriceBlock) -> bytes:
    """The prices of one run of SCED under these names."""
    (stamp,) = block.intervals.starts_in(CENTRAL)
    when = f"{stamp:%m/%d/%Y %H:%M:%S},{flag_of(stamp)},"
    named = [f"{name}," for name in names]
    prices = pc.utf8_lpad(decimals(block.lmp.ravel(), 2), 12)
    return _csv(header, rows(when, repeated(named, np.arange(len(named))), prices, "\n"))


def document(report: int, content_name: str, published_at: datetime, content: bytes) -> SimulatedFile:
    """A zip as MIS names it; the CSV in it goes without milliseconds. The clock is Central."""
    csv = f"cdr.{report:08d}.0000000000000000.{published_at:%Y%m%d.%H%M%S}.{content_name}.csv"
    name = zip_name("cdr", report, f"{content_name}_csv", published_at)
    return zipped(name, [SimulatedFile(csv, content, published_at)])


def zip_name(prefix: str, report: int, content_name: str, published_at: datetime) -> str:
    """The name of a document, with milliseconds."""
    stamp = f"{published_at:%Y%m%d.%H%M%S}{published_at.microsecond // 1000:03d}"
    return f"{prefix}.{report:08d}.0000000000000000.{stamp}.{content_name}.zip"


def named_once(place: Place) -> bool:
    """Whether a place is in the files that state no type."""
    return place.node_type not in _ENERGY_WEIGHTED


def later(moment: datetime, wait: timedelta) -> datetime:
    """`wait` of real time later: adding to a local clock would run past the hour that summer time skips or repeats."""
    return (moment.astimezone(UTC) + wait).astimezone(CENTRAL)


def flag_of(moment: datetime) -> str:
    """Y in the second pass of the repeated hour."""
    return "Y" if moment.fold else "N"


def xhr(moment: datetime) -> str:
    """What the name of a document says of a moment in the second pass of the repeated hour."""
    return "_xhr" if moment.fold else ""


def _real_time_spp_documents(market: SimulatedMarket, day: date) -> Iterator[SimulatedFile]:
    block = market.prices("RT15", market_days("ERCOT", day, day, minutes=15))
    for at, end in enumerate(block.intervals.ends_in(CENTRAL)):
        content = real_time_csv(block.during(slice(at, at + 1)))
        yield document(12301, f"SPPHLZNP6905_{end:%Y%m%d_%H%M}{xhr(end)}", later(end, AFTER_QUARTER), content)


def _sced_documents(market: SimulatedMarket, day: date) -> Iterator[SimulatedFile]:
    block = market.prices("RT5", sced_runs(market.seed, day)).only(named_once)
    names = [place.node for place in block.places]
    for at, stamp in enumerate(block.intervals.starts_in(CENTRAL)):
        content = sced_csv(SCED_HEADER, names, block.during(slice(at, at + 1)))
        yield document(12300, f"LMPSROSNODENP6788_{stamp:%Y%m%d_%H%M%S}{xhr(stamp)}", later(stamp, AFTER_RUN), content)


def _csv(header: str, text: bytes) -> bytes:
    return header.encode() + b"\n" + text
