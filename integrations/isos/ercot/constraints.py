"""ERCOT's constraints with their shadow prices: day-ahead by hour (NP4-191) and by run of the dispatch (NP6-86).

A constraint is named as the operator names it, `BASE CASE` for the contingency where there is none. Two of one name and
contingency in an interval are told apart by their ConstraintID, which is numbered anew each time and so left out else.
"""

from datetime import datetime

import numpy as np
import pyarrow as pa

from integrations.isos.codes import combine
from integrations.isos.csv_reading import Frame, Text
from integrations.isos.ercot.times import Times, read_timed, times_of
from integrations.isos.heads import CsvFile
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import Floats, ParsedPublication, labels, seconds

_NUMBERS = frozenset({"price", "limit", "flow"})


def parse(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """A row a constraint and interval. Raises UnreadablePublication, also for one that has an interval twice."""
    columns = {
        "constraint": file.need("ConstraintName"), "contingency": file.need("ContingencyName"),
        "id": file.need("ConstraintID"), "price": file.need("ShadowPrice"),
        "limit": file.need("ConstraintLimit", "Limit"), "flow": file.need("ConstraintValue", "Value"),
    }  # fmt: skip
    frame = read_timed(file, columns, _NUMBERS)
    times, constraint = times_of(frame), frame.text("constraint")
    contingency = frame.text("contingency", may_be_empty=True)
    price = frame.number("price")
    kept = np.flatnonzero(~np.isnan(price))
    rows = series_rows(
        "constraints",
        {
            "constraint_name": pa.array(_names(frame, times, constraint, contingency)).take(pa.array(kept)),
            "contingency": labels(contingency.codes[kept], contingency.strings),
            "interval_start_utc": seconds(times.start()[kept]),
            "interval_end_utc": seconds(times.end()[kept]),
            "shadow_price_usd_per_mwh": price[kept],
            "limit_mw": _known(frame.number("limit")[kept]),
            "flow_mw": _known(frame.number("flow")[kept]),
        },
    )
    feed, market = ("sced_shadow_prices", "RT5") if frame.has("stamp") else ("dam_shadow_prices", "DA")
    return series_publication(
        "constraints", rows, iso="ERCOT", feed=feed, market=market, published_at=published_at,
        parser="ercot.constraints",
    )  # fmt: skip


def _names(frame: Frame, times: Times, constraint: Text, contingency: Text) -> list[str]:
    """The name of each row's constraint, with its number where another one of the interval is called the same."""
    same = combine(
        [(constraint.codes, len(constraint)), (contingency.codes, len(contingency)),
         (times.intervals.code, len(times.intervals.starts))]
    )  # fmt: skip
    names = [constraint.values[code] for code in constraint.codes]
    if len(same) == frame.rows:
        return names
    number = frame.text("id")
    shared = np.bincount(same.code)[same.code] > 1
    seen: dict[tuple[int, int], int] = {}
    for row in np.flatnonzero(shared).tolist():
        key = (int(same.code[row]), int(number.codes[row]))
        if key in seen:
            problem = f"the constraint has this interval twice, in lines {frame.lines(seen[key], row)}"
            frame.fail(row, "constraint", problem)
        seen[key] = row
        names[row] += f" ({number.values[number.codes[row]]})"
    return names


def _known(values: Floats) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))
