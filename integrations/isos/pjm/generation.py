"""PJM's generation by fuel, wind and solar output, and their forecasts."""

from integrations.isos.csv_reading import Columns, Text
from integrations.isos.local_time import HOUR_S
from integrations.isos.pjm.fundamentals import Measure, measured
from integrations.isos.pjm.stamps import ends, moments
from integrations.isos.series import series_publication
from integrations.isos.ticks import ParsedPublication

PARSER = "pjm.generation"


def parse_by_fuel(table: Columns) -> ParsedPublication:
    """`gen_by_fuel`: the whole RTO, the category is the fuel (`other_renewables`)."""
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    fuel = table.text("fuel_type")
    category = Text.of(fuel.codes, ["_".join(value.lower().split()) for value in fuel.values])
    rows = measured(table, (Measure("mw", "generation", "MW"),), start, start.start() + HOUR_S, category=category)
    return series_publication("fundamentals", rows, iso="PJM", feed="gen_by_fuel", parser=PARSER)


def parse_wind(table: Columns) -> ParsedPublication:
    """`wind_gen`."""
    return _hourly(table, "wind_gen", Measure("wind_generation_mw", "wind", "MW"))


def parse_solar(table: Columns) -> ParsedPublication:
    """`solar_gen`. At night it can be negative: what plants draw."""
    return _hourly(table, "solar_gen", Measure("solar_generation_mw", "solar", "MW"))


def parse_wind_forecast(table: Columns) -> ParsedPublication:
    """`hourly_wind_power_forecast`: every forecast that was made of an hour, one each ten minutes."""
    return _forecast(table, "hourly_wind_power_forecast", Measure("wind_forecast_mwh", "wind_forecast", "MWh"))


def parse_solar_forecast(table: Columns) -> ParsedPublication:
    """`hourly_solar_power_forecast`: of plants that PJM meters, and (category) of those behind customers' meters."""
    return _forecast(
        table,
        "hourly_solar_power_forecast",
        Measure("solar_forecast_mwh", "solar_forecast", "MWh"),
        Measure("solar_forecast_btm_mwh", "solar_forecast", "MWh", "behind_the_meter"),
    )


def _hourly(table: Columns, feed: str, measure: Measure) -> ParsedPublication:
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    rows = measured(table, (measure,), start, start.start() + HOUR_S, area=table.text("area"))
    return series_publication("fundamentals", rows, iso="PJM", feed=feed, parser=PARSER)


def _forecast(table: Columns, feed: str, *measures: Measure) -> ParsedPublication:
    start = moments(table, "datetime_beginning_utc", step_s=HOUR_S)
    end = ends(table, "datetime_ending_utc", start)
    rows = measured(table, measures, start, end, issued=moments(table, "evaluated_at_utc"))
    return series_publication("fundamentals", rows, iso="PJM", feed=feed, parser=PARSER)
