"""ERCOT's reports on MIS: which documents there are of each, when they came out, and what they hold.

A document is told by its report and its key, the moment that what it holds begins at: an operating day, an hour, a
quarter of an hour, the mark of a run of SCED. Delays are those that others measured.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from integrations.isos.ercot.ordc import CO_OPTIMIZED_FROM
from integrations.isos.simulator import ercot, ercot_disclosures, ercot_fundamentals, ercot_histories, ercot_prices
from integrations.isos.simulator.ercot import CENTRAL, xhr
from integrations.isos.simulator.files import SimulatedFile, zipped
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals

_DAY_S, _HOUR_S, _QUARTER_S, _MARK_S = 86_400, 3600, 900, 300
_WEEK, _MONTH = timedelta(days=7), timedelta(days=31)

Write = Callable[[GridMarket, int], bytes | Mapping[str, bytes]]
"""The one CSV of a document, or its members by their names."""


@dataclass(frozen=True)
class Timing:
    """The keys of a report's documents, each `step_s` (days and weeks by the Central clock), and how long one is kept.

    `published(seed, key)` is by the Central clock, `named(seed, key)` what a document's name says of its key. It
    comes out at most `latest` after its key.
    """

    step_s: int
    kept: timedelta
    published: Callable[[int, int], datetime]
    named: Callable[[int, int], str]
    latest: timedelta = timedelta(days=2)

    def expires(self, seed: int, key: int) -> datetime:
        """When a document goes: at the end of the last day that it is kept."""
        last = self.published(seed, key).date() + self.kept
        return datetime.combine(last + timedelta(days=1), time(), CENTRAL)

    def keys(self, from_s: int, to_s: int) -> Iterator[int]:
        """The keys in [from_s, to_s)."""
        if self.step_s < _DAY_S:
            yield from range(-(-from_s // self.step_s) * self.step_s, to_s, self.step_s)
            return
        days = self.step_s // _DAY_S
        day = _clock(from_s).date()
        while (key := _second(day)) < to_s:
            # 1970-01-05, whose ordinal has the rest 1 by seven, was a Monday.
            if key >= from_s and (days == 1 or day.toordinal() % days == 1):
                yield key
            day += timedelta(days=1)


class Renewed(Timing):
    """Of documents of a year, of which the last one stays and each other goes when the next has come."""

    def expires(self, seed: int, key: int) -> datetime:
        following = _second(_clock(key).date() + timedelta(seconds=self.step_s))
        is_last = ercot_histories.year_of(following) > ercot_histories.year_of(key)
        return super().expires(seed, key) if is_last else self.published(seed, following)


@dataclass(frozen=True)
class Report:
    """A report: its number, how its documents and it itself are called, and what a document holds.

    `since` is the key of its first document; the names of documents begin with `prefix` and end with `suffix`.
    """

    number: int
    name: str
    title: str
    timing: Timing
    write: Write
    since: int = 0
    prefix: str = "cdr"
    suffix: str = "_csv"

    def document(self, market: GridMarket, key: int) -> SimulatedFile:
        """The document of a key, as a zip."""
        published, content = self.timing.published(market.seed, key), self.write(market, key)
        if isinstance(content, bytes):
            if self.number != SETTLEMENT_POINTS:
                return ercot.document(self.number, self.name + self.timing.named(market.seed, key), published, content)
            # Its CSV has a name of its own, which tells the day it holds from.
            content = {f"Settlement_Points_{published:%m%d%Y_%H%M%S}.csv": content}
        members = [SimulatedFile(name, part, published) for name, part in content.items()]
        return zipped(self.zip_name(market.seed, key), members)

    def zip_name(self, seed: int, key: int) -> str:
        """What the document of a key is called."""
        name = self.name + self.timing.named(seed, key) + self.suffix
        return ercot.zip_name(self.prefix, self.number, name, self.timing.published(seed, key))


SETTLEMENT_POINTS: Final = 10008


def _clock(second: int) -> datetime:
    return datetime.fromtimestamp(second, CENTRAL)


def _second(day: date, clock: time = time()) -> int:
    return int(datetime.combine(day, clock, CENTRAL).timestamp())


def _day_before(_: int, key: int) -> datetime:
    return datetime.combine(_clock(key).date() - timedelta(days=1), ercot.DAY_AHEAD_AT, CENTRAL)


def _day_after(_: int, key: int) -> datetime:
    return datetime.combine(_clock(key).date() + timedelta(days=1), time(5, 50, 12, 117_000), CENTRAL)


def _in_the_evening(_: int, key: int) -> datetime:
    return datetime.combine(_clock(key).date(), time(17, 46, 25, 380_000), CENTRAL)


def _after_quarter(_: int, key: int) -> datetime:
    return ercot.later(_clock(key + _QUARTER_S), ercot.AFTER_QUARTER)


def _after_run(seed: int, key: int) -> datetime:
    return ercot.later(_run_stamp(seed, key), ercot.AFTER_RUN)


def _half_past(_: int, key: int) -> datetime:
    return ercot.later(_clock(key), timedelta(minutes=30, milliseconds=233))


def _before_the_next_hour(_: int, key: int) -> datetime:
    return ercot.later(_clock(key), timedelta(minutes=55, seconds=9, milliseconds=732))


def _disclosed(_: int, key: int) -> datetime:
    day = _clock(key).date() + ercot_disclosures.DISCLOSED_AFTER
    return datetime.combine(day, time(3, 0, 14, 512_000), CENTRAL)


def _on_sunday(_: int, monday: int) -> datetime:
    return datetime.combine(_clock(monday).date() + timedelta(days=6), time(8, 7, 32, 945_000), CENTRAL)


def _without_key(seed: int, key: int) -> str:
    del seed, key
    return ""


def _by_quarter(_: int, key: int) -> str:
    end = _clock(key + _QUARTER_S)
    return f"_{end:%Y%m%d_%H%M}{xhr(end)}"


def _by_run(seed: int, key: int) -> str:
    stamp = _run_stamp(seed, key)
    return f"_{stamp:%Y%m%d_%H%M%S}{xhr(stamp)}"


def _by_year(_: int, key: int) -> str:
    return f"_{ercot_histories.year_of(key)}"


def _by_hour(_: int, key: int) -> str:
    return xhr(_clock(key))


@lru_cache(maxsize=32)
def _runs(seed: int, day: date) -> Intervals:
    return ercot.sced_runs(seed, day)


def _run_stamp(seed: int, key: int) -> datetime:
    day = _clock(key).date()
    return _clock(int(_runs(seed, day).start_s[(key - _second(day)) // _MARK_S]))


_CLEARED = Timing(_DAY_S, _MONTH, _day_before, _without_key)
_MEASURED = Timing(_DAY_S, _MONTH, _day_after, _without_key)
_QUARTERS = Timing(_QUARTER_S, _WEEK, _after_quarter, _by_quarter)
_RUNS = Timing(_MARK_S, timedelta(days=5), _after_run, _by_run)
_FORECASTS = Timing(_HOUR_S, _WEEK, _half_past, _by_hour)
_POWER = Timing(_HOUR_S, _WEEK, _before_the_next_hour, _by_hour)
_WEEKLY = Timing(7 * _DAY_S, _MONTH, _in_the_evening, _without_key)
_DISCLOSED = Timing(_DAY_S, timedelta(days=1462), _disclosed, _without_key, latest=timedelta(days=62))
_HISTORIES = Renewed(7 * _DAY_S, timedelta(days=1462), _on_sunday, _by_year, latest=timedelta(days=7))
_RTC = int(CO_OPTIMIZED_FROM.astimezone(UTC).timestamp())


def _history(number: int, name: str, title: str, write: Write) -> Report:
    return Report(number, name, title, _HISTORIES, write, prefix="rpt", suffix="")


REPORTS: Final = {
    report.number: report
    for report in (
        Report(12331, "DAMSPNP4190", "DAM Settlement Point Prices", _CLEARED, ercot_prices.day_ahead_spp),
        Report(12328, "DAMHRLMPNP4183", "DAM Hourly LMPs", _CLEARED, ercot_prices.day_ahead_bus_lmp),
        Report(12301, "SPPHLZNP6905", "Settlement Point Prices", _QUARTERS, ercot_prices.real_time_spp),
        Report(12300, "LMPSROSNODENP6788", "LMPs by Settlement Point", _RUNS, ercot_prices.sced_lmp),
        Report(11485, "LMPSELECTBUSNP6787", "LMPs by Electrical Bus", _RUNS, ercot_prices.sced_bus_lmp),
        Report(12329, "DAMCPCNP4188", "DAM Clearing Prices for Capacity", _CLEARED, ercot_prices.day_ahead_reserves),
        Report(24898, "RTMCPCNP6331", "RT Clearing Prices", _QUARTERS, ercot_prices.real_time_reserves, _RTC),
        Report(24891, "RTSCEDMCPCNP6332", "RT Clearing Prices by Run", _RUNS, ercot_prices.sced_reserves, _RTC),
        Report(13221, "RTSCEDpriceAdderNP6323", "Price Adders by SCED", _RUNS, ercot_prices.sced_adders),
        Report(13114, "SCEDSYSLAMBDANP6322", "SCED System Lambda", _RUNS, ercot_prices.system_lambda),
        Report(
            13101, "ACTUALSYSLOADWZNP6345", "Load by Weather Zone", _MEASURED,
            ercot_fundamentals.load_by_weather_zone,
        ),
        Report(14836, "ACTUALSYSLOADFZNP6346", "Load by Forecast Zone", _MEASURED, ercot_fundamentals.load_by_zone),
        Report(12340, "SYSWIDEDEMANDNP6235", "System-Wide Demand", _QUARTERS, ercot_fundamentals.system_demand),
        Report(
            12311, "LFCCONGESTNP3560", "Load Forecast by Zone", _FORECASTS, ercot_fundamentals.load_forecast_by_zone
        ),
        Report(
            14837, "LFCMODWEATHERNP3565", "Load Forecast by Model", _FORECASTS,
            ercot_fundamentals.load_forecast_by_model,
        ),
        Report(13028, "WPPHRLYAVGACTNP4732", "Wind Power Production", _POWER, ercot_fundamentals.wind_power),
        Report(13483, "PVGRHRLYAVGACTNP4737", "Solar Power Production", _POWER, ercot_fundamentals.solar_power),
        Report(
            SETTLEMENT_POINTS, "SPLISTNP4160", "Settlement Points List", _WEEKLY, ercot_fundamentals.settlement_points,
            prefix="rpt",
        ),
        Report(
            13052, "60_Day_SCED_Disclosure", "60-Day SCED Disclosure Reports", _DISCLOSED,
            ercot_disclosures.sced_members, prefix="ext", suffix="",
        ),
        Report(
            13051, "60_Day_DAM_Disclosure", "60-Day DAM Disclosure Reports", _DISCLOSED,
            ercot_disclosures.dam_members, prefix="ext", suffix="",
        ),
        _history(13060, "DAMLZHBSPP", "Historical DAM Load Zone and Hub Prices", ercot_histories.day_ahead_prices),
        _history(13061, "RTMLZHBSPP", "Historical RTM Load Zone and Hub Prices", ercot_histories.real_time_prices),
        _history(
            13091, "DAMASMCPC", "Historical DAM Clearing Prices for Capacity", ercot_histories.ancillary_prices
        ),
        _history(13231, "HIST_SCED_PRICE_ADDERS", "Historical Price Adders by SCED", ercot_histories.sced_adders),
        _history(13240, "HIST_RTM_PRICE_ADDERS", "Historical RTM Price Adders", ercot_histories.quarter_adders),
    )
}  # fmt: skip
