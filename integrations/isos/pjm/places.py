"""PJM's list of pricing nodes (`pnode`): name, type and zone, with the dates from and to which each is priced.

Dates are Eastern. `node` is the full name (`ALDENE  230 KV  T-10`), of which the LMP reports print the substation
alone for buses; the description starts with the `pnode_id` that tells them apart.
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Columns
from integrations.isos.local_time import calendar_date
from integrations.isos.pjm.stamps import eastern_second, moments
from integrations.isos.series import series_publication, series_rows
from integrations.isos.strings import joined
from integrations.isos.ticks import ParsedPublication, labels, seconds

PARSER = "pjm.places"

_FIRST_DAY_S = 631_152_000  # 1990-01-01: PJM has no prices from before, and writes 1/1/1900 for "always"
_OPEN_END_S = 4_102_358_400  # 2099-12-31, for PJM's 12/31/9999


def parse_pnodes(table: Columns) -> ParsedPublication:
    """One row a pricing node and validity."""
    start = moments(table, "effective_date", second=_day).start()
    end = moments(table, "termination_date", second=_day).start() if table.has("termination_date") else None
    name, kind = table.text("pnode_name"), table.text("pnode_subtype")
    zone = table.text("zone", may_be_empty=True)
    until = np.full(table.rows, _OPEN_END_S) if end is None else np.maximum(end, start)
    rows = series_rows(
        "places",
        {
            "node": labels(name.codes, name.strings),
            "node_type": labels(kind.codes, kind.strings),
            "area": labels(zone.codes, zone.strings),
            "description": _described(table),
            "interval_start_utc": seconds(start),
            "interval_end_utc": seconds(until),
        },
    )
    return series_publication("places", rows, iso="PJM", feed="pnode", parser=PARSER)


def _described(table: Columns) -> pa.StringArray:
    """`48592 BUS 230 KV`."""
    return joined([table.cells(name) for name in ("pnode_id", "pnode_type", "voltage_level") if table.has(name)], " ")


@lru_cache(maxsize=4096)
def _day(text: str) -> int:
    """The Eastern day of a stamp, kept within the days that the read models can hold."""
    day = text.partition("T" if "T" in text else " ")[0]
    year = day[:4] if "-" in day else day.rpartition("/")[2]
    if year.isdecimal() and int(year) < 1990:
        return _FIRST_DAY_S
    if year.isdecimal() and int(year) > 2098:
        return _OPEN_END_S
    calendar_date(day)
    return eastern_second(text if len(text) > len(day) else f"{text} 00:00")
