"""What operators publish of the system besides prices, from the same state that makes the prices."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from integrations.isos.simulator.shapes import Floats, total
from integrations.isos.simulator.system import SystemState

Service = Literal["regulation_up", "regulation_down", "spinning", "non_spinning"]

# What a megawatt of each service is worth at the least, and its share of what energy would have earned where units are
# scarce: the best service takes the most.
_RESERVES: Final[dict[Service, tuple[float, float]]] = {
    "regulation_up": (2.5, 0.90),
    "spinning": (1.2, 0.75),
    "non_spinning": (0.2, 0.35),
}
_SCARCE_SHARE_OF_LOAD = 0.15


def by_area(bus_mw: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """(T, B) megawatts at buses as (T,) of each area: the areas take turns with the buses."""
    return {name: total(bus_mw[:, number :: len(names)]) for number, name in enumerate(names)}


def reserve_prices(state: SystemState) -> dict[Service, Floats]:
    """(T,) prices of reserves in $/MW, dear when little is spare; down is dear when energy is cheap."""
    scarce = np.exp(-state.spare_mw / (_SCARCE_SHARE_OF_LOAD * state.load_mw))
    energy = state.energy_usd_per_mwh
    prices: dict[Service, Floats] = {
        service: least + share * scarce * np.maximum(energy, 0.0) for service, (least, share) in _RESERVES.items()
    }
    return prices | {"regulation_down": 1.0 + 0.25 * np.maximum(25.0 - energy, 0.0)}
