"""ERCOT's disclosures after 60 days: what each resource was limited to, told to do and did (NP3-965), and what it was
awarded day-ahead (NP3-966).

A quantity is a column, under the operator's own name. Offer curves, texts (status, reason) and whose resource it is are
left out. Day-ahead files have no flag for the repeated hour, so that of the long day is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa

from integrations.isos.csv_faults import end_of_rows
from integrations.isos.csv_reading import Frame, Text, read
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.times import QUARTER_S, read_timed, refuse_repeats, times_of
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.local_time import ClockError, local_day_hours, wall_clock
from integrations.isos.recognition import OtherProduct
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Floats, Ints, ParsedPublication, labels, seconds

_LIMITS = r"HSL|LSL|HASL|LASL|HDL|LDL|(HDL|LDL) (Original|Manual|Final)"
_SERVICES = r"REG ?UP|REG ?(DN|DOWN)|NSPIN|NSPNM|RRSPFR|RRSFFR|RRSUFR|RRSGN|RRSLD|RRSNC|ECRSS|ECRSM"
# The quantities by their column, with their units.
_QUANTITIES: Mapping[str, str] = {
    rf"{_LIMITS}|{_SERVICES}|Base Point|Output Schedule|Telemetered Net Output|Total Telemetered DSR Loads": "MW",
    r"(Max|Low|Real) Power Consumption( for Load Resource)?": "MW",
    r"(Ancillary Service|AS Responsibility for|AS Capability|AS Awards?|Self Provided) \w+": "MW",
    r"Awarded Quantity|\w+ Awarded|Total Self-Arranged AS \w+( for \w+)?": "MW",
    r"Ramp Rate (Up|Down)": "MW/min",
    r"(Min|Max|Minimum|Maximum) SOC|SOC|State of Charge|Hour Beginning Planned SOC": "MWh",
    r"\w+ MCPC": "USD/MW",
    r"Energy Settlement Point Price|Min Gen Cost": "USD/MWh",
    r"Start Up (Hot|Inter|Cold)( Offer)?": "USD",
    r"Count of Updates During Operating Hour": "updates",
}
_RESOURCES = ("Resource Name", "Load Resource Name", "QSE", "QSE Name")
_OFFERS = (
    "settlementpoint", "source", "sasmid", "priceaggregate", "blockindicator1", "bidid", "offerid",
    "highsustainedlimit",
)  # fmt: skip
# Columns that tell disclosures where one of `_SIGNS` stands beside them, and those of single units in them.
_TELLING = frozenset(
    {
        "basepoint", "telemeterednetoutput", "telemeteredresourcestatus", "outputschedule", "totaltelemetereddsrloads",
        "awardedquantity", "energysettlementpointprice",
    }
)  # fmt: skip
_STATUS = frozenset({"telemeteredresourcestatus"})
_OF_UNITS = frozenset(
    {
        "basepoint", "telemeterednetoutput", "telemeteredresourcestatus", "resourcestatus", "resourcetype",
        "energysettlementpointprice",
    }
)  # fmt: skip
_SIGNS = frozenset({"scedtimestamp", "repeatedhourflag", "deliverydate", "qse", "qsename", "resourcename"})
# The main quantities of units, which are there in every year, behind the columns that tell them.
_ALWAYS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (
        frozenset({"scedtimestamp", "resourcetype", "telemeteredresourcestatus"}),
        ("HSL", "Base Point"),
    ),
    (
        frozenset({"deliverydate", "resourcetype", "settlementpointname"}),
        ("HSL", "Awarded Quantity", "Energy Settlement Point Price"),
    ),
)
_METERED = frozenset({"intervaltime", "intervalnumber", "resourcecode", "intervalvalue"})
_BY_NAME: Mapping[str, str] = {"resourcename": "", "loadresourcename": "load", "qse": "QSE", "qsename": "QSE"}


@dataclass(frozen=True)
class Layout:
    """Where resource, type and quantities stand; `quantities` gives position and unit by the operator's name."""

    resource: int
    resource_type: int | None
    told_type: str
    quantities: Mapping[str, tuple[int, str]]
    feed: str
    market: str


