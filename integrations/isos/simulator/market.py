"""The simulated markets: what the prices are, whatever file they are later written to.

The price at a place is energy + congestion + loss (+ greenhouse gas), the decomposition these operators publish.
Energy follows the season, the week, the hour and two mean-reverting processes, with spikes that decay; congestion is
the sum over a few constraints of shadow price times shift factor; loss is a share of energy. The real-time market
wanders around the day-ahead one in steps of five minutes, and its longer intervals are means of those steps.

Components are integers of the operator's smallest published unit, so they add up exactly, and text and value agree to
the last digit. A price depends on (iso, seed, market, place, interval) alone, not on the window it is asked in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from integrations.isos.simulator.intervals import Intervals, local_hours
from integrations.isos.simulator.noise import decaying_jumps, mean_reverting, stream_key
from integrations.isos.simulator.places import PLACES, Place, Role
from integrations.isos.simulator.shapes import bell, yearly_peak

Market = Literal["DA", "RTH", "RT15", "RT5"]
Floats = NDArray[np.float64]
Units = NDArray[np.int64]


@dataclass(frozen=True)
class _Profile:
    """How one market behaves: a level, how far season, evening and midday sun move it, and its smallest unit."""

    level_usd_per_mwh: float
    winter: float
    summer: float
    evening: float
    midday_sun: float
    units_per_usd: int
    energy_step_units: int = 1


_PROFILES: Final[dict[str, _Profile]] = {
    "MISO": _Profile(31.0, winter=0.16, summer=0.17, evening=0.28, midday_sun=0.05, units_per_usd=100),
    "CAISO": _Profile(42.0, winter=0.10, summer=0.18, evening=0.55, midday_sun=0.62, units_per_usd=100_000),
    # Energy is the system's price in whole cents; the rest of PJM's columns run to six decimals.
    "PJM": _Profile(38.0, 0.26, 0.18, evening=0.30, midday_sun=0.04, units_per_usd=1_000_000, energy_step_units=10_000),
    "ERCOT": _Profile(34.0, winter=0.08, summer=0.34, evening=0.50, midday_sun=0.22, units_per_usd=100),
}

UNITS_PER_USD: Final[dict[str, int]] = {iso: profile.units_per_usd for iso, profile in _PROFILES.items()}

# Per role: standard deviations of the shift factors and of the loss factor.
_SPREAD: Final[dict[Role, tuple[float, float]]] = {
    "hub": (0.05, 0.008),
    "zone": (0.12, 0.015),
    "unit": (0.30, 0.025),
    "wind": (0.15, 0.030),
    "outside": (0.25, 0.030),
}
_CONSTRAINTS = 3  # the first is the line behind which the wind sits
_SLOT_S = 300


@dataclass(frozen=True)
class PriceBlock:
    """Prices of `places` (N) over `intervals` (T): each component is (T, N), in units of 1 / `units_per_usd` $/MWh."""

    places: tuple[Place, ...]
    intervals: Intervals
    units_per_usd: int
    energy: Units
    congestion: Units
    loss: Units
    ghg: Units

    @property
    def lmp(self) -> Units:
        """(T, N): exactly the sum of the components."""
        return self.energy + self.congestion + self.loss + self.ghg

    def only(self, keep: Callable[[Place], bool]) -> "PriceBlock":
        """The same block with only the places that `keep` says yes to, in the same order."""
        columns = [column for column, place in enumerate(self.places) if keep(place)]
        return replace(
            self,
            places=tuple(self.places[column] for column in columns),
            energy=self.energy[:, columns],
            congestion=self.congestion[:, columns],
            loss=self.loss[:, columns],
            ghg=self.ghg[:, columns],
        )

    def during(self, run: slice) -> "PriceBlock":
        """The same block in a run of its intervals only."""
        return replace(
            self,
            intervals=self.intervals[run],
            energy=self.energy[run],
            congestion=self.congestion[run],
            loss=self.loss[run],
            ghg=self.ghg[run],
        )


def joined(blocks: Sequence[PriceBlock]) -> PriceBlock:
    """Blocks of the same places, one after the other, as one; there is at least one."""
    first = blocks[0]
    if len(blocks) == 1:
        return first
    intervals = [block.intervals for block in blocks]
    return PriceBlock(
        first.places,
        Intervals(
            first.intervals.minutes,
            np.concatenate([part.start_s for part in intervals]),
            np.concatenate([part.end_s for part in intervals]),
        ),
        first.units_per_usd,
        energy=np.concatenate([block.energy for block in blocks]),
        congestion=np.concatenate([block.congestion for block in blocks]),
        loss=np.concatenate([block.loss for block in blocks]),
        ghg=np.concatenate([block.ghg for block in blocks]),
    )


@dataclass(frozen=True)
class SimulatedMarket:
    """One operator's market under one non-negative seed. It holds no state: any window can be asked for, any time."""

    iso: str
    seed: int

    def prices(self, market: Market, intervals: Intervals) -> PriceBlock:
        """Prices of all places over consecutive `intervals`: hours for DA and RTH, 15 or 5 minutes for RT15 and RT5."""
        profile, places = _PROFILES[self.iso], PLACES[self.iso]
        energy_usd, shadow_usd = self._drivers(market, intervals)
        shift, loss_share = self._factors(places)
        outside = np.array([place.role == "outside" for place in places])
        energy = energy_units(self.iso, energy_usd)
        return PriceBlock(
            places,
            intervals,
            profile.units_per_usd,
            energy=np.repeat(energy[:, np.newaxis], len(places), axis=1),
            congestion=_units(-shadow_usd @ shift.T, profile),
            # ERCOT's price has no losses in it.
            loss=_units(np.outer(energy_usd, loss_share * (self.iso != "ERCOT")), profile),
            ghg=_units(np.outer(energy_usd, -0.12 * outside), profile),
        )

    def expected_usd_per_mwh(self, first: date, hours: int) -> float:
        """The mean of day-ahead energy over `hours` hours from the local midnight of `first`, before any noise."""
        local = (first - date(1970, 1, 1)).days * 24 + np.arange(hours, dtype=np.int64)
        return float(np.mean(_expected(_PROFILES[self.iso], local)))

    def _drivers(self, market: Market, intervals: Intervals) -> tuple[Floats, Floats]:
        """Energy (T,) and shadow prices (T, constraints), in $/MWh."""
        if market == "DA":
            return self._day_ahead(int(intervals.start_s[0]) // 3600, len(intervals))
        slots_each = intervals.minutes * 60 // _SLOT_S
        slot, slots = int(intervals.end_s[0]) // _SLOT_S - slots_each, len(intervals) * slots_each
        hour = slot // 12
        energy, shadow = self._day_ahead(hour, (slot + slots - 1) // 12 - hour + 1)
        of_hour = np.arange(slot, slot + slots) // 12 - hour
        level = _PROFILES[self.iso].level_usd_per_mwh
        spikes = decaying_jumps(self._key("rt/spikes"), slot, slots, per_day=288, chance=0.006, persistence=0.8)
        energy_rt = energy[of_hour] * np.exp(0.17 * self._wander("rt/energy", slot, slots)) + 0.8 * level * spikes
        wander = [self._wander(f"rt/constraint {number}", slot, slots) for number in range(_CONSTRAINTS)]
        shadow_rt = shadow[of_hour] * np.exp(0.3 * np.stack(wander, axis=1))
        return (
            energy_rt.reshape(-1, slots_each).mean(axis=1),
            shadow_rt.reshape(-1, slots_each, _CONSTRAINTS).mean(axis=1),
        )

    def _day_ahead(self, hour: int, hours: int) -> tuple[Floats, Floats]:
        """Day-ahead energy (hours,) and shadow prices (hours, constraints) from the hour `hour` since 1970 UTC."""
        profile = _PROFILES[self.iso]
        level = profile.level_usd_per_mwh
        local = local_hours(self.iso, np.arange(hour, hour + hours, dtype=np.int64))
        weather = mean_reverting(self._key("da/weather"), hour, hours, per_day=24, persistence=0.985)
        supply = mean_reverting(self._key("da/supply"), hour, hours, per_day=24, persistence=0.8)
        spikes = decaying_jumps(self._key("da/spikes"), hour, hours, per_day=24, chance=0.004, persistence=0.55)
        # Half the variance is taken off so that the mean of the lognormal factor is one.
        factor = np.exp(0.18 * weather - 0.0162) * np.exp(0.10 * supply - 0.005)
        energy = _expected(profile, local) * factor + 1.2 * level * spikes
        stress = np.stack(
            [
                mean_reverting(self._key(f"da/constraint {number}"), hour, hours, per_day=24, persistence=0.95)
                for number in range(_CONSTRAINTS)
            ],
            axis=1,
        )
        shadow = 0.9 * level * np.maximum(stress - 0.6, 0.0)
        # The wind's own line is full every night, hard enough to turn the price behind it negative.
        shadow[:, 0] = level * (0.5 + 1.1 * bell(local % 24, 2.5, 2.5)) * np.exp(0.2 * stress[:, 0])
        return energy, shadow

    def _factors(self, places: tuple[Place, ...]) -> tuple[Floats, Floats]:
        """Shift factors (N, constraints) and loss factors (N,)."""
        draws = Generator(Philox(key=self._key("places"))).standard_normal((len(places), _CONSTRAINTS + 1))
        spread = np.array([_SPREAD[place.role] for place in places])
        shift = draws[:, :_CONSTRAINTS] * spread[:, :1]
        shift[:, 0] = [
            1.0 if place.role == "wind" else 0.02 * draw for place, draw in zip(places, draws[:, 0], strict=True)
        ]
        return shift, draws[:, _CONSTRAINTS] * spread[:, 1]

    def _wander(self, name: str, slot: int, slots: int) -> Floats:
        return mean_reverting(self._key(name), slot, slots, per_day=288, persistence=0.93)

    def _key(self, name: str) -> NDArray[np.uint64]:
        return stream_key(self.seed, f"{self.iso}/{name}")


def energy_units(iso: str, usd_per_mwh: Floats) -> Units:
    """Prices of energy in the operator's units, as coarse as it publishes them."""
    profile = _PROFILES[iso]
    step = profile.energy_step_units
    return np.rint(usd_per_mwh * (profile.units_per_usd / step)).astype(np.int64) * step


def _units(usd_per_mwh: Floats, profile: _Profile) -> Units:
    return np.rint(usd_per_mwh * profile.units_per_usd).astype(np.int64)


def _expected(profile: _Profile, local_hour: NDArray[np.int64]) -> Floats:
    """What energy costs on average in each (T,) hour since 1970 on the local clock, in $/MWh."""
    hour, day = local_hour % 24, local_hour // 24
    year_angle = np.asarray(2 * np.pi * day / 365.25, dtype=np.float64)
    # 1970-01-01 was a Thursday; winter peaks in mid-January, summer in late July, which is half a year on.
    season = 1 + profile.winter * yearly_peak(year_angle - 0.25) + profile.summer * yearly_peak(year_angle - 3.5)
    week = np.array([1.03, 1.03, 0.93, 0.90, 1.02, 1.04, 1.05])[day % 7]
    shape = (
        1
        + 0.14 * bell(hour, 7.5, 1.8)
        + profile.evening * bell(hour, 18.5, 2.2)
        - 0.24 * bell(hour, 3.0, 3.0)
        - profile.midday_sun * bell(hour, 12.5, 2.8)
    )
    return np.asarray(profile.level_usd_per_mwh * season * week * shape, dtype=np.float64)
