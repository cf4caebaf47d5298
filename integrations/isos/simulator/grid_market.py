"""Markets of any size, up to the 18,500 places that the four operators price together.

It is a reduced market model: the system (`system`) clears energy on one bus, by merit order, and a DC network
(`network`) of 28 buses then redispatches at least cost until no watched line carries more than it may. So a price is

    LMP = energy + congestion + loss (+ greenhouse gas)
    congestion at a bus = -sum over lines of shadow price x shift factor
    loss at a bus = energy x marginal loss factor, from the same flows and shift factors

and it holds exactly, for components are whole numbers of the operator's smallest published unit. A place hangs between
the buses nearest to it with fixed weights, as a tap on the lines between them would, so that neighbours move together.
Watched are every pocket's line and the lines whose flow varies most; limits are such that a line is full some hours.

It is not a unit commitment nor a security-constrained dispatch: no contingencies, no ramps, and places between the same
buses differ by weights and losses only. Prices of longer intervals are means of five minutes; hour-ahead prices come
from the hour-ahead state. A draft is what is published before prices are checked: in a few hours it is a little off.

A price depends on (iso, seed, size, run, place, interval) alone, not on the window it is asked in.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from integrations.isos.simulator.grid_places import FULL_SIZES, grid_places
from integrations.isos.simulator.intervals import Intervals
from integrations.isos.simulator.market import UNITS_PER_USD, PriceBlock, Units, energy_units
from integrations.isos.simulator.network import CORE_BUSES, POCKETS
from integrations.isos.simulator.noise import stream_key, uniforms
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.shapes import Floats, weighted_sum
from integrations.isos.simulator.system import HOUR_S, SLOT_S, System, SystemState, View

Run = Literal["DA", "HASP", "RTH", "RT15", "RT5"]

_NEAREST: Final = 4
_WATCHED_CORE_LINES: Final = 10
# How often a line would carry more than it may, were there no limit.
_CORE_FULL, _POCKET_FULL = 0.10, 0.25
_LOSSES = 0.02
_GHG_SHARE = -0.12
_DRAFT_OFF, _DRAFT_ERROR = 0.05, 0.03
_REFERENCE_YEAR_HOUR: Final = 482_136  # 2025-01-01T00:00Z, in hours since 1970


@dataclass(frozen=True)
class Ratings:
    """What a year of the day-ahead system says of its L lines.

    `limit_mw` is what each may carry, infinite where it is not watched; `loss_factor` times its flow squared is what it
    loses, as a share of a megawatt.
    """

    limit_mw: Floats
    loss_factor: Floats


@dataclass(frozen=True)
class GridMarket:
    """One operator's market of `size` places under one non-negative seed; it holds no state."""

    iso: str
    seed: int
    size: int

    @classmethod
    def full_size(cls, iso: str, seed: int) -> "GridMarket":
        return cls(iso, seed, FULL_SIZES[iso])

    @property
    def places(self) -> tuple[Place, ...]:
        """The priced places, in the order of the columns of `prices`."""
        return grid_places(self.iso, self.size)

    @property
    def system(self) -> System:
        return System(self.iso, self.seed)

    @property
    def buses(self) -> NDArray[np.int64]:
        """(size,) the bus nearest to each place."""
        return _taps(self.iso, self.seed, self.size)[0][:, 0]

    def prices(self, run: Run, intervals: Intervals, *, is_draft: bool = False) -> PriceBlock:
        """Prices of all places over consecutive `intervals`: hours for DA and RTH, 15 or 5 minutes for the others."""
        energy_usd, congestion_usd, loss_usd = self._at_buses(run, intervals, is_draft=is_draft)
        nearest, weight, own_loss = _taps(self.iso, self.seed, self.size)
        units = UNITS_PER_USD[self.iso]
        shape = (len(intervals), self.size)
        nothing = np.broadcast_to(np.int64(0), shape)
        loss = nothing
        if self.iso != "ERCOT":  # its price has no losses in it
            loss = _rounded(_tapped(loss_usd, nearest, weight) + energy_usd[:, np.newaxis] * own_loss, units)
        ghg = nothing
        if outside := [column for column, place in enumerate(self.places) if place.role == "outside"]:
            ghg = np.zeros(shape, dtype=np.int64)
            ghg[:, outside] = _rounded(_GHG_SHARE * np.maximum(energy_usd, 0.0), units)[:, np.newaxis]
        return PriceBlock(
            self.places,
            intervals,
            units,
            energy=np.broadcast_to(energy_units(self.iso, energy_usd)[:, np.newaxis], shape),
            congestion=_rounded(_tapped(congestion_usd, nearest, weight), units),
            loss=loss,
            ghg=ghg,
        )

    def states(self, view: View, intervals: Intervals) -> SystemState:
        """The means of the system over consecutive `intervals`: hours where `view` is day-ahead."""
        first, each = _steps(view, intervals)
        return self.system.state(view, first, len(intervals) * each).means(each)

    def shadow_prices(self, state: SystemState) -> Floats:
        """(T, L) of the lines of `system.network`, in $/MWh; positive where the flow goes the line's own way."""
        network, rated = self.system.network, ratings(self.iso, self.seed)
        return network.shadow_prices(network.flows(state.injection_mw), rated.limit_mw)

    def _at_buses(self, run: Run, intervals: Intervals, *, is_draft: bool) -> tuple[Floats, Floats, Floats]:
        """Energy (T,), congestion and loss (T, B) in $/MWh."""
        view: View = "day_ahead" if run == "DA" else "hour_ahead" if run == "HASP" else "actual"
        first, each = _steps(view, intervals)
        state = self.system.state(view, first, len(intervals) * each)
        network, rated = self.system.network, ratings(self.iso, self.seed)
        flow = network.flows(state.injection_mw)
        shadow = network.shadow_prices(flow, rated.limit_mw)
        energy = state.energy_usd_per_mwh
        if is_draft:
            energy = energy * self._draft_factor(first, len(energy))
        loss = -2 * energy[:, np.newaxis] * weighted_sum(flow * rated.loss_factor, network.shift)
        congestion = -weighted_sum(shadow, network.shift)
        return (
            energy.reshape(-1, each).mean(axis=1),
            congestion.reshape(len(intervals), each, -1).mean(axis=1),
            loss.reshape(len(intervals), each, -1).mean(axis=1),
        )

    def _draft_factor(self, first: int, slots: int) -> Floats:
        """(T,) what a draft of five-minute prices is off by: 1 in most hours."""
        hour = np.arange(first, first + slots) * SLOT_S // HOUR_S
        first = int(hour[0])
        luck = uniforms(stream_key(self.seed, f"{self.iso}/drafts"), first, int(hour[-1]) - first + 1, per_day=24)
        return np.asarray(np.where(luck < _DRAFT_OFF, 1.0 + _DRAFT_ERROR, 1.0)[hour - first])


