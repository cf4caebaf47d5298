"""MISO's real-time JSON answers (public-api.misoenergy.org, and the older data broker with the same content).

An answer carries a `RefId` with its interval in Eastern Standard Time. A five-minute interval is named by its end, as
MISO names hours.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.gaps import gap_table
from integrations.isos.local_time import HOUR_S
from integrations.isos.miso.answer_fields import (
    hour_start,
    list_at,
    midnight_of,
    moment_of,
    number_of,
    reference_of,
    text_of,
)
from integrations.isos.miso.clock import FIVE_MINUTES_S
from integrations.isos.miso.rows import Rows
from integrations.isos.series import series_publication
from integrations.isos.ticks import ParsedPublication, Places, Prices, tick_table

_DERIVED_DECIMALS = 8
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_FORECAST = "MediumTermLoadForecast"


def parse_fuel_mix(document: Document) -> ParsedPublication:
    """Series `generation`, category a fuel, area the system, in MW: one five-minute interval."""
    rows = Rows()
    for number, entry in enumerate(list_at(document, "Fuel", "Type"), start=1):
        end = moment_of(document, entry, "INTERVALEST", number)
        fuel = text_of(document, entry, "CATEGORY", number).lower().replace(" ", "_")
        value = number_of(document, entry, "ACT", number)
        rows.add("generation", "", end - FIVE_MINUTES_S, value, category=fuel, unit="MW")
    return _fundamentals(document, rows, "fuel_mix", FIVE_MINUTES_S)


def parse_renewable_forecast(document: Document, series: str) -> ParsedPublication:
    """Series `wind_forecast` or `solar_forecast`, area the system, in MW: hours by their beginning, of two days."""
    issued = datetime.fromtimestamp(reference_of(document), UTC)
    rows = Rows()
    for number, entry in enumerate(list_at(document, "Forecast"), start=1):
        start = hour_start(document, entry, "", number)
        rows.add(series, "", start, number_of(document, entry, "Value", number), unit="MW")
    return _fundamentals(document, rows, series, HOUR_S, issued_at=issued)


def parse_wind_and_solar(document: Document, names: Mapping[str, str], feed: str) -> ParsedPublication:
    """The hours as they were forecast and as they came, area the system, in MW. A later hour has no actual number yet.

    `names` are the series by the word that their members bear: `Wind`, `Solar`, or none where the name tells.
    """
    issued = datetime.fromtimestamp(reference_of(document), UTC)
    forecast, actual = Rows(), Rows()
    for number, entry in enumerate(list_at(document, "instance"), start=1):
        for kind, rows, suffix in (("Forecast", forecast, "_forecast"), ("Actual", actual, "")):
            for word, series in names.items():
                key = f"{kind}{word}Value"
                if not isinstance(entry, dict) or key not in entry:
                    raise unreadable(document.name, f"entry {number} has no {key}")
                if entry[key] is not None and entry[key] != "":
                    start = hour_start(document, entry, kind, number)
                    rows.add(series + suffix, "", start, number_of(document, entry, key, number), unit="MW")
    return _forecast_and_actual(document, forecast, actual, HOUR_S, feed, issued)


def parse_actual_power(document: Document, series: str) -> ParsedPublication:
    """Series `wind` or `solar` as they came, area the system, in MW: the hours of a day by their beginning."""
    rows = Rows()
    for number, entry in enumerate(list_at(document, "instance"), start=1):
        start = hour_start(document, entry, "", number)
        rows.add(series, "", start, number_of(document, entry, "Value", number), unit="MW")
    return _fundamentals(document, rows, series, HOUR_S)


def parse_total_load(document: Document) -> ParsedPublication:
    """Series `load` (five minutes) and `load_forecast` (hours), area the system, in MW.

    What the day-ahead market cleared of an hour (`ClearedMW`) is left out: it is no load.
    """
    reference = reference_of(document)
    midnight = midnight_of(reference)
    rows, forecast = Rows(), Rows()
    for number, entry in enumerate(list_at(document, "LoadInfo", "FiveMinTotalLoad"), start=1):
        load = entry.get("Load", entry) if isinstance(entry, dict) else {}
        clock = _CLOCK.fullmatch(text_of(document, load, "Time", number))
        if not clock:
            raise unreadable(document.name, f"entry {number}: {load['Time']!r} is not a time of day")
        start = midnight + int(clock[1]) * HOUR_S + int(clock[2]) * 60
        if start > reference:
            problem = f"entry {number}: {clock[0]} lies behind the RefId, so the day is another one: ask again"
            raise unreadable(document.name, problem)
        rows.add("load", "", start, number_of(document, load, "Value", number), unit="MW")
    if _FORECAST in document.json["LoadInfo"]:
        for number, entry in enumerate(list_at(document, "LoadInfo", _FORECAST), start=1):
            hourly = entry.get("Forecast", entry) if isinstance(entry, dict) else {}
            key = "HourEndEST" if isinstance(hourly, dict) and "HourEndEST" in hourly else "HourEnding"
            hour = number_of(document, hourly, key, number)
            if hour not in range(1, 25):
                raise unreadable(document.name, f"{_FORECAST}, entry {number}: {hour:g} is no hour of a day")
            value = number_of(document, hourly, "LoadForecast", number)
            forecast.add("load_forecast", "", midnight + (int(hour) - 1) * HOUR_S, value, unit="MW")
    issued = datetime.fromtimestamp(reference, UTC)
    return _forecast_and_actual(document, forecast, rows, FIVE_MINUTES_S, "total_load", issued, version=2)


def parse_consolidated_table(document: Document) -> ParsedPublication:
    """The five-minute LMPs of the table: market RT5, preliminary. Its hourly and day-ahead columns are other feeds'."""
    end = reference_of(document)
    nodes = list_at(document, "LMPData", "FiveMinLMP", "PricingNode")
    names = [text_of(document, node, "name", number) for number, node in enumerate(nodes, start=1)]
    if len(set(names)) < len(names):
        again = next(name for position, name in enumerate(names) if name in names[:position])
        raise unreadable(document.name, f"the node {again} is there twice")
    lmp, congestion, loss = (
        np.array([number_of(document, node, column, number) for number, node in enumerate(nodes, start=1)])
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
    document: Document, forecast: Rows, actual: Rows, length_s: int, feed: str, issued_at: datetime, *, version: int = 1
) -> ParsedPublication:
    """Hours as they were forecast at a moment, and intervals of `length_s` as they came, which were not issued."""
    for rows_of_kind in (forecast, actual):
        rows_of_kind.refuse_repeats(document)
    tables = (
        forecast.table(issued_at=[issued_at] * len(forecast)),
        actual.table(length_s, issued_at=[None] * len(actual)),
    )
    rows = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    return series_publication(
        "fundamentals", rows, iso="MISO", feed=feed, parser=f"miso.{feed}", parser_version=version
    )


def _fundamentals(
    document: Document, rows: Rows, feed: str, length_s: int, *, issued_at: datetime | None = None
) -> ParsedPublication:
    rows.refuse_repeats(document)
    issued = [issued_at] * len(rows) if issued_at else None
    return series_publication(
        "fundamentals",
        rows.table(length_s, issued_at=issued),
        iso="MISO",
        feed=feed,
        published_at=issued_at,
        parser=f"miso.{feed}",
    )
