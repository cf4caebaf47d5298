"""The four simulated operators together, of one seed, and a door to them."""

from collections.abc import Callable, Mapping
from typing import Final

from infra.clock import Clock
from integrations.isos.simulator.caiso_operator import CaisoOperator
from integrations.isos.simulator.ercot_operator import ErcotOperator
from integrations.isos.simulator.exchange import Exchange
from integrations.isos.simulator.faults import Faults
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.grid_places import sizes_of
from integrations.isos.simulator.miso_operator import MisoOperator
from integrations.isos.simulator.operator import Operator
from integrations.isos.simulator.pjm_operator import PjmOperator

FEWEST_NODES: Final = 1_100
"""So few that a laptop does not feel them, and enough for each operator to have all of the sample's places."""

_OPERATORS: Final[Mapping[str, Callable[[GridMarket], Operator]]] = {
    "MISO": MisoOperator, "CAISO": CaisoOperator, "PJM": PjmOperator, "ERCOT": ErcotOperator,
}  # fmt: skip

# Restated prices are those of another seed, at the same places.
_TWIN = 1


def simulated_world(*, seed: int, nodes: int, clock: Clock, faults: Faults | None = None) -> Exchange:
    """The operators with `nodes` places together. Raises ValueError for fewer than FEWEST_NODES, or a negative seed."""
    if seed < 0:
        raise ValueError(f"the seed is {seed}, but it has to be 0 or more")
    if nodes < FEWEST_NODES:
        raise ValueError(f"{nodes} nodes are fewer than the {FEWEST_NODES} that four operators need")
    return Exchange(_operators(seed, nodes), _operators(seed + _TWIN, nodes), clock, faults or Faults(seed))


def _operators(seed: int, nodes: int) -> list[Operator]:
    sizes = sizes_of(nodes)
    return [operator(GridMarket(iso, seed, sizes[iso])) for iso, operator in _OPERATORS.items()]
