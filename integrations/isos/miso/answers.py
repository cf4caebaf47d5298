"""MISO's real-time JSON answers (public-api.misoenergy.org, and the older data broker with the same content).

An answer carries a `RefId` with its interval in Eastern Standard Time. A five-minute interval is named by its end, as
MISO names hours.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.gaps import gap_table
from integrations.isos.local_time import HOUR_S, ClockError
from integrations.isos.miso.clock import est_second, reference_second
from integrations.isos.miso.rows import Rows
from integrations.isos.series import series_publication
from integrations.isos.ticks import ParsedPublication, Places, Prices, tick_table

FIVE_MINUTES_S = 300
_DERIVED_DECIMALS = 8
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
_FORECAST = "MediumTermLoadForecast"
_DAY_S = 24 * HOUR_S
_MIDNIGHT = est_second("2000-01-01 0:00:00")


def parse_fuel_mix(document: Document) -> ParsedPublication:
    """Series `generation`, category a fuel, area the system, in MW: one five-minute interval."""
    rows = Rows()
    for number, entry in enumerate(_list(document, "Fuel", "Type"), start=1):
        end = _moment(document, entry, "INTERVALEST", number)
        fuel = _text(document, entry, "CATEGORY", number).lower().replace(" ", "_")
        value = _number(document, entry, "ACT", number)
        rows.add("generation", "", end - FIVE_MINUTES_S, value, category=fuel, unit="MW")
    return _fundamentals(rows, "fuel_mix", FIVE_MINUTES_S)


def parse_renewable_forecast(document: Document, series: str) -> ParsedPublication:
    """Series `wind_forecast` or `solar_forecast`, area the system, in MW: hours by their beginning, of two days."""
    issued = datetime.fromtimestamp(_reference(document), UTC)
    rows = Rows()
    for number, entry in enumerate(_list(document, "Forecast"), start=1):
        start = _hour(document, entry, "", number)
        rows.add(series, "", start, _number(document, entry, "Value", number), unit="MW")
    return _fundamentals(rows, series, HOUR_S, issued_at=issued)


def parse_wind_and_solar(document: Document, names: Mapping[str, str], feed: str) -> ParsedPublication:
    """The hours as they were forecast and as they came, area the system, in MW. A later hour has no actual number yet.

    `names` are the series by the word that their members bear: `Wind`, `Solar`, or none where the name tells.
    """
    issued = datetime.fromtimestamp(_reference(document), UTC)
    forecast, actual = Rows(), Rows()
    for number, entry in enumerate(_list(document, "instance"), start=1):
        for kind, rows, suffix in (("Forecast", forecast, "_forecast"), ("Actual", actual, "")):
            for word, series in names.items():
                key = f"{kind}{word}Value"
                if not isinstance(entry, dict) or key not in entry:
                    raise unreadable(document.name, f"entry {number} has no {key}")
                if entry[key] is not None and entry[key] != "":
                    start = _hour(document, entry, kind, number)
                    rows.add(series + suffix, "", start, _number(document, entry, key, number), unit="MW")
    return _forecast_and_actual(forecast, actual, HOUR_S, feed, issued)


def parse_total_load(document: Document) -> ParsedPublication:
    """Series `load` (five minutes) and `load_forecast` (hours), area the system, in MW.

    What the day-ahead market cleared of an hour (`ClearedMW`) is left out: it is no load.
    """
    reference = _reference(document)
    midnight = reference - (reference - _MIDNIGHT) % _DAY_S
    rows, forecast = Rows(), Rows()
    for number, entry in enumerate(_list(document, "LoadInfo", "FiveMinTotalLoad"), start=1):
        load = entry.get("Load", entry) if isinstance(entry, dict) else {}
        hours, _, minutes = _text(document, load, "Time", number).partition(":")
        if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
            raise unreadable(document.name, f"entry {number}: {load['Time']!r} is not a time of day")
        start = midnight + int(hours) * HOUR_S + int(minutes) * 60
        rows.add("load", "", start, _number(document, load, "Value", number), unit="MW")
    if _FORECAST in document.json["LoadInfo"]:
        for number, entry in enumerate(_list(document, "LoadInfo", _FORECAST), start=1):
            hourly = entry.get("Forecast", entry) if isinstance(entry, dict) else {}
            key = "HourEndEST" if isinstance(hourly, dict) and "HourEndEST" in hourly else "HourEnding"
            hour = _number(document, hourly, key, number)
            if hour not in range(1, 25):
                raise unreadable(document.name, f"{_FORECAST}, entry {number}: {hour:g} is no hour of a day")
            value = _number(document, hourly, "LoadForecast", number)
            forecast.add("load_forecast", "", midnight + (int(hour) - 1) * HOUR_S, value, unit="MW")
    issued = datetime.fromtimestamp(reference, UTC)
    return _forecast_and_actual(forecast, rows, FIVE_MINUTES_S, "total_load", issued, version=2)


def parse_consolidated_table(document: Document) -> ParsedPublication:
    """The five-minute LMPs of the table: market RT5, preliminary. Its hourly and day-ahead columns are other feeds'."""
    end = _reference(document)
    nodes = _list(document, "LMPData", "FiveMinLMP", "PricingNode")
    names = [_text(document, node, "name", number) for number, node in enumerate(nodes, start=1)]
    if len(set(names)) < len(names):
        again = next(name for position, name in enumerate(names) if name in names[:position])
        raise unreadable(document.name, f"the node {again} is there twice")
    lmp, congestion, loss = (
        np.array([_number(document, node, column, number) for number, node in enumerate(nodes, start=1)])
        for column in ("LMP", "MCC", "MLC")
    )
    places = Places.without_type(names)
    start = np.full(len(names), end - FIVE_MINUTES_S, dtype=np.int64)
    prices = Prices(lmp, np.round(lmp - congestion - loss, _DERIVED_DECIMALS), congestion, loss)
    rows = tick_table(places, np.arange(len(names)), start, start + FIVE_MINUTES_S, prices, None)
    return ParsedPublication(
        "MISO", "RT5", "rt_five_min_lmp", "preliminary", rows, None, gap_table(places, []), "miso.lmp_table", 1
    )


