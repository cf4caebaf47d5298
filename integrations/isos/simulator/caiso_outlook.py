"""Today's Outlook of CAISO: a day's five minutes as far as they have passed, in whole megawatts.

Labels are Pacific clock times. The hour that spring skips stands there with empty cells, the one that autumn repeats
stands there twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from integrations.isos.simulator.caiso import PACIFIC
from integrations.isos.simulator.files import text_of
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import SystemState

FIVE_MINUTES = timedelta(minutes=5)

# A tenth of the hydro power comes from small plants; what the system does not have is nothing.
_SMALL = 0.1


def fuels(state: SystemState) -> dict[str, Floats]:
    """(T,) megawatts by the columns of `fuelsource`."""
    made, nothing = state.generation_mw, np.zeros(len(state.load_mw))
    return {
        "Solar": made["solar"],
        "Wind": made["wind"],
        "Geothermal": nothing,
        "Biomass": made["biomass"],
        "Biogas": nothing,
        "Small hydro": _SMALL * made["hydro"],
        "Coal": nothing,
        "Nuclear": made["nuclear"],
        "Natural Gas": made["natural_gas"],
        "Large Hydro": (1 - _SMALL) * made["hydro"],
        "Batteries": made["battery"],
        "Imports": made["imports"],
        "Other": made["other"],
    }


def fuel_source(market: GridMarket, slots: Intervals) -> bytes:
    """`fuelsource.csv`."""
    return _csv(slots, fuels(market.states("actual", slots)))


def demands(market: GridMarket, slots: Intervals) -> dict[str, Floats]:
    """(T,) megawatts by the columns of `netdemand`: net of wind and sun."""
    actual = market.states("actual", slots)
    return {
        "Hour ahead forecast": market.states("hour_ahead", slots).load_mw,
        "Current demand": actual.load_mw,
        "Net demand": actual.load_mw - actual.generation_mw["wind"] - actual.generation_mw["solar"],
    }


def net_demand(market: GridMarket, slots: Intervals) -> bytes:
    """`netdemand.csv`."""
    return _csv(slots, demands(market, slots))


REPORTS = {"fuelsource": fuel_source, "netdemand": net_demand}


def _csv(slots: Intervals, columns: dict[str, Floats]) -> bytes:
    lines = [",".join(["Time", *columns])]
    before: datetime | None = None
    cells = np.rint(np.stack(list(columns.values()), axis=1)).astype(np.int64).tolist()
    for start, values in zip(slots.starts_in(PACIFIC), cells, strict=True):
        clock = start.replace(tzinfo=None)
        lines += _skipped(before, clock, len(columns))
        lines.append(f"{clock:%H:%M},{_joined(values)}")
        before = clock
    return text_of(lines)


def _skipped(before: datetime | None, clock: datetime, columns: int) -> Sequence[str]:
    """The lines of the times that a clock put forward leaves out."""
    lines = []
    while before is not None and (before := before + FIVE_MINUTES) < clock:
        lines.append(f"{before:%H:%M}{',' * columns}")
    return lines


def _joined(values: Sequence[int]) -> str:
    return ",".join(map(str, values))
