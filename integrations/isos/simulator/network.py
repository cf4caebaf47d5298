"""A synthetic transmission network of one operator, and what its lines do to prices.

Buses lie in a plane; lines are the minimum spanning tree of their distances and each bus's nearest neighbours, with a
susceptance of one over their length. Wind stands at pockets, buses at the end of a single line. Shift factors (PTDF)
come from the susceptance matrix of the DC approximation: a row says which share of a megawatt injected at a bus, and
taken out where buses answer to prices, flows over the line.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.random import Generator, Philox
from scipy.sparse.csgraph import minimum_spanning_tree

from integrations.isos.simulator.noise import stream_key
from integrations.isos.simulator.shapes import Floats, weighted_sum

CORE_BUSES: Final = 24
POCKETS: Final = 4
REGIONS: Final = 4

_NEAREST = 2
_SWEEPS = 400
_STILL_USD_PER_MWH = 1e-7
_Lines = np.ndarray[tuple[int, int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Network:
    """B buses, the last POCKETS of them pockets, and L lines; shares are (B,) and add up to 1.

    `response_mw_per_usd` (B,) is how much more is fed in at a bus for each $/MWh that its price rises.
    """

    position: Floats
    lines: _Lines
    susceptance: Floats
    load_share: Floats
    thermal_share: Floats
    wind_share: Floats
    solar_share: Floats
    response_mw_per_usd: Floats

    @property
    def region(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """(B,) the quarter of the plane that a bus lies in: buses of one share their weather."""
        east, north = (self.position > 0.5).astype(np.int64).T
        return np.asarray(east + 2 * north)

    @cached_property
    def shift(self) -> Floats:
        """(L, B) shift factors with the buses that answer to prices as slack: each row is 0 where they respond."""
        buses = len(self.position)
        incidence = np.zeros((len(self.lines), buses))
        rows = np.arange(len(self.lines))
        incidence[rows, self.lines[:, 0]], incidence[rows, self.lines[:, 1]] = 1.0, -1.0
        branch = self.susceptance[:, np.newaxis] * incidence
        nodal = incidence.T @ branch
        # Bus 0 is the reference: its angle is 0, and its column of shift factors too.
        angles = np.zeros((buses, buses))
        angles[1:, 1:] = np.linalg.inv(nodal[1:, 1:])
        single_slack = branch @ angles
        slack = self.response_mw_per_usd / self.response_mw_per_usd.sum()
        return np.asarray(single_slack - (single_slack @ slack)[:, np.newaxis])

    @cached_property
    def _reliefs(self) -> Floats:
        """(L, L) by how much a shadow price of 1 $/MWh on one line relieves another, in MW."""
        return np.asarray((self.shift * self.response_mw_per_usd) @ self.shift.T)

    def flows(self, injection_mw: Floats) -> Floats:
        """(T, L) flows of (T, B) injections that add up to 0, in MW."""
        return weighted_sum(injection_mw, self.shift.T)

    def shadow_prices(self, flow_mw: Floats, limit_mw: Floats) -> Floats:
        """(T, L) prices at which redispatch brings (T, L) flows within +-(L,) limits, in $/MWh, signed like the flow.

        The dual of min sum(redispatch^2 / (2 response)) subject to the limits, by coordinate descent: where a price is
        not 0 its line ends up at its limit. An infinite limit never binds.
        """
        price = np.zeros_like(flow_mw)
        left = flow_mw.copy()  # what flows under the prices so far
        watched = [line for line in range(len(limit_mw)) if np.isfinite(limit_mw[line])]
        moving = np.arange(len(flow_mw))  # each moment stops by itself, whatever it is computed with
        for _ in range(_SWEEPS):
            largest = np.zeros(len(moving))
            for line in watched:
                change = self._change(line, limit_mw[line], left[moving, line], price[moving, line])
                price[moving, line] += change
                left[moving] -= change[:, np.newaxis] * self._reliefs[line]
                largest = np.maximum(largest, np.abs(change))
            moving = moving[largest > _STILL_USD_PER_MWH]
            if not len(moving):
                break
        return price

    def _change(self, line: int, limit_mw: float, left_mw: Floats, price: Floats) -> Floats:
        """What has to be added to a line's price, all others as they are, for it to be full or free."""
        alone = left_mw + self._reliefs[line, line] * price
        over = np.sign(alone) * np.maximum(np.abs(alone) - limit_mw, 0.0)
        return np.asarray(over / self._reliefs[line, line] - price)


def synthetic_network(iso: str, seed: int, *, response_mw_per_usd: float, pocket_response_mw_per_usd: float) -> Network:
    """The network of an operator under a seed; the responses are those of the whole core and of all pockets."""
    random = Generator(Philox(key=stream_key(seed, f"{iso}/network")))
    position = random.random((CORE_BUSES + POCKETS, 2))
    lines, length = _connect(position)
    core = np.arange(CORE_BUSES + POCKETS) < CORE_BUSES
    draws = np.exp(0.8 * random.standard_normal((4, CORE_BUSES + POCKETS)))
    load, thermal = (_shares(draw * core) for draw in draws[:2])
    # Most of the wind is in the pockets; the sun shines on the south.
    wind = 0.7 * _shares(draws[2] * ~core) + 0.3 * _shares(draws[2] * core)
    solar = _shares(draws[3] * core * (1.2 - position[:, 1]) ** 2)
    response = response_mw_per_usd * thermal + pocket_response_mw_per_usd * _shares(wind * ~core)
    return Network(position, lines, 1.0 / length, load, thermal, wind, solar, response)


def _shares(weight: Floats) -> Floats:
    return np.asarray(weight / weight.sum(), dtype=np.float64)


def _connect(position: Floats) -> tuple[_Lines, Floats]:
    """The lines between the buses at (B, 2) and their lengths; each of the last POCKETS buses has one only."""
    distance = np.linalg.norm(position[:, np.newaxis] - position, axis=2)
    core = distance[:CORE_BUSES, :CORE_BUSES]
    tree = minimum_spanning_tree(core).tocoo()
    pairs = {(min(a, b), max(a, b)) for a, b in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    nearest = np.argsort(core, axis=1, kind="stable")[:, 1 : 1 + _NEAREST]
    pairs |= {(min(a, b), max(a, b)) for a, row in enumerate(nearest.tolist()) for b in row}
    pairs |= {(int(np.argmin(distance[bus, :CORE_BUSES])), bus) for bus in range(CORE_BUSES, CORE_BUSES + POCKETS)}
    lines = np.array(sorted(pairs), dtype=np.int64)
    return lines, np.maximum(distance[lines[:, 0], lines[:, 1]], 0.02)
