"""Every Data Miner report that is read, and how to tell which one a table is."""

import re

from integrations.isos.pjm import ancillary, constraints, generation, lmps, load, places
from integrations.isos.pjm.tables import Report, folded

_BEGINNING = "datetime_beginning_utc"
_LMP_OPTIONAL = lmps.TELLING_APART


def _lmp_report(name: str, run: lmps.Run, parse: lmps.Parse, *, verified: bool) -> Report:
    parts = (run.total, run.congestion, run.loss)
    return Report(
        name,
        texts=lmps.TEXTS,
        numbers=(*parts, *((run.energy, "version_nbr") if verified else ())),
        tells=(run.total, "pnode_name"),
        parse=parse,
        optional_texts=_LMP_OPTIONAL,
        optional_numbers=() if verified else (run.energy,),
        lacks=() if verified else ("version_nbr", "row_is_current"),
        # With the energy component it may as well be a verified one whose versions were not asked for.
        unnamed_lacks=() if verified else (run.energy,),
        # Without their versions, real-time prices may be verified or not: of them all columns are needed.
        may_lack=("type", run.energy, run.congestion, run.loss, "version_nbr") if run == lmps.DA else (),
        passed_over=("datetime_beginning_ept", "zone", "row_is_current"),
    )


_MARKET_RESULTS = ("mcp", "total_mw", "as_req_mw")
_REAL_TIME_ONLY = ("reg_ccp", "reg_pcp")

REPORTS = (
    # Of several reports with the same columns the first is taken where neither a name nor a link says which.
    _lmp_report("da_hrl_lmps", lmps.DA, lmps.parse_day_ahead, verified=True),
    _lmp_report("rt_unverified_hrl_lmps", lmps.RT, lmps.parse_unverified_hourly, verified=False),
    _lmp_report("rt_unverified_fivemin_lmps", lmps.RT, lmps.parse_unverified_five_minutes, verified=False),
    _lmp_report("rt_hrl_lmps", lmps.RT, lmps.parse_hourly, verified=True),
    _lmp_report("rt_fivemin_hrl_lmps", lmps.RT, lmps.parse_five_minutes, verified=True),
    Report(
        "unverified_five_min_lmps",
        texts=(_BEGINNING, "name", "type"),
        numbers=("five_min_rtlmp",),
        tells=("five_min_rtlmp",),
        parse=lmps.parse_unverified_totals,
    ),
    Report(
        "ancillary_services",
        texts=(_BEGINNING, "ancillary_service", "unit"),
        numbers=("value", "version_nbr"),
        tells=("ancillary_service", "value"),
        parse=ancillary.parse_prices,
    ),
    Report(
        "reserve_market_results",
        texts=(_BEGINNING, "locale", "service"),
        numbers=(*_MARKET_RESULTS, *_REAL_TIME_ONLY),
        tells=("locale", "service", "reg_ccp"),
        parse=ancillary.parse_real_time_results,
    ),
    Report(
        "da_reserve_market_results",
        texts=(_BEGINNING, "locale", "service"),
        numbers=_MARKET_RESULTS,
        tells=("locale", "service", "mcp"),
        parse=ancillary.parse_day_ahead_results,
        lacks=_REAL_TIME_ONLY,
    ),
    Report(
        "reg_market_results",
        texts=(_BEGINNING,),
        numbers=("requirement", "total_mw", "deficiency"),
        tells=("requirement", "rto_perfscore"),
        parse=ancillary.parse_regulation,
        optional_numbers=tuple(set(ancillary.REGULATION_COLUMNS) - {"requirement", "total_mw", "deficiency"}),
    ),
    Report(
        "hrl_load_metered",
        texts=(_BEGINNING, "load_area", "is_verified"),
        numbers=("mw",),
        tells=("load_area", "is_verified"),
        parse=load.parse_metered,
    ),
    Report(
        "hrl_load_prelim",
        texts=(_BEGINNING, "datetime_ending_utc", "load_area"),
        numbers=("prelim_load_avg_hourly",),
        tells=("prelim_load_avg_hourly",),
        parse=load.parse_preliminary,
    ),
    Report(
        "inst_load",
        texts=(_BEGINNING, "area"),
        numbers=("instantaneous_load",),
        tells=("instantaneous_load",),
        parse=load.parse_instantaneous,
    ),
    Report(
        "load_frcstd_7_day",
        texts=(
            "evaluated_at_datetime_utc", "forecast_datetime_beginning_utc", "forecast_datetime_ending_utc",
            "forecast_area",
        ),
        numbers=("forecast_load_mw",),
        tells=("evaluated_at_datetime_utc", "forecast_load_mw"),
        parse=load.parse_seven_day_forecast,
    ),
    Report(
        "load_frcstd_hist",
        texts=("evaluated_at_utc", "forecast_hour_beginning_utc", "forecast_area"),
        numbers=("forecast_load_mw",),
        tells=("forecast_hour_beginning_utc", "forecast_load_mw"),
        parse=load.parse_historical_forecast,
    ),
    Report(
        "very_short_load_frcst",
        texts=("evaluated_at_utc", "forecast_datetime_beginning_utc", "forecast_area"),
        numbers=("forecast_load_mw",),
        tells=("evaluated_at_utc", "forecast_datetime_beginning_utc", "forecast_load_mw"),
        parse=load.parse_short_forecast,
    ),
    Report(
        "ops_sum_prev_period",
        texts=(_BEGINNING, "datetime_ending_utc", "generated_at_ept", "area"),
        numbers=("area_load_forecast", "actual_load", "dispatch_rate"),
        tells=("generated_at_ept", "actual_load"),
        parse=load.parse_operations_summary,
    ),
    Report(
        "gen_by_fuel",
        texts=(_BEGINNING, "fuel_type"),
        numbers=("mw",),
        tells=(_BEGINNING, "fuel_type", "mw"),
        parse=generation.parse_by_fuel,
    ),
    Report(
        "wind_gen",
        texts=(_BEGINNING, "area"),
        numbers=("wind_generation_mw",),
        tells=("wind_generation_mw",),
        parse=generation.parse_wind,
    ),
    Report(
        "solar_gen",
        texts=(_BEGINNING, "area"),
        numbers=("solar_generation_mw",),
        tells=("solar_generation_mw",),
        parse=generation.parse_solar,
    ),
    Report(
        "hourly_wind_power_forecast",
        texts=(_BEGINNING, "datetime_ending_utc", "evaluated_at_utc"),
        numbers=("wind_forecast_mwh",),
        tells=("wind_forecast_mwh",),
        parse=generation.parse_wind_forecast,
    ),
    Report(
        "hourly_solar_power_forecast",
        texts=(_BEGINNING, "datetime_ending_utc", "evaluated_at_utc"),
        numbers=("solar_forecast_mwh",),
        tells=("solar_forecast_mwh",),
        parse=generation.parse_solar_forecast,
        optional_numbers=("solar_forecast_btm_mwh",),
    ),
    Report(
        "da_marginal_value",
        texts=(_BEGINNING, "datetime_ending_utc", "monitored_facility", "contingency_facility"),
        numbers=("shadow_price",),
        tells=("monitored_facility", "shadow_price"),
        parse=constraints.parse_day_ahead_marginal_values,
        lacks=("limit_control_percentage", "transmission_constraint_penalty_factor"),
    ),
    Report(
        "rt_marginal_value",
        texts=(_BEGINNING, "datetime_ending_utc", "monitored_facility", "contingency_facility"),
        numbers=("shadow_price",),
        tells=("monitored_facility", "shadow_price"),
        parse=constraints.parse_real_time_marginal_values,
    ),
    Report(
        "da_transconstraints",
        texts=(_BEGINNING, "datetime_ending_utc", "monitored_facility", "contingency_facility"),
        numbers=(),
        tells=("day_ahead_congestion_event",),
        parse=constraints.parse_day_ahead_constraints,
    ),
    Report(
        "pnode",
        texts=("pnode_id", "pnode_name", "pnode_type", "pnode_subtype", "zone", "effective_date"),
        numbers=(),
        tells=("pnode_id", "pnode_subtype"),
        parse=places.parse_pnodes,
        optional_texts=("voltage_level", "termination_date"),
    ),
)  # fmt: skip

