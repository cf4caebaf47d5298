"""PJM's binding constraints: marginal values (shadow prices), and the day-ahead constraints without them.

A shadow price has PJM's sign: negative where relieving the constraint lowers cost. A constraint is the monitored
facility; PJM writes `ACTUAL` or `BASE` for the contingency where there is none.
"""

import numpy as np
import pyarrow as pa

from integrations.isos.csv_reading import Columns
from integrations.isos.local_time import HOUR_S
from integrations.isos.pjm.stamps import FIVE_MINUTES_S, ends, first_of_each, moments
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication, labels, seconds

PARSER = "pjm.constraints"


def parse_day_ahead_marginal_values(table: Columns) -> ParsedPublication:
    """`da_marginal_value`."""
    return _parse(table, "da_marginal_value", "DA", HOUR_S)


def parse_real_time_marginal_values(table: Columns) -> ParsedPublication:
    """`rt_marginal_value`, every five minutes. Limit control and penalty factor are not kept."""
    return _parse(table, "rt_marginal_value", "RT5", FIVE_MINUTES_S)


def parse_day_ahead_constraints(table: Columns) -> ParsedPublication:
    """`da_transconstraints`: for how many hours on end each constraint binds. It has no price."""
    return _parse(table, "da_transconstraints", "DA", HOUR_S)


def _parse(table: Columns, feed: str, market: str, step_s: int) -> ParsedPublication:
    start = moments(table, "datetime_beginning_utc", step_s=step_s)
    end = ends(table, "datetime_ending_utc", start)
    monitored, contingency = table.text("monitored_facility"), table.text("contingency_facility", may_be_empty=True)
    is_priced = table.has("shadow_price")
    price = table.number("shadow_price") if is_priced else np.full(table.rows, np.nan)
    key = [(start.code, len(start.starts)), (monitored.codes, len(monitored)), (contingency.codes, len(contingency))]
    first = first_of_each(table, key, {"shadow_price": price} if is_priced else {})
    kept = np.flatnonzero(first & ~np.isnan(price) if is_priced else first)
    rows = series_rows(
        "constraints",
        {
            "constraint_name": labels(monitored.codes[kept], monitored.strings),
            "contingency": labels(contingency.codes[kept], contingency.strings),
            "interval_start_utc": seconds(start.start()[kept]),
            "interval_end_utc": seconds(end[kept]),
            "shadow_price_usd_per_mwh": pa.array(price[kept], from_pandas=True),
        },
    )
    return series_publication("constraints", rows, iso="PJM", feed=feed, market=market, parser=PARSER)
