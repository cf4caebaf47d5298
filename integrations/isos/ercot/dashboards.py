"""ERCOT's dashboards (ercot.com, `dashboards/*.json`): what is newest of generation, storage, load and capacity, in MW.

Every stamp carries its offset, `2025-10-08 00:04:56-0500`, so that no hour is told from its twin by a flag. Stamps of
generation are telemetry off the five-minute marks, and hold like a run of the dispatch until five minutes past the
nearest one. Hours of demand are stamped with their end.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from integrations.isos.documents import Document
from integrations.isos.ercot.times import run_end
from integrations.isos.errors import unreadable
from integrations.isos.local_time import HOUR_S, YEARS
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication

_FIVE_MINUTES_S = 300
_FUEL_VALUES = {"gen": "generation", "hsl": "generation_available", "seasonalCapacity": "seasonal_capacity"}
_DEMAND_VALUES = {
    "systemLoad": ("load", ""),
    "currentLoadForecast": ("load_forecast", "current"),
    "dayAheadForecast": ("load_forecast", "day_ahead"),
    "currentDayHsl": ("available_capacity_forecast", "current"),
    "dayAheadHsl": ("available_capacity_forecast", "day_ahead"),
}
_STORAGE_VALUES = {
    "totalCharging": "battery_charging", "totalDischarging": "battery_discharging", "netOutput": "battery",
}  # fmt: skip
_DAYS = ("previousDay", "currentDay", "nextDay")


class _Rows:
    """Numbers of one answer, each with its labels and interval in seconds since 1970 UTC."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._seen: set[tuple[str, str, int]] = set()
        self._columns: dict[str, list[Any]] = {
            name: [] for name in ("series", "category", "interval_start_utc", "interval_end_utc", "value", "issued_at")
        }

    def add(
        self, series: str, category: str, start: int, end: int, value: Any, *, issued: datetime | None = None
    ) -> None:
        """A value that is null is left out. Raises UnreadablePublication for one that is no number or there twice."""
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e7:
            raise unreadable(self._document.name, f"{series} {category}: {value!r} is no power in MW")
        if (series, category, start) in self._seen:
            raise unreadable(self._document.name, f"{series} {category}: one interval is there twice")
        self._seen.add((series, category, start))
        for name, cell in zip(self._columns, (series, category, start, end, float(value), issued), strict=True):
            self._columns[name].append(cell)

    def publication(self, feed: str, published_at: datetime) -> ParsedPublication:
        columns: dict[str, Any] = dict(self._columns) | {"unit": ["MW"] * len(self._columns["value"])}
        for name in ("interval_start_utc", "interval_end_utc"):
            columns[name] = pa.array(columns[name], pa.int64()).cast(pa.timestamp("s", "UTC"))
        columns["value"] = pa.array(columns["value"], pa.float64())
        columns["issued_at"] = pa.array(columns["issued_at"], pa.timestamp("us", "UTC"))
        return series_publication(
            "fundamentals", series_rows("fundamentals", columns), iso="ERCOT", feed=feed, published_at=published_at,
            parser=f"ercot.dashboard_{feed}",
        )  # fmt: skip


def is_fuel_mix(found: Mapping[str, Any]) -> bool:
    return {"lastUpdated", "types", "data"} <= set(found) and isinstance(found["data"], dict)


def parse_fuel_mix(document: Document) -> ParsedPublication:
    """Series `generation`, and where given `generation_available` (HSL) and `seasonal_capacity`; category the fuel."""
    rows = _Rows(document)
    for day, stamps in document.json["data"].items():
        if not isinstance(stamps, dict):
            raise unreadable(document.name, f"data.{day} holds no stamps")
        for stamp, fuels in stamps.items():
            start = _second(document, stamp)
            end = int(run_end(np.array([start]))[0])
            for fuel, values in _mapping(document, stamp, fuels).items():
                category = fuel.strip().lower().replace(" ", "_")
                for key, value in _mapping(document, f"{stamp} {fuel}", values).items():
                    if key in _FUEL_VALUES:
                        rows.add(_FUEL_VALUES[key], category, start, end, value)
    return rows.publication("dashboard_fuel_mix", _updated(document))


