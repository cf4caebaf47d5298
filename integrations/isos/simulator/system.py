"""The physical side of a simulated market: load, wind, sun, outages, and the merit order that serves the load.

Every number is a function of (iso, seed, moment): a state can be asked for at any time. Load follows season, week, hour
and weather by region; wind a process by region; the sun its elevation and clouds. What is left is served in order of
merit by a fleet of which a part is out, and the marginal unit sets the price of energy. The day-ahead state has hours
and the weather as it was forecast; the hour-ahead and the actual state have five minutes, errors of the forecast and
units that trip.

It has no unit commitment, no ramps and no trade between the four.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from integrations.isos.simulator.fleets import FLEETS, SOLAR, WIND, Segment
from integrations.isos.simulator.intervals import local_hours
from integrations.isos.simulator.network import REGIONS, Network, synthetic_network
from integrations.isos.simulator.noise import decaying_jumps, mean_reverting, stream_key
from integrations.isos.simulator.shapes import Floats, bell, sunlight, total, yearly_peak

View = Literal["day_ahead", "hour_ahead", "actual"]
HOUR_S: Final = 3600
SLOT_S: Final = 300

# Per share of the fleet that trips: what stands in for it at once costs more than what would in an hour.
_QUICK_START_USD_PER_MWH = 1200.0

# How far the weather is from what was forecast for it, as a share of the error of the day-ahead forecast.
_SURPRISE: Final[dict[View, float]] = {"day_ahead": 0.0, "hour_ahead": 0.6, "actual": 1.0}


@dataclass(frozen=True)
class SystemState:
    """The means over T steps, at B buses where it is by bus.

    Load is what is used; wind and solar are what could be made of them. Generation by fuel, batteries' output included,
    adds up to the load; capacity is what is not out, batteries left aside. `spare_mw` is what could be made more.
    """

    bus_load_mw: Floats
    bus_wind_mw: Floats
    bus_solar_mw: Floats
    generation_mw: dict[str, Floats]
    capacity_mw: dict[str, Floats]
    injection_mw: Floats
    spare_mw: Floats
    energy_usd_per_mwh: Floats

    @property
    def load_mw(self) -> Floats:
        return total(self.bus_load_mw)

    @property
    def wind_mw(self) -> Floats:
        """What the wind would give; what it gives is generation."""
        return total(self.bus_wind_mw)

    @property
    def solar_mw(self) -> Floats:
        """What the sun would give; what it gives is generation."""
        return total(self.bus_solar_mw)

    def means(self, each: int) -> "SystemState":
        """The state of steps `each` times as long."""

        return self._each(lambda values: values.reshape(-1, each, *values.shape[1:]).mean(axis=1))

    def during(self, run: slice | NDArray[np.int64]) -> "SystemState":
        """The state in a run of its steps only, or in those of these positions."""
        return self._each(lambda values: values[run])

    def _each(self, change: Callable[[Floats], Floats]) -> "SystemState":
        return SystemState(
            change(self.bus_load_mw),
            change(self.bus_wind_mw),
            change(self.bus_solar_mw),
            {fuel: change(values) for fuel, values in self.generation_mw.items()},
            {fuel: change(values) for fuel, values in self.capacity_mw.items()},
            change(self.injection_mw),
            change(self.spare_mw),
            change(self.energy_usd_per_mwh),
        )


@dataclass(frozen=True)
class System:
    """One operator's system under one non-negative seed."""

    iso: str
    seed: int

    @property
    def network(self) -> Network:
        return _network(self.iso, self.seed)

    def state(self, view: View, first: int, count: int) -> SystemState:
        """The state of `count` steps from step `first` since 1970 UTC: hours day-ahead, else five minutes."""
        fleet, network = FLEETS[self.iso], self.network
        steps = _Steps(self, view, first, count)
        regional = steps.regional_load()
        bus_load = fleet.peak_mw * steps.load_shape()[:, np.newaxis] * regional[:, network.region] * network.load_share
        load = total(bus_load)
        bus_wind = fleet.wind_mw * steps.regional_wind()[:, network.region] * network.wind_share
        bus_solar = fleet.solar_mw * steps.sun()[:, np.newaxis] * network.solar_share
        wind, solar = total(bus_wind), total(bus_solar)
        battery = np.clip(fleet.battery_mw * steps.battery_shape(), -0.5 * load, 0.5 * load)
        capacity = steps.capacity(wind, solar)
        dispatch, energy = _in_order_of_merit(load - battery, capacity, fleet.segments, steps.fuel_cost())
        energy += _QUICK_START_USD_PER_MWH * steps.tripped()
        wind_share = bus_wind / np.maximum(wind, 1e-9)[:, np.newaxis]
        by_fuel = _by_fuel(dispatch, fleet.segments)
        thermal = load - by_fuel["wind"] - by_fuel["solar"]
        injection = (
            thermal[:, np.newaxis] * network.thermal_share
            + by_fuel["solar"][:, np.newaxis] * network.solar_share
            + by_fuel["wind"][:, np.newaxis] * wind_share
            - bus_load
        )
        return SystemState(
            bus_load_mw=bus_load,
            bus_wind_mw=bus_wind,
            bus_solar_mw=bus_solar,
            generation_mw=by_fuel | {"battery": battery},
            capacity_mw=_by_fuel(capacity, fleet.segments),
            injection_mw=injection,
            spare_mw=total(capacity - dispatch),
            energy_usd_per_mwh=energy,
        )


