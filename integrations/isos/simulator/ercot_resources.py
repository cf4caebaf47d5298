"""The resources behind ERCOT's resource nodes: one at each node, of one fuel, with its share of what that fuel makes.

The simulated system knows fuels, not units, so every resource of a fuel runs at the same share of what it could: the
sums over resources are the system's own numbers, to the last published digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from integrations.isos.simulator.ercot_prices import is_node
from integrations.isos.simulator.fleets import FLEETS
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.market import Units
from integrations.isos.simulator.noise import stream_key, uniforms
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import SystemState

# What stands at the nodes of single units, by turns; all fuels are among the first ten.
_UNITS: Final = (
    ("natural_gas", "CCGT90"), ("solar", "PVGR"), ("battery", "PWRSTR"), ("coal", "CLLIG"), ("natural_gas", "SCGT90"),
    ("nuclear", "NUC"), ("solar", "PVGR"), ("natural_gas", "GSREH"), ("hydro", "HYDRO"), ("other", "RENEW"),
    ("battery", "PWRSTR"), ("natural_gas", "CCGT90"),
)  # fmt: skip
_GAS_NODES: Final = {"LCCRN": "CCGT90", "PCCRN": "CCGT90", "PUN": "GSREH"}
_SELLERS = 9

# Megawatts of each service that are bought day-ahead, as a share of the load.
REQUIREMENTS: Final[Mapping[str, float]] = {
    "REGUP": 0.005, "REGDN": 0.005, "RRS": 0.03, "ECRS": 0.02, "NSPIN": 0.02,
}  # fmt: skip
_DOWN: Final = "REGDN"
_FLEXIBLE: Final = frozenset({"natural_gas", "battery"})

MW_UNITS: Final = 1000
"""Megawatts have three decimals."""


@dataclass(frozen=True)
class Resource:
    """`share` is its part of all that its fuel makes; `seller` (the QSE) is who sells for it."""

    place: Place
    name: str
    fuel: str
    resource_type: str
    seller: str
    share: float


@dataclass(frozen=True)
class Outputs:
    """(T, N) of N resources, in thousandths of a megawatt: what each makes, and what it could make."""

    resources: tuple[Resource, ...]
    output: Units
    high: Units
    low: Units

    def of(self, chosen: list[int]) -> "Outputs":
        """Some of the resources only, by position."""
        return Outputs(
            tuple(self.resources[position] for position in chosen),
            self.output[:, chosen], self.high[:, chosen], self.low[:, chosen],
        )  # fmt: skip


@lru_cache(maxsize=8)
def resources_of(market: GridMarket) -> tuple[Resource, ...]:
    """In the order of the market's places."""
    nodes = [place for place in market.places if is_node(place)]
    luck = 0.5 + uniforms(stream_key(market.seed, "ERCOT/resources"), 0, len(nodes), per_day=len(nodes))
    kinds = _kinds(nodes)
    whole: dict[str, float] = {}
    for (fuel, _), size in zip(kinds, luck.tolist(), strict=True):
        whole[fuel] = whole.get(fuel, 0.0) + size
    return tuple(
        Resource(place, _name(place), fuel, kind, f"QSIM{number % _SELLERS + 1}", size / whole[fuel])
        for number, (place, (fuel, kind), size) in enumerate(zip(nodes, kinds, luck.tolist(), strict=True))
    )


def _kinds(nodes: list[Place]) -> list[tuple[str, str]]:
    """Fuel and resource type at each node."""
    kinds, single = [], 0
    for place in nodes:
        if place.role == "wind":
            kinds.append(("wind", "WIND"))
        elif place.node_type in _GAS_NODES:
            kinds.append(("natural_gas", _GAS_NODES[place.node_type]))
        else:
            kinds.append(_UNITS[single % len(_UNITS)])
            single += 1
    return kinds


def _name(place: Place) -> str:
    """A resource is called after its station; what shares a station has a name of its own already."""
    return place.node.replace("_RN", "_UNIT1").replace("_WND", "_WIND1")


def outputs(market: GridMarket, state: SystemState) -> Outputs:
    """What each resource makes over the steps of a state; those of a fuel add up to what the fuel makes."""
    resources = resources_of(market)
    output, high, low = (np.zeros((len(state.load_mw), len(resources)), dtype=np.int64) for _ in range(3))
    for fuel, made in state.generation_mw.items():
        columns = [number for number, resource in enumerate(resources) if resource.fuel == fuel]
        share = np.array([resources[column].share for column in columns])
        output[:, columns] = split(made, share)
        if fuel == "battery":
            power = np.full(len(made), FLEETS[market.iso].battery_mw)
            low[:, columns] = np.minimum(split(-power, share), output[:, columns])
        else:
            power = state.capacity_mw[fuel]
        high[:, columns] = np.maximum(split(power, share), output[:, columns])
    return Outputs(resources, output, high, low)


def awards(state: SystemState, made: Outputs) -> dict[str, Units]:
    """(T, N) thousandths of a megawatt of each service, of those that can be quick, as far as they have room."""
    quick = np.array([resource.fuel in _FLEXIBLE for resource in made.resources])
    up, down = (
        np.where(quick, room, 0).astype(np.float64) for room in (made.high - made.output, made.output - made.low)
    )
    wanted_up = sum(share for service, share in REQUIREMENTS.items() if service != _DOWN)
    found = {}
    for service, share in REQUIREMENTS.items():
        room, wanted = (down, share) if service == _DOWN else (up, wanted_up)
        there = room.sum(axis=1) / MW_UNITS / (wanted * state.load_mw)
        found[service] = split(share * state.load_mw * np.minimum(there, 1.0), room)
    return found


def split(total_mw: Floats, weight: Floats) -> Units:
    """(T,) megawatts as (T, N) thousandths by weights (N,) or (T, N), which add up to the rounded total."""
    upto = np.cumsum(np.broadcast_to(weight, (len(total_mw), weight.shape[-1])), axis=1)
    whole = np.maximum(upto[:, -1:], 1e-9)
    marks = np.rint(np.where(upto >= whole, 1.0, upto / whole) * (total_mw * MW_UNITS)[:, np.newaxis])
    return np.diff(marks, axis=1, prepend=0.0).astype(np.int64)
