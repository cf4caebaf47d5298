"""PJM's load: metered, preliminary, instantaneous, forecast, and the operations summary of the previous period.

Areas are PJM's own labels (`RTO`, `AEP`, `RTO_COMBINED`), which differ from feed to feed.
"""

from datetime import UTC, datetime

import numpy as np

from integrations.isos.csv_reading import Columns
from integrations.isos.local_time import HOUR_S
from integrations.isos.pjm.fundamentals import Measure, measured
from integrations.isos.pjm.stamps import FIVE_MINUTES_S, eastern_second, ends, moments
from integrations.isos.series import series_publication
from integrations.isos.ticks import ParsedPublication

PARSER = "pjm.load"


def parse_metered(table: Columns) -> ParsedPublication:
    """`hrl_load_metered`, one row a load area and hour.

    The source version is 1 for what is verified and 0 for what is not; a file with any unverified row is preliminary.
    """
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    verified = table.text("is_verified")
    flags = [value.lower() in ("true", "1") for value in verified.values]
    unknown = [
        not flag and value.lower() not in ("false", "0") for flag, value in zip(flags, verified.values, strict=True)
    ]
    if any(unknown):
        row = int(np.argmax(np.array(unknown)[verified.codes]))
        table.fail(row, "is_verified", "the flag is neither True nor False")
    version = np.array(flags, dtype=np.int64)[verified.codes]
    load = (Measure("mw", "load", "MW"),)
    rows = measured(table, load, start, start.start() + HOUR_S, area=table.text("load_area"), version=version)
    vintage = "verified" if version.all() else "preliminary"
    return series_publication("fundamentals", rows, iso="PJM", feed="hrl_load_metered", vintage=vintage, parser=PARSER)


def parse_preliminary(table: Columns) -> ParsedPublication:
    """`hrl_load_prelim`: the hour's average of a load area's instantaneous readings, until the meters are read."""
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    end = ends(table, "datetime_ending_utc", start)
    load = (Measure("prelim_load_avg_hourly", "load", "MW"),)
    rows = measured(table, load, start, end, area=table.text("load_area"))
    return series_publication(
        "fundamentals", rows, iso="PJM", feed="hrl_load_prelim", vintage="preliminary", parser=PARSER
    )


def parse_instantaneous(table: Columns) -> ParsedPublication:
    """`inst_load`. A reading is stamped when it was taken, some seconds off the mark.

    It stands until five minutes past the nearest five-minute mark; no stamp is rounded.
    """
    start = moments(table, "datetime_beginning_utc")
    marks = (start.start() + FIVE_MINUTES_S // 2) // FIVE_MINUTES_S
    load = (Measure("instantaneous_load", "load", "MW"),)
    rows = measured(table, load, start, (marks + 1) * FIVE_MINUTES_S, area=table.text("area"))
    return series_publication("fundamentals", rows, iso="PJM", feed="inst_load", vintage="preliminary", parser=PARSER)


_FORECAST = (Measure("forecast_load_mw", "load_forecast", "MW"),)


def parse_seven_day_forecast(table: Columns) -> ParsedPublication:
    """`load_frcstd_7_day`: the hours ahead as they are forecast now."""
    start = moments(table, "forecast_datetime_beginning_utc", step_s=HOUR_S)
    issued = moments(table, "evaluated_at_datetime_utc")
    end = ends(table, "forecast_datetime_ending_utc", start)
    rows = measured(table, _FORECAST, start, end, area=table.text("forecast_area"), issued=issued)
    return series_publication("fundamentals", rows, iso="PJM", feed="load_frcstd_7_day", parser=PARSER)


def parse_historical_forecast(table: Columns) -> ParsedPublication:
    """`load_frcstd_hist`: every forecast that was made of an hour."""
    start = moments(table, "forecast_hour_beginning_utc", step_s=HOUR_S)
    issued = moments(table, "evaluated_at_utc")
    rows = measured(table, _FORECAST, start, start.start() + HOUR_S, area=table.text("forecast_area"), issued=issued)
    return series_publication("fundamentals", rows, iso="PJM", feed="load_frcstd_hist", parser=PARSER)


def parse_short_forecast(table: Columns) -> ParsedPublication:
    """`very_short_load_frcst`: five-minute intervals of the next hours."""
    start = moments(table, "forecast_datetime_beginning_utc", step_s=FIVE_MINUTES_S)
    issued = moments(table, "evaluated_at_utc")
    end = start.start() + FIVE_MINUTES_S
    rows = measured(table, _FORECAST, start, end, area=table.text("forecast_area"), issued=issued)
    return series_publication("fundamentals", rows, iso="PJM", feed="very_short_load_frcst", parser=PARSER)


_SUMMARY = (
    Measure("actual_load", "load", "MW"),
    Measure("area_load_forecast", "load_forecast", "MW"),
    Measure("dispatch_rate", "dispatch_rate", "USD/MWh"),
)


def parse_operations_summary(table: Columns) -> ParsedPublication:
    """`ops_sum_prev_period`: load, its last forecast and the dispatch rate of each control area.

    The stamp of the report itself is in Eastern time only. It is the publication's, not the forecast's: when the
    forecast was made the report does not say.
    """
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    end = ends(table, "datetime_ending_utc", start)
    generated = moments(table, "generated_at_ept", second=eastern_second)
    rows = measured(table, _SUMMARY, start, end, area=table.text("area"))
    return series_publication(
        "fundamentals",
        rows,
        iso="PJM",
        feed="ops_sum_prev_period",
        vintage="preliminary",
        published_at=datetime.fromtimestamp(int(generated.starts[-1]), UTC),
        parser=PARSER,
    )
