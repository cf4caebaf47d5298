"""ERCOT's map of electrical buses to settlement points (NP4-160): buses, resource nodes, hubs and load zones.

`Settlement_Points_MMDDYYYY_HHMMSS.csv`; only the name tells since when it holds. A later map takes over from its own
day; where one ends is not stated, so the validity is open.
"""

import re
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_reading import Frame, Text, read
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.prices import BUS
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import ClockError, calendar_date
from integrations.isos.series import series_publication, series_rows
from integrations.isos.strings import joined, prefixed
from integrations.isos.ticks import ParsedPublication, labels, seconds

OPEN_END = datetime(2099, 12, 31, tzinfo=UTC)
"""The end of a validity that is open."""

_NAMED_DAY = re.compile(r"Settlement_Points_(\d{2})(\d{2})(\d{4})_\d{6}", re.IGNORECASE)
_COLUMNS = {
    "bus": "ELECTRICAL_BUS", "psse": "PSSE_BUS_NAME", "voltage": "VOLTAGE_LEVEL", "substation": "SUBSTATION",
    "zone": "SETTLEMENT_LOAD_ZONE", "resource_node": "RESOURCE_NODE", "hub_bus": "HUB_BUS_NAME", "hub": "HUB",
}  # fmt: skip


def day_of(name: str) -> date:
    """The day that the operator's file name states. Raises UnreadablePublication."""
    found = _NAMED_DAY.search(name)
    try:
        return calendar_date("/".join(found.groups()) if found else "")
    except ClockError:
        problem = "only ERCOT's file name (Settlement_Points_MMDDYYYY_HHMMSS.csv) tells the day, and this one does not"
        raise unreadable(name, problem) from None


def parse(file: CsvFile, day: date) -> ParsedPublication:
    """Each bus with its load zone, then each resource node, hub and load zone once. Raises UnreadablePublication."""
    positions = {name: file.need(column) for name, column in _COLUMNS.items()}
    frame = read([file], [positions], frozenset())
    bus, zone = frame.text("bus"), frame.text("zone")
    _refuse_repeats(frame, bus)
    start = datetime(day.year, day.month, day.day, tzinfo=CENTRAL).astimezone(UTC)
    tables = [
        _rows(start, labels(bus.codes, bus.strings), BUS, labels(zone.codes, zone.strings), _descriptions(frame)),
        _distinct(start, frame, "resource_node", "RN"),
        _distinct(start, frame, "hub", "HU"),
        _distinct(start, frame, "zone", "LZ"),
    ]
    return series_publication(
        "places", pa.concat_tables(tables).unify_dictionaries(), iso="ERCOT", feed="settlement_points",
        parser="ercot.settlement_points",
    )  # fmt: skip


def _descriptions(frame: Frame) -> pa.StringArray:
    """`BUBORA 138 kV, L_BUCKRA8_1Y`: substation, voltage, name in the network model; then what the bus is of."""
    resource, hub, hub_bus = (frame.text(name, may_be_empty=True) for name in ("resource_node", "hub", "hub_bus"))
    hubs = combine([(hub.codes, len(hub)), (hub_bus.codes, len(hub_bus))])
    hub_of, bus_of = (text.strings.take(pa.array(of)) for text, of in zip((hub, hub_bus), hubs.members, strict=True))
    at_hub = prefixed(pc.binary_join_element_wise(hub_of, "at ", " "), bus_of)
    parts = [
        pc.binary_join_element_wise(frame.cells("substation"), frame.cells("voltage"), "kV", " "),
        frame.cells("psse"),
        prefixed("resource node ", resource.strings).take(pa.array(resource.codes)),
        at_hub.take(pa.array(hubs.code)),
    ]
    return joined(parts, ", ")


def _distinct(start: datetime, frame: Frame, column: str, node_type: str) -> pa.Table:
    """The distinct names of a column, with the load zone of their buses where that is one."""
    name, zone = frame.text(column, may_be_empty=True), frame.text("zone")
    names, zones = combine([(name.codes, len(name)), (zone.codes, len(zone))]).members
    codes, first, zones_of = np.unique(names, return_index=True, return_counts=True)
    is_node = pc.not_equal(name.strings, "").to_numpy(zero_copy_only=False)[codes]
    codes, first, zones_of = codes[is_node], first[is_node], zones_of[is_node]
    area = zone.strings.take(pa.array(zones[first], mask=(zones_of > 1) | (column != "resource_node")))
    node, nothing = name.strings.take(pa.array(codes)), pa.array([""] * len(codes), pa.string())
    return _rows(start, node, node_type, area.fill_null(""), nothing)


def _rows(start: datetime, node: pa.Array, node_type: str, area: pa.Array, description: pa.Array) -> pa.Table:
    columns = {
        "node": node,
        "node_type": labels(np.zeros(len(node), dtype=np.int32), [node_type]),
        "area": area,
        "description": description,
        "interval_start_utc": seconds(np.full(len(node), int(start.timestamp()))),
        "interval_end_utc": seconds(np.full(len(node), int(OPEN_END.timestamp()))),
    }
    return series_rows("places", columns)


def _refuse_repeats(frame: Frame, bus: Text) -> None:
    if repeat := first_repeat(bus.codes, len(bus)):
        frame.fail(repeat[1], "bus", "the bus is there twice")