def _steps(view: View, intervals: Intervals) -> tuple[int, int]:
    """The first step of the system that intervals begin with, and how many steps each of them has.

    Intervals may start off their mark; what counts is where they end.
    """
    step_s = HOUR_S if view == "day_ahead" else SLOT_S
    each = intervals.minutes * 60 // step_s
    return int(intervals.end_s[0]) // step_s - each, each


def _tapped(at_buses: Floats, nearest: NDArray[np.int64], weight: Floats) -> Floats:
    """(T, places) from (T, B), each place by its weights of its nearest buses."""
    total = at_buses[:, nearest[:, 0]] * weight[:, 0]
    for rank in range(1, _NEAREST):
        total += at_buses[:, nearest[:, rank]] * weight[:, rank]
    return total


def _rounded(usd_per_mwh: Floats, units_per_usd: int) -> Units:
    usd_per_mwh *= units_per_usd
    return np.rint(usd_per_mwh, out=usd_per_mwh).astype(np.int64)


@cache
def _taps(iso: str, seed: int, size: int) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Of each place: its nearest buses (size, 4), their weights, which add up to 1, and its own loss factor (size,)."""
    places, network = grid_places(iso, size), System(iso, seed).network
    random = Generator(Philox(key=stream_key(seed, f"{iso}/taps")))
    home = random.integers(0, CORE_BUSES, size)
    away = 0.06 * random.standard_normal((size, 2))
    own_loss = 0.006 * random.standard_normal(size)
    pocket = CORE_BUSES + random.integers(0, POCKETS, size)
    core = network.position[:CORE_BUSES]
    distance = np.linalg.norm((core[home] + away)[:, np.newaxis] - core, axis=2)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :_NEAREST]
    closeness = 1 / (np.take_along_axis(distance, nearest, axis=1) + 0.02) ** 2
    for column, place in enumerate(places):
        if place.role == "wind":
            nearest[column, 0] = pocket[column]
            closeness[column] = (1, 0, 0, 0)
        elif place.role == "hub":  # a hub is many places
            closeness[column] = 1
    return nearest, closeness / closeness.sum(axis=1, keepdims=True), own_loss


@cache
def ratings(iso: str, seed: int) -> Ratings:
    """The ratings of the lines of an operator's network under a seed."""
    system = System(iso, seed)
    state = system.state("day_ahead", _REFERENCE_YEAR_HOUR, 365 * 24)
    flow = system.network.flows(state.injection_mw)
    is_pocket = system.network.lines[:, 1] >= CORE_BUSES
    varying = np.argsort(np.where(is_pocket, -np.inf, flow.std(axis=0)), kind="stable")[-_WATCHED_CORE_LINES:]
    limit = np.full(flow.shape[1], np.inf)
    limit[varying] = np.quantile(np.abs(flow[:, varying]), 1 - _CORE_FULL, axis=0)
    limit[is_pocket] = np.quantile(np.abs(flow[:, is_pocket]), 1 - _POCKET_FULL, axis=0)
    # Resistance goes with length, so with one over susceptance; what is lost in all is a share of the load.
    resistance = 1 / system.network.susceptance
    lost = float((flow**2 @ resistance).mean() / state.load_mw.mean())
    return Ratings(limit, _LOSSES / lost * resistance)
