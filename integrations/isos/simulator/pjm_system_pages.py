"""Pages of PJM's small reports: generation, load and its forecast, ancillary prices, and the list of pricing nodes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from integrations.isos.simulator.fundamentals import Service, reserve_prices
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals
from integrations.isos.simulator.pjm import nodes_of
from integrations.isos.simulator.pjm_schedules import DAY_AHEAD, Daily, Rolling, Schedule
from integrations.isos.simulator.pjm_tables import EASTERN
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import SystemState, View
from integrations.isos.simulator.tables import Column, Moments, Numbers, Table, Texts

_HOUR_S: Final = 3600
_FORECAST_HOURS = 7 * 24
_FORECAST_DELAY: Final = timedelta(minutes=2)

Starts = NDArray[np.int64]
Values = Mapping[str, Floats]
"""(T,) megawatts by area or fuel, or prices by service."""


class Report(Protocol):
    """A report of intervals of `step_s`, filtered by the range `filter`."""

    @property
    def step_s(self) -> int: ...
    @property
    def schedule(self) -> Schedule: ...
    @property
    def archived_days(self) -> int: ...
    @property
    def filter(self) -> str: ...

    def table(self, market: GridMarket, start_s: Starts) -> Table:
        """All rows of the intervals that start then, in seconds since 1970 UTC, of which there is at least one."""
        ...


@dataclass(frozen=True)
class SystemReport:
    """A row per interval and label. `measure` takes it from the state of the system, as `view` sees that, in steps of
    `measured_s`, of which an interval is the mean. Some also say when an interval ends.
    """

    step_s: int
    schedule: Schedule
    label: str
    value: str
    measure: Callable[[GridMarket, SystemState], Values]
    archived_days: int = 731
    view: View = "actual"
    marks: tuple[tuple[str, str], ...] = ()  # columns that say the same in every row
    measured_s: int = 0
    has_ends: bool = False
    filter: str = "datetime_beginning_ept"

    def table(self, market: GridMarket, start_s: Starts) -> Table:
        """See `Report`."""
        each = self.step_s // self.measured_s if self.measured_s else 1
        steps = (start_s[:, np.newaxis] + np.arange(each) * (self.step_s // each)).ravel()
        values = self.measure(market, state_at(market, self.view, steps, self.step_s // each))
        by_row = np.stack(list(values.values()), axis=1).reshape(len(start_s), each, -1).mean(axis=1)
        seconds = np.repeat(start_s, len(values))
        table: dict[str, Column] = {
            "datetime_beginning_utc": Moments(seconds),
            "datetime_beginning_ept": Moments(seconds, EASTERN),
        }
        if self.has_ends:
            ends = seconds + self.step_s
            table |= {"datetime_ending_utc": Moments(ends), "datetime_ending_ept": Moments(ends, EASTERN)}
        table |= {
            self.label: Texts.of(list(values)).repeated(len(start_s)),
            self.value: Numbers.rounded(by_row.reshape(-1), 3),
        }
        return table | {name: Texts.of([text] * len(seconds)) for name, text in self.marks}


def state_at(market: GridMarket, view: View, start_s: Starts, step_s: int) -> SystemState:
    """The system in the intervals of `step_s` that start then, in rising order."""
    whole = np.arange(start_s[0], start_s[-1] + 1, step_s, dtype=np.int64)
    state = market.states(view, Intervals(step_s // 60, whole, whole + step_s))
    return state.during((start_s - whole[0]) // step_s)


def by_area(market: GridMarket, state: SystemState) -> Values:
    """Load of the whole and of each region."""
    region = market.system.network.region
    parts = {f"SIM{number + 1}": state.bus_load_mw[:, region == number].sum(axis=1) for number in np.unique(region)}
    return {"RTO": state.load_mw, **parts}


def _by_fuel(_: GridMarket, state: SystemState) -> Values:
    names = {fuel: fuel.replace("_", " ").title() for fuel in state.generation_mw}
    names["natural_gas"] = "Gas"
    return {names[fuel]: mw for fuel, mw in state.generation_mw.items()}


def _wind(_: GridMarket, state: SystemState) -> Values:
    return {"RTO": state.generation_mw["wind"]}


def _solar(_: GridMarket, state: SystemState) -> Values:
    return {"RTO": state.generation_mw["solar"]}


def _reserves(prefix: str) -> Callable[[GridMarket, SystemState], Values]:
    """Prices in $/MW, under PJM's long names of the services in a locale."""

    def measure(_: GridMarket, state: SystemState) -> Values:
        prices = reserve_prices(state)
        return {f"{prefix} {name}": prices[service] for service, name in _SERVICES.items()}

    return measure


