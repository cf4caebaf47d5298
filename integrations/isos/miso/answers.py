"""MISO's real-time JSON answers (public-api.misoenergy.org, and the older data broker with the same content).

An answer carries a `RefId` with its interval in Eastern Standard Time. A five-minute interval is named by its end, as
MISO names hours.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

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
        start = _moment(document, entry, "DateTimeEST", number)
        hour = _number(document, entry, "HourEndingEST", number)
        if (start - est_second("2000-01-01 0:00:00")) % (24 * HOUR_S) != (hour - 1) * HOUR_S:
            problem = f"entry {number}: the hour ending {hour:g} does not begin at {entry['DateTimeEST']}"
            raise unreadable(document.name, problem)
        rows.add(series, "", start, _number(document, entry, "Value", number), unit="MW")
    return _fundamentals(rows, series, HOUR_S, issued_at=issued)


def parse_total_load(document: Document) -> ParsedPublication:
    """Series `load` (five minutes) and `load_forecast` (hours), area the system, in MW."""
    reference = _reference(document)
    midnight = reference - (reference - est_second("2000-01-01 0:00:00")) % (24 * HOUR_S)
    rows = Rows()
    for number, entry in enumerate(_list(document, "LoadInfo", "FiveMinTotalLoad"), start=1):
        load = entry.get("Load", entry) if isinstance(entry, dict) else {}
        hours, _, minutes = _text(document, load, "Time", number).partition(":")
        if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
            raise unreadable(document.name, f"entry {number}: {load['Time']!r} is not a time of day")
        start = midnight + int(hours) * HOUR_S + int(minutes) * 60
        rows.add("load", "", start, _number(document, load, "Value", number), unit="MW")
    return _fundamentals(rows, "total_load", FIVE_MINUTES_S)


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
    try:
        found = float(value) if isinstance(value, int | float | str) else float("nan")
    except ValueError:
        found = float("nan")
    if not abs(found) < 1e12:
        raise unreadable(document.name, f"entry {number}: {key} {value!r} is no number")
    return found


def _moment(document: Document, entry: Any, key: str, number: int) -> int:
    try:
        return est_second(_text(document, entry, key, number))
    except ClockError as error:
        raise unreadable(document.name, f"entry {number}, {key}: {error}") from None
