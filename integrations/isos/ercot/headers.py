"""Headers that are not quite those of a report: a column is new, renamed or missing.

A file of another report is skipped, so one that is read must not pass for another because a column of it was renamed.
What only reports that are read have tells them; where other reports have it too, or tables of other people, the
operator's name is left.
"""

from collections.abc import Collection

from integrations.isos.ercot import ordc
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, column_key

TIMES = frozenset(
    {
        "deliverydate", "operday", "operatingday", "hourending", "deliveryhour", "deliveryinterval", "timeending",
        "scedtimestamp", "dstflag", "repeatedhourflag", "repeathourflag", "posteddatetime",
    }
)  # fmt: skip
"""The keys of columns that tell the time."""

FORECAST_ZONES = ("North", "South", "West", "Houston")
WEATHER_ZONES = ("COAST", "EAST", "FAR_WEST", "NORTH", "NORTH_C", "SOUTHERN", "SOUTH_C", "WEST")
FORECAST_WEATHER_ZONES = ("Coast", "East", "FarWest", "North", "NorthCentral", "SouthCentral", "Southern", "West")
"""The places of reports of load; those of weather zones are spelt otherwise in forecasts."""

_ZONES = frozenset(map(column_key, FORECAST_ZONES + WEATHER_ZONES + FORECAST_WEATHER_ZONES))
_SOME_ZONES = 3
# What tells a report, and the column that it needs besides.
_REPORTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"deliverydate", "hourending", "lmp", "dstflag"}), "BusName"),
    (frozenset({"mcpc", "dstflag"}), "AncillaryType"),
    (frozenset({"mcpc", "repeatedhourflag"}), "ASType"),
    (frozenset({"cappedmcpc"}), "ASType"),
    (frozenset({"regup", "regdn", "rrs"}), "HourEnding"),
    (frozenset({"hourending", "regdn", "rrs", "nspin"}), "REGUP"),
    (frozenset({"hourending", "regup", "rrs", "nspin"}), "REGDN"),
    (frozenset({"hourending", "regup", "regdn", "nspin"}), "RRS"),
    (frozenset({"shadowprice", "constraintid"}), "ConstraintName"),
    (frozenset({"maxshadowprice", "constraintname"}), "ShadowPrice"),
    (frozenset({"timeending", "demand"}), "DeliveryDate"),
    (frozenset({"deliverydate", "demand", "dstflag"}), "TimeEnding"),
)
# Columns of reports that look the same else: of the next minutes, of the look-ahead, of single resources.
_OTHERS = frozenset({"intervalending", "qse", "qsename", "resourcename", "rtdtimestamp"})


def refuse_incomplete(file: CsvFile) -> None:
    """Raise UnreadablePublication for a report that is read where a column that it needs is missing."""
    keys = set(file.header.keys)
    if keys & _OTHERS:
        return
    for tells, column in _REPORTS:
        if tells <= keys:
            file.need(column)
    if len(keys & _ZONES) >= _SOME_ZONES and "dstflag" in keys:
        _refuse_incomplete_load(file, keys)
    if len(ordc.columns_of(file).keys() & {adder.name for adder in ordc.ADDERS}) > 1:
        file.need("DeliveryInterval" if "deliverydate" in keys else "SCEDTimestamp")


def _refuse_incomplete_load(file: CsvFile, keys: set[str]) -> None:
    if "systemtotal" in keys or "inuseflag" in keys:
        for column in ("DeliveryDate", "HourEnding", "SystemTotal"):
            file.need(column)
    elif "total" in keys or keys & {"operday", "operatingday"}:
        file.need("OperDay", "OperatingDay")
        file.need("HourEnding")
        file.need("TOTAL")


def refuse_unknown(file: CsvFile, known: Collection[str]) -> None:
    """Raise UnreadablePublication at the first column with a name and no key in `known`."""
    for cell, key in zip(file.header.cells, file.header.keys, strict=True):
        if key and key not in known:
            problem = "the report has no such column: keep the operator's header"
            raise unreadable(file.name, problem, file.header.number, cell)
