"""OASIS reports that are no LMPs, as CSV: load and renewables forecasts, schedules, ancillary service prices.

All share their stamps (`INTERVALSTARTTIME_GMT`, `INTERVALENDTIME_GMT`) and the run; what else tells rows apart differs
and stands in one `Layout` a report. `XML_DATA_ITEM` is the operator's own name of a number and decides the series.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from integrations.isos.caiso.lmps import moments
from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_reading import Columns, Frame, Text, read
from integrations.isos.heads import CsvFile
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Ints, ParsedPublication, labels, seconds

MARKETS: Mapping[str, str] = {"DAM": "DA", "HASP": "RT15", "RTPD": "RT15", "RTM": "RT5", "RTD": "RT5", "RUC": "DA"}

Named = tuple[str, str]
"""A series and a category."""


@dataclass(frozen=True)
class Layout:
    """One report of fundamentals in MW: the columns of area and kind, and what item and kind make of a row.

    `name` answers series and category, or None for an item that is left out.
    """

    feed: str
    area: str
    kind: str
    name: Callable[[str, str], Named | None]


def load_name(item: str, run: str) -> Named:
    """`SYS_FCST_DA_MW` is a forecast of its run; `SYS_FCST_ACT_MW` is what the load was."""
    return ("load", "") if "_ACT_" in item.upper() else ("load_forecast", run)


def renewable_name(item: str, kind: str) -> Named | None:
    """`RENEW_FCST_DA_MW` of Solar is `solar_forecast` of DA; `RENEW_FCST_ACT_MW` is what it was."""
    found = re.fullmatch(r"RENEW_FCST_(\w+)_MW", item.upper())
    if not found:
        return None
    technology = kind.lower().replace(" ", "_")
    return (technology, "") if found[1] == "ACT" else (f"{technology}_forecast", found[1])


_SCHEDULED = {"LOAD": "load", "GEN": "generation", "IMP": "imports", "EXP": "exports"}


def schedule_name(item: str, kind: str) -> Named | None:
    """`ISO_TOT_IMP_MW` and `TOT_IMP_MW` are `scheduled_imports`, the one of the whole ISO, the other of an area."""
    del kind
    found = re.fullmatch(r"(?:ISO_)?TOT_(\w+)_MW", item.upper())
    return (f"scheduled_{_SCHEDULED[found[1]]}", "") if found and found[1] in _SCHEDULED else None


LOAD_FORECAST = Layout("sld_fcst", "TAC_AREA_NAME", "MARKET_RUN_ID", load_name)
RENEWABLES = Layout("sld_ren_fcst", "TRADING_HUB", "RENEWABLE_TYPE", renewable_name)
SCHEDULES = Layout("ene_slrs", "TAC_ZONE_NAME", "SLRS_TYPE", schedule_name)
LAYOUTS: Mapping[str, Layout] = {
    "tacareaname": LOAD_FORECAST, "renewabletype": RENEWABLES, "slrstype": SCHEDULES,
}  # fmt: skip
"""By the column, as a key, that tells the report."""

# OASIS's codes of the services, as the industry calls them; any other code is kept as it is.
_SERVICES: Mapping[str, str] = {
    "RU": "REGUP",
    "RD": "REGDN",
    "SR": "SPIN",
    "NR": "NSPIN",
    "RMU": "REGMUP",
    "RMD": "REGMDN",
}
_STAMPS = {"start": "INTERVALSTARTTIME_GMT", "end": "INTERVALENDTIME_GMT", "run": "MARKET_RUN_ID"}


def parse(file: CsvFile, layout: Layout) -> ParsedPublication:
    """A report as fundamentals. Raises UnreadablePublication, also for a number that is there twice."""
    told_by_run = layout.kind == _STAMPS["run"]
    columns = {"item": ("XML_DATA_ITEM",), "area": (layout.area,)} | ({} if told_by_run else {"kind": (layout.kind,)})
    frame = _read(file, columns, ("MW",))
    item, area, kind = frame.text("item"), frame.text("area"), frame.text("run" if told_by_run else "kind")
    pairs = combine([(item.codes, len(item)), (kind.codes, len(kind))])
    names = [
        layout.name(item.values[i], kind.values[k]) for i, k in zip(pairs.members[0], pairs.members[1], strict=True)
    ]
    value = frame.number("value")
    kept = ~np.isnan(value) & np.array([name is not None for name in names])[pairs.code]
    start, end = _interval(frame, [item, area, kind])
    rows = series_rows(
        "fundamentals",
        {
            "series": labels(pairs.code[kept], [name[0] if name else "" for name in names]),
            "category": labels(pairs.code[kept], [name[1] if name else "" for name in names]),
            "area": labels(area.codes[kept], area.strings),
            "unit": labels(np.zeros(int(kept.sum()), dtype=np.int32), ["MW"]),
            "interval_start_utc": seconds(start[kept]),
            "interval_end_utc": seconds(end[kept]),
            "value": value[kept],
        },
    )
    return series_publication(
        "fundamentals", rows, iso="CAISO", feed=layout.feed, market=_market(frame), parser=f"caiso.{layout.feed}"
    )


def parse_ancillary(file: CsvFile) -> ParsedPublication:
    """`PRC_AS`: clearing prices by service and region, in $/MW. Raises UnreadablePublication."""
    return ancillary_publication(
        _read(file, {"product": ("ANC_TYPE",), "area": ("ANC_REGION",)}, ("MW", "PRC", "VALUE"))
    )


def ancillary_publication(frame: Columns) -> ParsedPublication:
    """The publication of a table with a row a service, region and interval. Raises UnreadablePublication."""
    product, area = frame.text("product"), frame.text("area")
    start, end = _interval(frame, [product, area])
    price = frame.number("value")
    kept = ~np.isnan(price)
    rows = series_rows(
        "ancillary",
        {
            "product": labels(product.codes[kept], [_SERVICES.get(p.upper(), p.upper()) for p in product.values]),
            "area": labels(area.codes[kept], area.strings),
            "interval_start_utc": seconds(start[kept]),
            "interval_end_utc": seconds(end[kept]),
            "price_usd_per_mw": price[kept],
        },
    )
    return series_publication(
        "ancillary", rows, iso="CAISO", feed="prc_as", market=_market(frame), parser="caiso.prc_as"
    )


def _read(file: CsvFile, columns: Mapping[str, Sequence[str]], value: Sequence[str]) -> Frame:
    wanted = {name: (column,) for name, column in _STAMPS.items()} | {n: tuple(c) for n, c in columns.items()}
    positions = {name: file.need(*spellings) for name, spellings in wanted.items()}
    return read([file], [positions | {"value": file.need(*value)}], frozenset({"value"}))


def _interval(frame: Columns, told_by: Sequence[Text]) -> tuple[Ints, Ints]:
    """Start and end of each row in seconds since 1970 UTC; `told_by` and run and start must tell all rows apart."""
    start, end, run = frame.text("start"), frame.text("end"), frame.text("run")
    seen = combine([(text.codes, len(text)) for text in (*told_by, run, start)])
    if repeat := first_repeat(seen.code, len(seen)):
        frame.fail(repeat[1], "start", f"one number is there twice, in lines {frame.lines(*repeat)}")
    start_of = moments(frame, start, "start")[start.codes]
    end_of = moments(frame, end, "end")[end.codes]
    if (end_of <= start_of).any():
        frame.fail(int(np.argmax(end_of <= start_of)), "end", "the interval does not end after its start")
    return start_of, end_of


def _market(frame: Columns) -> str:
    """The market of the file's run; none where it has several runs, or one that is no market (7DA, ACTUAL)."""
    runs = frame.text("run").values
    return MARKETS.get(runs[0].upper(), "") if len(runs) == 1 else ""