def layout_of(file: CsvFile) -> Layout | OtherProduct | None:
    """How a disclosure is laid out, None for a file that is none, and why for one that is not read.

    Raises UnreadablePublication for one without a column that it needs, and for one with two of the same.
    """
    keys = set(file.header.keys)
    name = next((column_key(column) for column in _RESOURCES if column_key(column) in keys), None)
    is_dispatch = "scedtimestamp" in keys
    quantities = _quantities_of(file)
    if keys & _TELLING and keys & _SIGNS and not keys & set(_OFFERS):
        _refuse_incomplete(file)
    if name is None or not (is_dispatch or "deliverydate" in keys):
        return None
    if not quantities or keys & set(_OFFERS):
        return OtherProduct("ERCOT 60-day disclosure of offers, bids or plans: only what resources did and got is read")
    if file.header.end >= end_of_rows(file.content):
        return OtherProduct("ERCOT 60-day disclosure with a header and no row: nothing happened that day")
    feed, market = ("sced_disclosure", "RT5") if is_dispatch or "deliveryhour" in keys else ("dam_disclosure", "DA")
    resource, kind = file.find(name), file.find("resourcetype")
    assert resource is not None
    for quantity in quantities:
        file.need(quantity)  # which refuses two columns of one
    return Layout(resource, kind, _BY_NAME[name], quantities, feed, market)


def _refuse_incomplete(file: CsvFile) -> None:
    """Raise UnreadablePublication for a disclosure without its column of resources, of time, or of a main quantity.

    Also for quantities that are spelt otherwise, which would be left out. A QSE stands for what it arranged itself, and
    not for one of its units.
    """
    keys = set(file.header.keys)
    if not keys & {"resourcename", "loadresourcename"} and (keys & _OF_UNITS or not keys & {"qse", "qsename"}):
        file.need("Resource Name")
    if not keys & {"scedtimestamp", "deliverydate"}:
        file.need("Delivery Date" if keys & {"hourending", "deliveryhour"} else "SCED Time Stamp")
    for tells, quantities in _ALWAYS:
        if tells <= keys:
            for column in quantities:
                file.need(column)
    for cell, key in zip(file.header.cells, file.header.keys, strict=True):
        if key in _TELLING - _STATUS and not _unit_of(cell):
            problem = "spelt as answers of the public API do, whose other columns are not known: give ERCOT's own file"
            raise unreadable(file.name, problem, file.header.number, cell)


def _quantities_of(file: CsvFile) -> dict[str, tuple[int, str]]:
    cells = enumerate(file.header.cells)
    return {cell: (position, unit) for position, cell in cells if (unit := _unit_of(cell))}


@lru_cache(maxsize=1024)
def _unit_of(column: str) -> str:
    """The unit of a column that is a quantity, '' for any other; where several patterns fit, of the last one."""
    fitting = [unit for pattern, unit in _QUANTITIES.items() if re.fullmatch(pattern, column, re.IGNORECASE)]
    return fitting[-1] if fitting else ""


def parse(file: CsvFile, layout: Layout, published_at: datetime | None) -> ParsedPublication:
    """One row a resource, quantity and interval. Raises UnreadablePublication, also for a resource there twice."""
    columns = {name: position for name, (position, _) in layout.quantities.items()} | {"resource": layout.resource}
    if layout.resource_type is not None:
        columns["type"] = layout.resource_type
    frame = read_timed(file, columns, frozenset(layout.quantities))
    times, resource = times_of(frame), frame.text("resource")
    refuse_repeats(frame, times, [resource], "resource", "the resource")
    kind = frame.text("type", may_be_empty=True) if frame.has("type") else _all_of(frame, layout.told_type)
    quantities = [(name, unit) for name, (_, unit) in layout.quantities.items()]
    values = [frame.number(name) for name, _ in quantities]
    rows = _rows(resource, kind, quantities, times.start(), times.end(), np.concatenate(values))
    return _publication(rows, layout.feed, layout.market, published_at)