def is_demand(found: Mapping[str, Any]) -> bool:
    return any({"hourEnding", "currentLoadForecast"} <= set(entry) for entry in _first_entries(found))


def parse_demand(document: Document) -> ParsedPublication:
    """Series `load`, `load_forecast` and `available_capacity_forecast` by hour, of yesterday to tomorrow."""
    rows, issued = _Rows(document), _updated(document)
    for number, entry in _entries(document):
        end = _stamp(document, number, entry)
        for key, (series, category) in _DEMAND_VALUES.items():
            is_forecast = series.endswith("forecast")
            rows.add(series, category, end - HOUR_S, end, entry.get(key), issued=issued if is_forecast else None)
    return rows.publication("dashboard_demand", issued)


def is_storage(found: Mapping[str, Any]) -> bool:
    return any({"totalCharging", "netOutput"} <= set(entry) for entry in _first_entries(found))


def parse_storage(document: Document) -> ParsedPublication:
    """Series `battery` (net output), `battery_charging` (negative) and `battery_discharging`, each five minutes."""
    rows = _Rows(document)
    for number, entry in _entries(document):
        start = _stamp(document, number, entry)
        for key, series in _STORAGE_VALUES.items():
            rows.add(series, "", start, start + _FIVE_MINUTES_S, entry.get(key))
    return rows.publication("dashboard_storage", _updated(document))


def is_supply(found: Mapping[str, Any]) -> bool:
    entries = found.get("data")
    first = entries[0] if isinstance(entries, list) and entries else None
    return isinstance(first, dict) and {"demand", "capacity", "timestamp"} <= set(first)


def parse_supply(document: Document) -> ParsedPublication:
    """Series `load` and `committed_capacity`, or their forecasts, each five minutes of today."""
    rows, issued = _Rows(document), _updated(document)
    for number, entry in enumerate(document.json["data"], start=1):
        start = _stamp(document, number, entry)
        is_forecast = entry.get("forecast", 0)
        if is_forecast not in (0, 1):
            raise unreadable(document.name, f"entry {number}: forecast is {is_forecast!r}, and neither 0 nor 1")
        for key, series in (("demand", "load"), ("capacity", "committed_capacity")):
            name = f"{series}_forecast" if is_forecast else series
            rows.add(name, "", start, start + _FIVE_MINUTES_S, entry.get(key), issued=issued if is_forecast else None)
    return rows.publication("dashboard_supply", issued)


def _first_entries(found: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for day in _DAYS:
        entries = found[day].get("data") if isinstance(found.get(day), dict) else None
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            yield entries[0]


def _entries(document: Document) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The entries of all days of an answer, numbered from 1 within their day."""
    for day in _DAYS:
        if day in document.json:
            entries = _mapping(document, day, document.json[day]).get("data")
            if not isinstance(entries, Sequence) or isinstance(entries, str):
                raise unreadable(document.name, f"there is no list at {day}.data")
            for number, entry in enumerate(entries, start=1):
                yield number, _mapping(document, f"{day}, entry {number}", entry)


def _mapping(document: Document, where: str, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise unreadable(document.name, f"{where}: {str(found)[:40]!r} is no object")
    return found


def _stamp(document: Document, number: int, entry: Any) -> int:
    stamp = entry.get("timestamp") if isinstance(entry, dict) else None
    second = _second(document, str(stamp))
    epoch = entry.get("epoch", second * 1000)
    if epoch != second * 1000:
        raise unreadable(document.name, f"entry {number}: the epoch {epoch!r} is not that of {stamp}")
    return second


def _second(document: Document, stamp: str) -> int:
    try:
        moment = datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S%z")
        if moment.year not in YEARS:
            raise ValueError(moment.year)
        return int(moment.timestamp())
    except ValueError:
        raise unreadable(
            document.name, f"{stamp[:40]!r} is no stamp such as '2025-10-08 00:04:56-0500', of 1990 to 2099"
        ) from None


def _updated(document: Document) -> datetime:
    return datetime.fromtimestamp(_second(document, str(document.json.get("lastUpdated"))), UTC)
