"""ERCOT's reports of load, wind and solar, measured and forecast: a line an interval, a column a place or a quantity.

Everything is in MW. What is forecast bears the report's own moment of publication; `category` tells one forecast of the
same hour from another.

Answers of the public API, and tables made of them, spell the columns in camel case (`farWest` for `FAR_WEST`,
`STWPFLoadZoneWest` for `STWPF_LZ_WEST`) and name the moment of publication in a column, `postedDatetime`: they may hold
several publications of one hour. Each of its forecasts is kept; what was measured is read as it was last published.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Frame, Text
from integrations.isos.ercot.headers import (
    FORECAST_WEATHER_ZONES,
    FORECAST_ZONES,
    TIMES,
    WEATHER_ZONES,
    refuse_unknown,
)
from integrations.isos.ercot.times import Times, moments_of, read_timed, refuse_repeats, times_of
from integrations.isos.errors import unreadable
from integrations.isos.gaps import Intervals
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Floats, Ints, ParsedPublication, labels, seconds

UNIT = "MW"

_PARSER_VERSION = 2
_MICROSECOND = pa.timestamp("us", "UTC")

_TOTALS = frozenset({"total", "systemtotal", "ercot", "demand"})
# Columns of the load reports that are no place.
_NO_PLACE = TIMES | {"model", "inuseflag", ""}
# `GEN_LZ_WEST`, `STWPF_SYSTEM_WIDE`, `SYSTEM_WIDE_GEN`: what is counted, and where.
_RENEWABLE = re.compile(
    r"(?:(?P<where>SYSTEM_WIDE)_(?P<what>GEN|HSL)|(?P<before>ACTUAL|GEN|COP_HSL|HSL|ST[WP]PF|WGRPP|PVGRPP)_(?P<place>\w+))"
)
_SYSTEM_WIDE = "SYSTEM_WIDE"
# The same in an answer: `genLoadZoneWest`, `STWPFSystemWide`, `COPHSLFarWest`.
_ANSWERED_RENEWABLE = re.compile(
    r"(?P<what>actual|gen|COPHSL|HSL|ST[WP]PF|WGRPP|PVGRPP)(?P<zone>LoadZone)?(?P<place>(?:[A-Z][a-z]+)+)"
)
_CAMEL_JOINT = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Load zones, and the two groups of them in which wind was counted at first; other areas are weather regions.
_ZONES = re.compile(r"LZ_\w+|SOUTH_HOUSTON|WEST_NORTH|")


@dataclass(frozen=True)
class Quantity:
    """What a column is of: the labels of its rows, and whether it was forecast."""

    series: str
    area: str
    category: str = ""
    is_forecast: bool = False


def load_quantities(file: CsvFile, series: str) -> dict[str, tuple[int, Quantity]]:
    """The places of a load report by their column, spelt as the operator's file does; the total is the system's.

    Raises UnreadablePublication for a column that is none of its places, and where one of them is missing.
    """
    _check_places(file, series.endswith("forecast"))
    cells = zip(file.header.cells, file.header.keys, strict=True)
    is_forecast = series.endswith("forecast")
    return {
        cell: (position, Quantity(series, "" if key in _TOTALS else _place(cell, is_forecast), is_forecast=is_forecast))
        for position, (cell, key) in enumerate(cells)
        if key not in _NO_PLACE
    }


def is_by_forecast_zone(keys: Collection[str]) -> bool:
    """Whether a load report with these keys has forecast zones, of which `South` and `Houston` are no weather zones."""
    return "south" in keys or "houston" in keys


def _check_places(file: CsvFile, is_forecast: bool) -> None:
    keys = set(file.header.keys)
    places: tuple[str, ...] = FORECAST_WEATHER_ZONES if is_forecast else WEATHER_ZONES
    if is_by_forecast_zone(keys):
        places = FORECAST_ZONES if is_forecast else tuple(zone.upper() for zone in FORECAST_ZONES)
    elif "demand" in keys:
        places = ()
    refuse_unknown(file, _NO_PLACE.union(_TOTALS, map(column_key, places)))
    for column in (*places, *(["Model"] if "inuseflag" in keys else [])):
        file.need(column)


def _place(cell: str, is_forecast: bool) -> str:
    """A place as files spell it, where an answer says `farWest`: `FAR_WEST`, and in forecasts `FarWest`."""
    if not cell[:1].islower():
        return cell
    return cell[0].upper() + cell[1:] if is_forecast else _CAMEL_JOINT.sub("_", cell).upper()


def renewable_quantities(file: CsvFile) -> dict[str, tuple[int, Quantity]]:
    """The quantities of a wind or solar report by their column.

    STWPF and STPPF are the operator's short-term forecasts, WGRPP and PVGRPP those that are exceeded in four hours of
    five, COP HSL what the plans of the units say, HSL what the units could have made.
    """
    kind = "wind" if any("STWPF" in cell.upper() for cell in file.header.cells) else "solar"
    found: dict[str, tuple[int, Quantity]] = {}
    for position, cell in enumerate(file.header.cells):
        if match := _RENEWABLE.fullmatch(renewable_column(cell).upper()):
            what, where = match["what"] or match["before"], match["where"] or match["place"]
            area = "" if where == _SYSTEM_WIDE else where
            if what in ("GEN", "ACTUAL"):
                quantity = Quantity(kind, area)
            elif what == "HSL":
                quantity = Quantity(f"{kind}_available", area)
            else:
                quantity = Quantity(f"{kind}_forecast", area, what, is_forecast=True)
            found[cell] = (position, quantity)
    refuse_unknown(file, TIMES.union(map(column_key, found)))
    return found


def renewable_column(cell: str) -> str:
    """The column of a file that a field of an answer is, itself where it is none of wind or sun."""
    found = _ANSWERED_RENEWABLE.fullmatch(cell)
    if not found:
        return cell
    what = "COP_HSL" if found["what"] == "COPHSL" else found["what"]
    if found["zone"]:
        return f"{what}_LZ_{_CAMEL_JOINT.sub('_', found['place'])}"
    return f"{what}_{_SYSTEM_WIDE if found['place'] == 'SystemWide' else found['place']}"


def parse_load(file: CsvFile, feed: str, series: str, published_at: datetime | None) -> ParsedPublication:
    """A report of load or of its forecast. Raises UnreadablePublication."""
    return _parse(file, feed, _some(file, load_quantities(file, series)), published_at)


def parse_renewables(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """A report of wind or solar power (NP4-732, NP4-737, and by region NP4-742, NP4-745)."""
    quantities = _some(file, renewable_quantities(file))
    kinds = {quantity.series.partition("_")[0] for _, quantity in quantities.values()}
    by_region = not all(_ZONES.fullmatch(quantity.area) for _, quantity in quantities.values())
    feed = f"{next(iter(kinds))}_power{'_by_region' if by_region else ''}"
    return _parse(file, feed, quantities, published_at)


def _some(file: CsvFile, quantities: dict[str, tuple[int, Quantity]]) -> dict[str, tuple[int, Quantity]]:
    """The quantities. Raises UnreadablePublication where there is none, and for two columns of one."""
    if not quantities:
        raise unreadable(file.name, "no column of a place or quantity", file.header.number)
    columns: dict[Quantity, str] = {}
    for column, (_, quantity) in quantities.items():
        file.find(column_key(column))
        if (other := columns.setdefault(quantity, column)) != column:
            problem = f"two columns for one value ({other} and {column}): leave one of them out"
            raise unreadable(file.name, problem, file.header.number, column)
    return quantities


def _parse(
    file: CsvFile, feed: str, quantities: Mapping[str, tuple[int, Quantity]], published_at: datetime | None
) -> ParsedPublication:
    columns = {name: position for name, (position, _) in quantities.items()}
    told_by = {"model": file.find("model"), "posted": file.find("posteddatetime")}
    columns |= {name: position for name, position in told_by.items() if position is not None}
    frame = read_timed(file, columns, frozenset(quantities))
    times, posted = times_of(frame), moments_of(frame, "posted") if frame.has("posted") else None
    names = [frame.text("model")] if frame.has("model") else []
    refuse_repeats(frame, times, names, times.column, "the report", posted)
    if posted is not None and len(posted.starts) == 1:
        published_at = datetime.fromtimestamp(int(posted.starts[0]), UTC)
    tables = [
        _rows(frame, times, frame.number(name), quantity, published_at, posted)
        for name, (_, quantity) in quantities.items()
    ]
    return series_publication(
        "fundamentals", pa.concat_tables(tables).unify_dictionaries(), iso="ERCOT", feed=feed,
        published_at=published_at, parser=f"ercot.{feed}", parser_version=_PARSER_VERSION,
    )  # fmt: skip


def _rows(
    frame: Frame,
    times: Times,
    values: Floats,
    quantity: Quantity,
    published_at: datetime | None,
    posted: Intervals | None,
) -> pa.Table:
    kept = np.flatnonzero(~np.isnan(values))
    if posted is not None and not quantity.is_forecast:
        kept = _last_posted(kept, times.intervals.code, posted.code)
    nothing = np.zeros(len(kept), dtype=np.int32)
    model = frame.text("model") if frame.has("model") else Text.of(np.zeros(frame.rows, dtype=np.int32), [""])
    categories = labels(model.codes[kept], model.values if frame.has("model") else [quantity.category])
    issued = pa.array([published_at if quantity.is_forecast else None] * len(kept), _MICROSECOND)
    if posted is not None and quantity.is_forecast:
        issued = seconds(posted.start()[kept]).cast(_MICROSECOND)
    return series_rows(
        "fundamentals",
        {
            "series": labels(nothing, [quantity.series]),
            "area": labels(nothing, [quantity.area]),
            "category": categories,
            "unit": labels(nothing, [UNIT]),
            "interval_start_utc": seconds(times.start()[kept]),
            "interval_end_utc": seconds(times.end()[kept]),
            "value": values[kept],
            "issued_at": issued,
        },
    )


def _last_posted(kept: Ints, interval: Ints, posted: Ints) -> Ints:
    """Of the rows that are kept, those of each interval that were published last."""
    latest_first = kept[np.lexsort((-posted[kept], interval[kept]))]
    found: Ints = latest_first[np.unique(interval[latest_first], return_index=True)[1]]
    return found
