"""PJM's prices as Data Miner tables: one row per pricing node and interval.

Intervals are named by their beginning, in UTC and on the eastern prevailing clock (which says 1:00 AM twice in autumn);
the components follow, then which version of the row this is. Energy has two decimals day-ahead and six in real time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal

import numpy as np

from integrations.isos.simulator.files import SimulatedFile
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket, Units
from integrations.isos.simulator.pjm_tables import EASTERN, csv_of
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.tables import Column, Flags, Moments, Numbers, Texts

HISTORY_HUB = "WESTERN HUB"

_HUB_IDS = {
    "AEP GEN HUB": 34497125,
    "AEP-DAYTON HUB": 34497127,
    "ATSI GEN HUB": 116013751,
    "CHICAGO GEN HUB": 33092311,
    "CHICAGO HUB": 33092313,
    "DOMINION HUB": 35010337,
    "EASTERN HUB": 51217,
    "N ILLINOIS HUB": 33092315,
    "NEW JERSEY HUB": 4669664,
    "OHIO HUB": 34497151,
    "WEST INT HUB": 51287,
    HISTORY_HUB: 51288,
}
_FIRST_SIMULATED_ID = 2_900_000_001
_AT_A_BUS = frozenset({"GEN", "LOAD"})


@dataclass(frozen=True)
class Node:
    """A pricing node, and which of the market's places it is. Only what stands at a bus has a voltage and equipment."""

    pnode_id: int
    place: Place
    column: int

    @property
    def voltage(self) -> str:
        return "230 KV" if self.place.node_type in _AT_A_BUS else ""

    @property
    def equipment(self) -> str:
        return f"T-{self.column}" if self.place.node_type in _AT_A_BUS else ""

    @property
    def zone(self) -> str:
        return "SIMRIDGE" if self.place.node_type in _AT_A_BUS else ""


@lru_cache(maxsize=8)
def nodes_of(places: tuple[Place, ...]) -> tuple[Node, ...]:
    """The pricing nodes, by their ids."""
    found = (
        Node(_HUB_IDS.get(place.node, _FIRST_SIMULATED_ID + number), place, number)
        for number, place in enumerate(places)
    )
    return tuple(sorted(found, key=lambda node: node.pnode_id))


def day_ahead_lmps(market: SimulatedMarket, day: date) -> SimulatedFile:
    """`da_hrl_lmps.csv` of all nodes for one market day of 23, 24 or 25 hours."""
    block = market.prices("DA", market_days("PJM", day, day, minutes=60))
    return _export("da", block, datetime.combine(day - timedelta(days=1), time(13, 31)))


def real_time_lmps(market: SimulatedMarket, day: date) -> SimulatedFile:
    """`rt_hrl_lmps.csv` of all nodes for one market day of 23, 24 or 25 hours, settled some days later."""
    block = market.prices("RTH", market_days("PJM", day, day, minutes=60))
    return _export("rt", block, datetime.combine(day + timedelta(days=4), time(8, 20)))


def hub_history(market: SimulatedMarket, last: date) -> SimulatedFile:
    """`da_hrl_lmps.csv` of one hub: thirteen whole months and the days of `last`'s own month up to and with it.

    Where it overlaps the file of a day it says the same, as a longer query to the same feed would.
    """
    months = last.year * 12 + last.month - 1 - 13
    first = date(months // 12, months % 12 + 1, 1)
    block = market.prices("DA", market_days("PJM", first, last, minutes=60))
    nodes = [node for node in nodes_of(block.places) if node.place.node == HISTORY_HUB]
    return _export("da", block, datetime.combine(last - timedelta(days=1), time(13, 31)), nodes)


def _export(
    run: Literal["da", "rt"], block: PriceBlock, published_at: datetime, nodes: Sequence[Node] | None = None
) -> SimulatedFile:
    table = lmp_table(run, block, nodes or nodes_of(block.places))
    rows = len(block.intervals) * len(nodes or block.places)
    versions: dict[str, Column] = {
        "row_is_current": Flags(np.ones(rows, dtype=np.bool_)),
        "version_nbr": Numbers(np.ones(rows, dtype=np.int64), 0),
    }
    return SimulatedFile(f"{run}_hrl_lmps.csv", csv_of(table | versions), published_at)


def lmp_table(run: Literal["da", "rt"], block: PriceBlock, nodes: Sequence[Node]) -> dict[str, Column]:
    """The columns of all LMP reports, a row per interval and node, but for those of the row's version."""
    count = len(block.intervals)
    columns = np.array([node.column for node in nodes], dtype=np.int64)
    starts = np.repeat(block.intervals.start_s, len(nodes))

    def per_node(values: Sequence[str]) -> Texts:
        return Texts.of(values).repeated(count)

    def prices(units: Units) -> Units:
        return units[:, columns].reshape(-1)

    energy = prices(block.energy)
    return {
        "datetime_beginning_utc": Moments(starts),
        "datetime_beginning_ept": Moments(starts, EASTERN),
        "pnode_id": Numbers(np.tile([node.pnode_id for node in nodes], count), 0),
        "pnode_name": per_node([node.place.node for node in nodes]),
        "voltage": per_node([node.voltage for node in nodes]),
        "equipment": per_node([node.equipment for node in nodes]),
        "type": per_node([node.place.node_type for node in nodes]),
        "zone": per_node([node.zone for node in nodes]),
        f"system_energy_price_{run}": Numbers(energy // 10_000, 2) if run == "da" else Numbers(energy, 6),
        f"total_lmp_{run}": Numbers(prices(block.lmp), 6),
        f"congestion_price_{run}": Numbers(prices(block.congestion), 6),
        f"marginal_loss_price_{run}": Numbers(prices(block.loss), 6),
    }
