"""Tables as Data Miner hands them out: JSON of the API with its links and totals, or CSV.

The same columns either way, but a moment is `2025-06-15T08:00:00` in JSON and `6/15/2025 8:00:00 AM` in CSV.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.simulator.columns import csv_rows
from integrations.isos.simulator.intervals import MARKET_ZONES
from integrations.isos.simulator.tables import EMPTY, Column, Flags, Numbers, Table, Texts, rows_of
from integrations.isos.simulator.texts import decimals, repeated, rows

EASTERN: Final = MARKET_ZONES["PJM"]


def csv_of(table: Table) -> bytes:
    """The table with a header, as the export of Data Miner's page."""
    columns = [_texts(column, _us_clock, ("False", "True"), str, "") for column in table.values()]
    return ",".join(table).encode() + b"\r\n" + csv_rows(columns, "\r\n")


def json_of(table: Table, total_rows: int, links: Sequence[Mapping[str, str]]) -> bytes:
    """One page of an answer of the API."""
    parts: list[pa.Array | str] = []
    for name, column in table.items():
        parts += [
            f'{"," if parts else "{"}"{name}":',
            _texts(column, _iso_clock, ("false", "true"), json.dumps, "null"),
        ]
    items = rows(*parts, "},")[:-1] if rows_of(table) else b""
    return f'{{"links":{json.dumps(list(links))},"items":['.encode() + items + f'],"totalRows":{total_rows}}}'.encode()


def _texts(
    column: Column, clock: Callable[[datetime], str], flags: tuple[str, str], quoted: Callable[[str], str], nothing: str
) -> pa.Array:
    if isinstance(column, Numbers):
        empty = column.units == EMPTY
        shown = decimals(np.where(empty, 0, column.units), column.decimals)
        return pc.if_else(pa.array(empty), nothing, shown) if empty.any() else shown
    if isinstance(column, Flags):
        return repeated(flags, column.values.astype(np.int64))
    if isinstance(column, Texts):
        return repeated([quoted(value) for value in column.values], column.codes)
    distinct, codes = np.unique(column.seconds, return_inverse=True)
    return repeated([quoted(clock(datetime.fromtimestamp(second, column.zone))) for second in distinct.tolist()], codes)


def _iso_clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}"


def _us_clock(moment: datetime) -> str:
    """As in 6/15/2025 4:00:00 AM."""
    half = "AM" if moment.hour < 12 else "PM"
    return f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:{moment:%M:%S} {half}"
