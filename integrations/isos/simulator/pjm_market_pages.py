"""Pages of PJM's reports of markets and forecasts: results of reserves and regulation, constraints, what was expected.

Shadow prices are those that make the congestion in the LMPs; facilities are the lines of the network between its buses.
Forecasts of the hours of a day are made once, and are the day-ahead state; those of five minutes the hour-ahead state.
The regulation market buys what it wants, in fixed shares; its signals move as the load did.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final

import numpy as np

from integrations.isos.simulator.fundamentals import Service, reserve_prices
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.pjm_schedules import DAY_AHEAD, Daily, Rolling, Schedule
from integrations.isos.simulator.pjm_system_pages import Report, Starts, by_area, state_at
from integrations.isos.simulator.pjm_tables import EASTERN
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import SystemState, View
from integrations.isos.simulator.tables import Column, Moments, Numbers, Table, Texts

_HOUR_S: Final = 3600
_FIVE_MINUTES_S: Final = 300
_SERVICES: Final[Mapping[str, Service]] = {"REG": "regulation_up", "SR": "spinning", "NSR": "non_spinning"}
_LOCALE = "PJM_RTO"
# Of each reserve this share of the load is wanted, and bought.
_WANTED: Final = {"REG": 0.005, "SR": 0.02, "NSR": 0.02}
_CAPABILITY = 0.96  # of the price of regulation; the rest is for performance
_SELF_SCHEDULED, _FAST = 0.5, 0.35
_REGULATION_MW = {False: 525.0, True: 800.0}  # from 5 to 24 o'clock it is more
_PENALTY_USD_PER_MWH = 1000.0
_FORECAST_AHEAD = timedelta(days=2)


@dataclass(frozen=True)
class MarketReport:
    """A report whose table `write` makes."""

    step_s: int
    schedule: Schedule
    write: Callable[[GridMarket, Starts], Table]
    archived_days: int = 731
    filter: str = "datetime_beginning_ept"

    def table(self, market: GridMarket, start_s: Starts) -> Table:
        """See `pjm_system_pages.Report`."""
        return self.write(market, start_s)


def reserve_results(view: View, step_s: int, market: GridMarket, start_s: Starts) -> Table:
    """A row an interval and service: its price, what was wanted and what was bought; in real time of two parts."""
    state = state_at(market, view, start_s, step_s)
    prices = {service: reserve_prices(state)[ours] for service, ours in _SERVICES.items()}
    wanted = np.stack([share * state.load_mw for share in _WANTED.values()], axis=1).ravel()
    price = np.stack(list(prices.values()), axis=1)
    is_regulation = np.tile([service == "REG" for service in prices], len(start_s))
    table = _moments("datetime_beginning", np.repeat(start_s, len(prices)))
    table |= {
        "locale": Texts.of([_LOCALE] * len(wanted)),
        "service": Texts.of(list(prices)).repeated(len(start_s)),
        "mcp": Numbers.rounded(price.ravel(), 2),
    }
    if view == "actual":
        parts = [np.where(is_regulation, share * price.ravel(), np.nan) for share in (_CAPABILITY, 1 - _CAPABILITY)]
        table["mcp_capped"] = table["mcp"]
        table |= {name: Numbers.rounded(part, 2) for name, part in zip(("reg_ccp", "reg_pcp"), parts, strict=True)}
    bought, own = Numbers.rounded(wanted, 2), Numbers.rounded(_SELF_SCHEDULED * wanted, 2)
    return table | {"as_req_mw": bought, "total_mw": bought, "as_mw": bought, "ss_mw": own}


def regulation_results(market: GridMarket, start_s: Starts) -> Table:
    """A row an hour: how much regulation was bought, and how far its two signals went."""
    slots = (start_s[:, np.newaxis] + np.arange(12) * _FIVE_MINUTES_S).ravel()
    load = state_at(market, "actual", slots, _FIVE_MINUTES_S).load_mw.reshape(len(start_s), 12)
    hours = [datetime.fromtimestamp(second, EASTERN).hour for second in start_s.tolist()]
    wanted = np.array([_REGULATION_MW[hour >= 5] for hour in hours])
    slow = np.abs(np.diff(load, axis=1)).sum(axis=1) / wanted
    values: dict[str, tuple[Floats, int]] = {"requirement": (wanted, 0)}
    for name, share in (("ss", _SELF_SCHEDULED), ("procure", 1 - _SELF_SCHEDULED)):
        column = "{}_ssmw" if name == "ss" else "{}_procure"
        values[column.format("regd")] = (_FAST * share * wanted, 1)
        values[column.format("rega")] = ((1 - _FAST) * share * wanted, 1)
    nothing = np.zeros(len(start_s))
    values |= {"total_mw": (wanted, 1), "deficiency": (nothing, 1), "rto_perfscore": (nothing + 0.87, 2)}
    values |= {"rega_mileage": (slow, 1), "regd_mileage": (5 * slow, 1)}
    values |= {"rega_hourly": (slow, 1), "regd_hourly": (5 * slow, 1)}
    table = _moments("datetime_beginning", start_s)
    table |= {name: Numbers.rounded(value, decimals) for name, (value, decimals) in values.items()}
    return table | {"is_approved": Numbers(np.ones(len(start_s), dtype=np.int64), 0)}


def marginal_values(view: View, step_s: int, market: GridMarket, start_s: Starts) -> Table:
    """A row an interval and line that is full: its shadow price, negative as PJM writes it."""
    state = state_at(market, view, start_s, step_s)
    price = -np.abs(np.round(market.shadow_prices(state), 2))
    at, line = np.nonzero(price)
    seconds = start_s[at]
    table = _moments("datetime_beginning", seconds) | _moments("datetime_ending", seconds + step_s)
    table |= _facilities(market, line, "BASE" if view == "actual" else "ACTUAL")
    if view == "actual":
        always = np.ones(len(seconds))
        table["transmission_constraint_penalty_factor"] = Numbers.rounded(_PENALTY_USD_PER_MWH * always, 1)
        table["limit_control_percentage"] = Numbers.rounded(100 * always, 1)
    return table | {"shadow_price": Numbers.rounded(price[at, line], 2)}


def transmission_constraints(market: GridMarket, start_s: Starts) -> Table:
    """A row for each run of hours of a day through which a line is full day-ahead."""
    is_full = np.round(market.shadow_prices(state_at(market, "day_ahead", start_s, _HOUR_S)), 2) != 0
    days = np.array([datetime.fromtimestamp(second, EASTERN).toordinal() for second in start_s.tolist()])
    breaks = np.concatenate([[True], (np.diff(days) != 0) | (np.diff(start_s) != _HOUR_S)])
    begins = is_full & (~np.roll(is_full, 1, axis=0) | breaks[:, np.newaxis])
    ends = is_full & (~np.roll(is_full, -1, axis=0) | np.append(breaks[1:], True)[:, np.newaxis])
    # By line both have the same count, in order of time; the table is by time.
    line, first = np.nonzero(begins.T)
    last = np.nonzero(ends.T)[1]
    order = np.lexsort((line, first))
    line, first, last = line[order], first[order], last[order]
    facilities = _facilities(market, line, "ACTUAL")
    return (
        _moments("datetime_beginning", start_s[first])
        | _moments("datetime_ending", start_s[last] + _HOUR_S)
        | {
            "duration": Numbers((last - first + 1).astype(np.int64), 0),
            "day_ahead_congestion_event": facilities["monitored_facility"],
        }
        | facilities
    )


def load_forecasts(market: GridMarket, start_s: Starts) -> Table:
    """`load_frcstd_hist`: hours as they were forecast on the morning of the day before."""
    made = _days_before(start_s, timedelta(days=1), time(9, 45))
    load = state_at(market, "day_ahead", start_s, _HOUR_S).load_mw
    return _forecast(made, "forecast_hour_beginning", start_s, load, "RTO")


def short_load_forecasts(market: GridMarket, start_s: Starts) -> Table:
    """`very_short_load_frcst`: five minutes as they were forecast just before."""
    load = state_at(market, "hour_ahead", start_s, _FIVE_MINUTES_S).load_mw
    return _forecast(start_s - _FIVE_MINUTES_S, "forecast_datetime_beginning", start_s, load, "RTO_COMBINED")


def renewable_forecasts(
    columns: Mapping[str, Callable[[SystemState], Floats]], market: GridMarket, start_s: Starts
) -> Table:
    """Hours of wind or sun as they were forecast two midnights before."""
    state = state_at(market, "day_ahead", start_s, _HOUR_S)
    table = _moments("evaluated_at", _days_before(start_s, _FORECAST_AHEAD, time()))
    table |= _moments("datetime_beginning", start_s) | _moments("datetime_ending", start_s + _HOUR_S)
    return table | {name: Numbers.rounded(measure(state), 3) for name, measure in columns.items()}


def operations_summary(market: GridMarket, start_s: Starts) -> Table:
    """`ops_sum_prev_period`: a row an hour and area, written on the next morning."""
    actual, expected = (state_at(market, view, start_s, _HOUR_S) for view in ("actual", "day_ahead"))
    load, forecast = by_area(market, actual), by_area(market, expected)
    seconds = np.repeat(start_s, len(load))
    table = _moments("datetime_beginning", seconds) | _moments("datetime_ending", seconds + _HOUR_S)
    written = _days_before(seconds, timedelta(days=-1), time(8, 0, 40))
    table |= {"generated_at_ept": Moments(written, EASTERN), "area": Texts.of(list(load)).repeated(len(start_s))}
    for name, values in (("area_load_forecast", forecast), ("actual_load", load)):
        table[name] = Numbers.rounded(np.stack(list(values.values()), axis=1).ravel(), 2)
    return table | {"dispatch_rate": Numbers.rounded(np.repeat(actual.energy_usd_per_mwh, len(load)), 2)}


def _moments(name: str, seconds: Starts) -> dict[str, Column]:
    return {f"{name}_utc": Moments(seconds), f"{name}_ept": Moments(seconds, EASTERN)}


def _facilities(market: GridMarket, line: Starts, contingency: str) -> dict[str, Column]:
    """The lines by number, and that nothing else is out."""
    names = [f"SIM{first:02d}-SIM{last:02d} 345 KV" for first, last in market.system.network.lines.tolist()]
    return {"monitored_facility": Texts(line, names), "contingency_facility": Texts(np.zeros_like(line), [contingency])}


def _forecast(made_s: Starts, name: str, start_s: Starts, load_mw: Floats, area: str) -> Table:
    table = _moments("evaluated_at", made_s) | _moments(name, start_s)
    return table | {
        "forecast_area": Texts.of([area] * len(start_s)),
        "forecast_load_mw": Numbers.rounded(load_mw, 3),
    }


def _days_before(seconds: Starts, before: timedelta, clock: time) -> Starts:
    """A time of day so many days before the Eastern days that moments lie in."""
    days, codes = np.unique(
        [datetime.fromtimestamp(second, EASTERN).toordinal() for second in seconds.tolist()], return_inverse=True
    )
    midnights = [datetime.combine(datetime.fromordinal(day) - before, clock, EASTERN) for day in days.tolist()]
    return np.array([int(moment.timestamp()) for moment in midnights], dtype=np.int64)[codes]


def _wind(state: SystemState) -> Floats:
    return state.wind_mw


def _sun(state: SystemState) -> Floats:
    return state.solar_mw


def _nothing(state: SystemState) -> Floats:
    return np.zeros(len(state.load_mw))


_NEXT_MORNING: Final = Daily(1, time(9, 10))
_TWO_DAYS_AHEAD: Final = Daily(-2, time(0, 10))
# Out half a minute after it was made, which is five minutes before its interval begins.
_JUST_BEFORE: Final = Rolling(_FIVE_MINUTES_S, 30 - 2 * _FIVE_MINUTES_S)

MARKET_REPORTS: Final[Mapping[str, Report]] = {
    "reserve_market_results": MarketReport(
        _FIVE_MINUTES_S, _NEXT_MORNING, partial(reserve_results, "actual", _FIVE_MINUTES_S), archived_days=186
    ),
    "da_reserve_market_results": MarketReport(_HOUR_S, DAY_AHEAD, partial(reserve_results, "day_ahead", _HOUR_S)),
    "reg_market_results": MarketReport(_HOUR_S, Daily(35, time(10, 6)), regulation_results),
    "da_marginal_value": MarketReport(_HOUR_S, DAY_AHEAD, partial(marginal_values, "day_ahead", _HOUR_S)),
    "rt_marginal_value": MarketReport(
        _FIVE_MINUTES_S, _NEXT_MORNING, partial(marginal_values, "actual", _FIVE_MINUTES_S), archived_days=186
    ),
    "da_transconstraints": MarketReport(_HOUR_S, DAY_AHEAD, transmission_constraints),
    "load_frcstd_hist": MarketReport(
        _HOUR_S, Daily(0, time(0, 20)), load_forecasts, filter="forecast_hour_beginning_ept"
    ),
    "very_short_load_frcst": MarketReport(
        _FIVE_MINUTES_S, _JUST_BEFORE, short_load_forecasts, archived_days=186,
        filter="forecast_datetime_beginning_ept",
    ),
    "hourly_wind_power_forecast": MarketReport(
        _HOUR_S, _TWO_DAYS_AHEAD, partial(renewable_forecasts, {"wind_forecast_mwh": _wind})
    ),
    "hourly_solar_power_forecast": MarketReport(
        _HOUR_S, _TWO_DAYS_AHEAD,
        partial(renewable_forecasts, {"solar_forecast_mwh": _sun, "solar_forecast_btm_mwh": _nothing}),
    ),
    "ops_sum_prev_period": MarketReport(_HOUR_S, Daily(1, time(8, 1)), operations_summary),
}  # fmt: skip
