"""PJM's Data Miner exports `da_hrl_lmps` and `rt_hrl_lmps`: one row per pricing node and hour.

Hours are named by their beginning, in UTC and on the eastern prevailing clock (which says 1:00 AM twice in autumn); the
components follow, then which version of the row this is. Energy has two decimals day-ahead and six in real time.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from integrations.isos.simulator.files import SimulatedFile, fixed
from integrations.isos.simulator.intervals import MARKET_ZONES, market_days
from integrations.isos.simulator.market import PriceBlock, SimulatedMarket
from integrations.isos.simulator.places import PLACES

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
    block = block.only(lambda place: place.node == HISTORY_HUB)
    return _export("da", block, datetime.combine(last - timedelta(days=1), time(13, 31)))


def _export(market: Literal["da", "rt"], block: PriceBlock, published_at: datetime) -> SimulatedFile:
    columns = ["system_energy_price", "total_lmp", "congestion_price", "marginal_loss_price"]
    header = [
        "datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,voltage,equipment,type,zone",
        *(f"{column}_{market}" for column in columns),
        "row_is_current,version_nbr",
    ]
    energy_text = _cents if market == "da" else _micros
    rows = [row for hour in _rows_by_hour(block, energy_text) for row in hour]
    content = "\r\n".join([",".join(header), *rows]) + "\r\n"
    return SimulatedFile(f"{market}_hrl_lmps.csv", content.encode("ascii"), published_at)


def _rows_by_hour(block: PriceBlock, energy_text: Callable[[int], str]) -> list[list[str]]:
    identities = _identities()
    in_order = sorted(range(len(block.places)), key=lambda column: identities[block.places[column].node])
    texts = [",".join(map(str, identities[block.places[column].node])) for column in in_order]
    begins = zip(block.intervals.starts_in(UTC), block.intervals.starts_in(MARKET_ZONES["PJM"]), strict=True)
    lmp = block.lmp
    hours = []
    for at, (utc, ept) in enumerate(begins):
        when = f"{_clock(utc)},{_clock(ept)}"
        prices = zip(
            block.energy[at, in_order].tolist(),
            lmp[at, in_order].tolist(),
            block.congestion[at, in_order].tolist(),
            block.loss[at, in_order].tolist(),
            strict=True,
        )
        hours.append(
            [
                f"{when},{text},{energy_text(energy)},{_micros(total)},{_micros(congestion)},{_micros(loss)},True,1"
                for text, (energy, total, congestion, loss) in zip(texts, prices, strict=True)
            ]
        )
    return hours


def _identities() -> dict[str, tuple[int, str, str, str, str, str]]:
    """Per node: pnode_id, pnode_name, voltage, equipment, type, zone. Only what stands at a bus has all of them."""
    identities = {}
    for number, place in enumerate(PLACES["PJM"]):
        pnode_id = _HUB_IDS.get(place.node, _FIRST_SIMULATED_ID + number)
        at_bus = ("230 KV", f"T-{number}", "SIMRIDGE") if place.node_type in {"GEN", "LOAD"} else ("", "", "")
        voltage, equipment, zone = at_bus
        identities[place.node] = (pnode_id, place.node, voltage, equipment, place.node_type, zone)
    return identities


def _clock(moment: datetime) -> str:
    """As in 6/15/2025 4:00:00 AM."""
    return (
        f"{moment.month}/{moment.day}/{moment.year} {moment.hour % 12 or 12}:00:00 {'AM' if moment.hour < 12 else 'PM'}"
    )


def _cents(micros: int) -> str:
    return fixed(micros // 10_000, 2)


def _micros(micros: int) -> str:
    return fixed(micros, 6)