@cache
def _network(iso: str, seed: int) -> Network:
    fleet = FLEETS[iso]
    # In the core 0.4 % of peak load answers to a dollar; behind a pocket's line the wind gives way within forty.
    return synthetic_network(
        iso, seed, response_mw_per_usd=0.004 * fleet.peak_mw, pocket_response_mw_per_usd=0.7 * fleet.wind_mw / 40
    )


class _Steps:
    """The drivers of one stretch of steps."""

    def __init__(self, system: System, view: View, first: int, count: int) -> None:
        self._system, self._fleet, self._view = system, FLEETS[system.iso], view
        self.step_s = HOUR_S if view == "day_ahead" else SLOT_S
        self._first, self._count = first, count
        self._middle_s = np.arange(first + 0.5, first + count, dtype=np.float64) * self.step_s
        hour = np.asarray(self._middle_s // HOUR_S, dtype=np.int64)
        hours, of_hour = np.unique(hour, return_inverse=True)
        local = local_hours(system.iso, hours)[of_hour]
        self._day = local // 24
        self._clock = local % 24 + self._middle_s % HOUR_S / HOUR_S

    def load_shape(self) -> Floats:
        """Load as a share of its peak, before weather."""
        fleet = self._fleet
        angle = np.asarray(2 * np.pi * self._day / 365.25, dtype=np.float64)
        # Winter peaks in mid-January, summer in late July.
        season = 0.74 + fleet.winter * yearly_peak(angle - 0.25) + fleet.summer * yearly_peak(angle - 3.5)
        # 1970-01-01 was a Thursday.
        week = np.array([1.0, 1.0, 0.94, 0.91, 0.99, 1.0, 1.0])[self._day % 7]
        shape = (
            0.84
            + 0.07 * bell(self._clock, 8.0, 2.0)
            + fleet.evening * bell(self._clock, 18.5, 3.0)
            - 0.13 * bell(self._clock, 3.5, 3.0)
        )
        return np.asarray(season * week * shape, dtype=np.float64)

    def regional_load(self) -> Floats:
        """(T, REGIONS) factors of mean 1: the weather of the whole and of each region."""
        whole = self._weather("load", 0.985)
        regions = [np.exp(0.055 * whole + 0.04 * self._weather(f"load {r}", 0.985)) for r in range(REGIONS)]
        return np.stack(regions, axis=1) * np.exp(0.02 * self._surprise("load"))[:, np.newaxis]

    def regional_wind(self) -> Floats:
        """(T, REGIONS) capacity factors."""
        whole, at_night = self._weather("wind", 0.97), 0.35 * np.cos(2 * np.pi * (self._clock - 2.0) / 24)
        surprise = 0.3 * self._surprise("wind")
        return np.stack(
            [
                1 / (1 + np.exp(0.75 - at_night - 0.9 * whole - 0.9 * self._weather(f"wind {r}", 0.95) - surprise))
                for r in range(REGIONS)
            ],
            axis=1,
        )

    def sun(self) -> Floats:
        """The capacity factor of solar power."""
        light = sunlight(self._middle_s, self._fleet.latitude_deg, self._fleet.longitude_deg)
        clouds = 1 / (1 + np.exp(2.2 - 0.9 * self._weather("clouds", 0.95) - 0.3 * self._surprise("clouds")))
        return np.asarray(np.minimum(1.15 * light**0.8, 1.0) * (1 - 0.75 * clouds), dtype=np.float64)

    def battery_shape(self) -> Floats:
        """What batteries feed in, as a share of their power: they charge at noon."""
        return 0.75 * bell(self._clock, 19.5, 1.8) - 0.55 * bell(self._clock, 11.5, 2.4)

    def fuel_cost(self) -> Floats:
        """The cost of fuel as a factor of mean 1: weeks of dear and of cheap gas, and dear winters."""
        winter = yearly_peak(np.asarray(2 * np.pi * self._day / 365.25 - 0.25, dtype=np.float64))
        in_real_time = 0.10 * self._surprise("offers")
        return np.exp(0.14 * self._weather("gas", 0.995) + 0.12 * winter + in_real_time)

    def capacity(self, wind: Floats, solar: Floats) -> Floats:
        """(T, segments) megawatts that are not out, of units as of wind and sun."""
        tripped = self.tripped()
        columns = []
        for number, segment in enumerate(self._fleet.segments):
            if segment is WIND or segment is SOLAR:
                columns.append(wind if segment is WIND else solar)
                continue
            out = 1 - segment.availability
            share = 1 - out * np.exp(0.4 * self._weather(f"outages {number}", 0.99)) - tripped
            columns.append(self._fleet.peak_mw * segment.share * np.clip(share, 0.3, 1.0))
        return np.stack(columns, axis=1)

    def tripped(self) -> Floats:
        """The share of all units that is out at short notice."""
        if self._view == "day_ahead":
            return np.zeros(self._count)
        jumps = decaying_jumps(self._key("trips"), self._first, self._count, per_day=288, chance=0.004, persistence=0.9)
        return 0.05 * _SURPRISE[self._view] * jumps

    def _weather(self, name: str, persistence: float) -> Floats:
        """An hourly process of mean 0 and variance 1, between the middles of hours a straight line."""
        key = self._key(name)
        if self.step_s == HOUR_S:
            return mean_reverting(key, self._first, self._count, per_day=24, persistence=persistence)
        at = self._middle_s / HOUR_S - 0.5
        before = np.floor(at).astype(np.int64)
        start = int(before[0])
        hourly = mean_reverting(key, start, int(before[-1]) - start + 2, per_day=24, persistence=persistence)
        part = at - before
        return np.asarray(hourly[before - start] * (1 - part) + hourly[before - start + 1] * part)

    def _surprise(self, name: str) -> Floats:
        """How far the five minutes are from the forecast; nothing day-ahead."""
        if self._view == "day_ahead":
            return np.zeros(self._count)
        error = mean_reverting(self._key(f"surprise {name}"), self._first, self._count, per_day=288, persistence=0.97)
        return _SURPRISE[self._view] * error

    def _key(self, name: str) -> NDArray[np.uint64]:
        return stream_key(self._system.seed, f"{self._system.iso}/system/{name}")


def _in_order_of_merit(
    demand_mw: Floats, capacity_mw: Floats, segments: tuple[Segment, ...], fuel_cost: Floats
) -> tuple[Floats, Floats]:
    """The (T, segments) dispatch that serves (T,) demand, and the (T,) cost of the marginal megawatt-hour.

    Demand beyond all capacity is served by the last segment at its highest cost.
    """
    low, high = np.array([(segment.low_usd_per_mwh, segment.high_usd_per_mwh) for segment in segments]).T
    upto = np.cumsum(capacity_mw, axis=1)
    below = upto - capacity_mw
    dispatch = np.clip(demand_mw[:, np.newaxis] - below, 0.0, capacity_mw)
    dispatch[:, -1] = np.maximum(demand_mw - below[:, -1], 0.0)
    marginal = np.minimum((upto < demand_mw[:, np.newaxis]).sum(axis=1), len(segments) - 1)
    rows = np.arange(len(demand_mw))
    part = np.clip(dispatch[rows, marginal] / np.maximum(capacity_mw[rows, marginal], 1e-9), 0.0, 1.0)
    cost = low[marginal] + part * (high - low)[marginal]
    # Only what burns fuel costs more where fuel does.
    return dispatch, np.where(cost > 10.0, 10.0 + (cost - 10.0) * fuel_cost, cost)


def _by_fuel(columns: Floats, segments: tuple[Segment, ...]) -> dict[str, Floats]:
    """(T,) sums of (T, segments) by fuel."""
    found: dict[str, Floats] = {}
    for number, segment in enumerate(segments):
        found[segment.fuel] = found.get(segment.fuel, 0.0) + columns[:, number]
    return found