def is_metered(file: CsvFile) -> bool:
    """The settlement meters of generators by quarter of an hour, of whose columns one may be missing."""
    return len(_METERED & set(file.header.keys)) >= len(_METERED) - 1


def parse_metered(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Settlement metered net energy, in MWh a quarter. The number counts the quarters of the day: 92, 96 or 100."""
    columns = {
        "time": file.need("Interval Time"), "number": file.need("Interval Number"),
        "resource": file.need("Resource Code"), "value": file.need("Interval Value"),
    }  # fmt: skip
    frame = read([file], [columns], frozenset({"value"}))
    start, resource = _numbered_quarters(frame), frame.text("resource")
    rows = _rows(
        resource, _all_of(frame, ""), [("Settlement Metered Net Energy", "MWh")], start, start + QUARTER_S,
        frame.number("value"),
    )  # fmt: skip
    seen = resource.codes.astype(np.int64) * np.int64(4_294_967_296) + start
    if len(np.unique(seen)) < len(seen):
        _, first = np.unique(seen, return_index=True)
        again = int(np.setdiff1d(np.arange(len(seen)), first)[0])
        frame.fail(again, "resource", "the resource has this interval twice")
    return _publication(rows, "sced_disclosure", "RT15", published_at)


def _numbered_quarters(frame: Frame) -> Ints:
    """The start of each row: the n-th quarter of the day in which its stamp (the quarter's last second) lies."""
    time, number = frame.text("time"), frame.text("number")
    ends = {}
    for code, text in enumerate(time.values):
        try:
            ends[code] = wall_clock(text)
        except ClockError as error:
            frame.fail(int(np.argmax(time.codes == code)), "time", str(error))
    pairs, row_of = np.unique(np.stack([time.codes, number.codes]), axis=1, return_inverse=True)
    starts = np.zeros(pairs.shape[1], dtype=np.int64)
    for slot, (t, n) in enumerate(pairs.T.tolist()):
        is_count = number.values[n].isascii() and number.values[n].isdigit()
        count = int(number.values[n]) if is_count else 0
        last = ends[t] - timedelta(seconds=1)
        begin = local_day_hours(last.date(), CENTRAL)[0] + (count - 1) * QUARTER_S
        shown = datetime.fromtimestamp(begin, UTC).astimezone(CENTRAL).replace(tzinfo=None)
        if not timedelta(0) <= last - shown < timedelta(seconds=QUARTER_S):
            row = int(np.argmax(row_of.reshape(-1) == slot))
            frame.fail(row, "number", f"{number.values[n]!r} is not the quarter that ends at {time.values[t]}")
        starts[slot] = begin
    found: Ints = starts[row_of.reshape(-1)]
    return found


def _all_of(frame: Frame, value: str) -> Text:
    return Text.of(np.zeros(frame.rows, dtype=np.int32), [value])


def _rows(
    resource: Text, kind: Text, quantities: Sequence[tuple[str, str]], start: Ints, end: Ints, values: Floats
) -> pa.Table:
    """One row a value that is there; `values` holds all of the first quantity (name and unit), then of the next."""
    there = np.flatnonzero(~np.isnan(values))
    quantity, row = np.divmod(there, len(start))
    units = list(dict.fromkeys(unit for _, unit in quantities))
    unit_of = np.array([units.index(unit) for _, unit in quantities], dtype=np.int32)
    return series_rows(
        "disclosures",
        {
            "resource": labels(resource.codes[row], resource.strings),
            "resource_type": labels(kind.codes[row], kind.strings),
            "quantity": labels(quantity, [name for name, _ in quantities]),
            "unit": labels(unit_of[quantity], units),
            "interval_start_utc": seconds(start[row]),
            "interval_end_utc": seconds(end[row]),
            "value": values[there],
        },
    )


def _publication(rows: pa.Table, feed: str, market: str, published_at: datetime | None) -> ParsedPublication:
    return series_publication(
        "disclosures", rows, iso="ERCOT", feed=feed, market=market, published_at=published_at,
        parser="ercot.disclosure",
    )  # fmt: skip