_SERVICES: Final[Mapping[Service, str]] = {
    "regulation_up": "Regulation", "spinning": "Synchronized Reserve", "non_spinning": "Non-Synchronized Reserve",
}  # fmt: skip
_PRICES = (("unit", "Price"), ("row_is_current", "True"), ("version_nbr", "1"))

_NEXT_MORNING = Daily(1, time(9, 10))
SYSTEM_REPORTS: Final[Mapping[str, SystemReport]] = {
    "gen_by_fuel": SystemReport(3600, Rolling(3600, 600), "fuel_type", "mw", _by_fuel),
    "inst_load": SystemReport(300, Rolling(300, 30), "area", "instantaneous_load", by_area, archived_days=186),
    "hrl_load_metered": SystemReport(
        3600, _NEXT_MORNING, "load_area", "mw", by_area, marks=(("nerc_region", "RFC"), ("is_verified", "False"))
    ),
    "hrl_load_prelim": SystemReport(3600, _NEXT_MORNING, "load_area", "prelim_load_avg_hourly", by_area, has_ends=True),
    "ancillary_services": SystemReport(
        3600, _NEXT_MORNING, "ancillary_service", "value", _reserves("RTO"), marks=_PRICES, measured_s=300
    ),
    "da_ancillary_services": SystemReport(
        3600, DAY_AHEAD, "ancillary_service", "value", _reserves("PJM RTO"), view="day_ahead", marks=_PRICES
    ),
    "wind_gen": SystemReport(3600, _NEXT_MORNING, "area", "wind_generation_mw", _wind),
    "solar_gen": SystemReport(3600, _NEXT_MORNING, "area", "solar_generation_mw", _solar),
}


def load_forecast(market: GridMarket, now_utc: datetime) -> tuple[Table, datetime]:
    """`load_frcstd_7_day`: the hours from today's midnight, and since when it is there: a new one each hour."""
    made = (now_utc - _FORECAST_DELAY).replace(minute=0, second=0, microsecond=0)
    midnight = datetime.combine(made.astimezone(EASTERN).date(), time(), EASTERN)
    starts = int(midnight.timestamp()) + np.arange(_FORECAST_HOURS, dtype=np.int64) * _HOUR_S
    load_mw = market.states("day_ahead", Intervals(60, starts, starts + _HOUR_S)).load_mw
    evaluated = np.full(len(starts), int(made.timestamp()), dtype=np.int64)
    table: dict[str, Column] = {}
    for name, seconds in (
        ("evaluated_at_datetime", evaluated),
        ("forecast_datetime_beginning", starts),
        ("forecast_datetime_ending", starts + _HOUR_S),
    ):
        table |= {f"{name}_utc": Moments(seconds), f"{name}_ept": Moments(seconds, EASTERN)}
    table |= {
        "forecast_area": Texts.of(["RTO_COMBINED"] * len(starts)),
        "forecast_load_mw": Numbers.rounded(load_mw, 3),
    }
    return table, made + _FORECAST_DELAY


def pnode_list(market: GridMarket) -> Table:
    """`pnode`: every pricing node, from long ago and for good."""
    nodes = nodes_of(market.places)
    return {
        "pnode_id": Numbers(np.array([node.pnode_id for node in nodes], dtype=np.int64), 0),
        "pnode_name": Texts.of([node.place.node for node in nodes]),
        "pnode_type": Texts.of(["BUS" if node.voltage else "AGGREGATE" for node in nodes]),
        "pnode_subtype": Texts.of([node.place.node_type for node in nodes]),
        "zone": Texts.of([node.zone for node in nodes]),
        "voltage_level": Texts.of([node.voltage for node in nodes]),
        "effective_date": Texts.of(["2020-01-01T00:00:00"] * len(nodes)),
        "termination_date": Texts.of(["9999-12-31T00:00:00"] * len(nodes)),
    }