_BY_NAME = {report.name: report for report in REPORTS}
# The longest first: `da_reserve_market_results` holds another report's name.
_NAMED = re.compile(
    "(?<![a-z0-9])(" + "|".join(sorted(map(re.escape, _BY_NAME), key=len, reverse=True)) + ")(?![a-z0-9])",
    re.IGNORECASE,
)


def report_named(words: str) -> Report | None:
    """The report that a file's name or a feed's name begins with, or holds."""
    found = _NAMED.search(words)
    return _BY_NAME[found[1].lower()] if found else None


def report_of(keys: frozenset[str], named: str) -> Report | None:
    """The report whose columns these are. `named` is what file or link call it; columns decide, names settle a tie.

    A table that bears a report's name, has most of its columns and is told by none is that report too, so that a
    renamed column is seen as one.
    """
    hint = report_named(named)
    told = [report for report in REPORTS if report.is_told_by(keys)]
    if hint in told:
        return hint
    if unnamed := next((report for report in told if not folded(report.unnamed_lacks) & keys), None):
        return unnamed
    if not keys:  # an empty answer, which only its link tells
        return hint
    if hint and 2 * len(hint.needed_keys & keys) >= len(hint.needed_keys):
        return hint
    return _nearly_lmps(keys)


def _nearly_lmps(keys: frozenset[str]) -> Report | None:
    """LMPs under any name with a column missing or renamed: there are enough others to know them by."""
    verified = [_BY_NAME[name] for name in ("da_hrl_lmps", "rt_hrl_lmps")]
    return next((r for r in verified if len(r.needed_keys & keys) >= len(r.needed_keys) - 2), None)