def _forecast_and_actual(
    forecast: Rows, actual: Rows, length_s: int, feed: str, issued_at: datetime, *, version: int = 1
) -> ParsedPublication:
    """Hours as they were forecast at a moment, and intervals of `length_s` as they came, which were not issued."""
    tables = (
        forecast.table(issued_at=[issued_at] * len(forecast)),
        actual.table(length_s, issued_at=[None] * len(actual)),
    )
    rows = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    return series_publication(
        "fundamentals", rows, iso="MISO", feed=feed, parser=f"miso.{feed}", parser_version=version
    )


def _fundamentals(rows: Rows, feed: str, length_s: int, *, issued_at: datetime | None = None) -> ParsedPublication:
    issued = [issued_at] * len(rows) if issued_at else None
    return series_publication(
        "fundamentals",
        rows.table(length_s, issued_at=issued),
        iso="MISO",
        feed=feed,
        published_at=issued_at,
        parser=f"miso.{feed}",
    )


def _reference(document: Document) -> int:
    """The moment that the answer's RefId names, wherever in the answer it stands."""
    found = document.json
    while isinstance(found, dict) and "RefId" not in found and len(found) == 1:
        found = next(iter(found.values()))
    text = found.get("RefId") if isinstance(found, dict) else None
    try:
        return reference_second(str(text))
    except ClockError as error:
        raise unreadable(document.name, f"RefId: {error}") from None


def _list(document: Document, *path: str) -> Sequence[Any]:
    found = document.json
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise unreadable(document.name, f"there is no list at {'.'.join(path)}")
    return found


def _text(document: Document, entry: Any, key: str, number: int) -> str:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise unreadable(document.name, f"entry {number} has no {key}")
    return value.strip()


def _number(document: Document, entry: Any, key: str, number: int) -> float:
    value = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(value, str) and _THOUSANDS.fullmatch(value.strip()):
        value = value.replace(",", "")
    try:
        found = float(value) if isinstance(value, int | float | str) else float("nan")
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e12:
        raise unreadable(document.name, f"entry {number}: {key} {value!r} is no number")
    return found


def _hour(document: Document, entry: Any, kind: str, number: int) -> int:
    """The beginning of an entry's hour, which its stamp and its hour ending must both name."""
    start = _moment(document, entry, f"{kind}DateTimeEST", number)
    hour = _number(document, entry, f"{kind}HourEndingEST", number)
    if (start - _MIDNIGHT) % _DAY_S != (hour - 1) * HOUR_S:
        problem = f"entry {number}: the hour ending {hour:g} does not begin at {entry[f'{kind}DateTimeEST']}"
        raise unreadable(document.name, problem)
    return start


def _moment(document: Document, entry: Any, key: str, number: int) -> int:
    try:
        return est_second(_text(document, entry, key, number))
    except ClockError as error:
        raise unreadable(document.name, f"entry {number}, {key}: {error}") from None
