"""What the main job needs besides prices: a hub, forward quotes, a scenario and a PPA, as files a user could edit.

The quotes come from one monthly curve, so a quarter or year equals its months, weighted by their hours on the hub's own
clock, to within the cent that quotes are rounded to.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Final

from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import SimulatedMarket
from integrations.isos.simulator.pjm import HISTORY_HUB

HUB: Final = "PJM-WH"

_MONTHS_QUOTED, _QUARTERS_QUOTED, _YEARS_QUOTED = 12, 6, 4
_RISE_PER_YEAR = 0.015
_POWER_MW, _TERM_YEARS, _DISCOUNT_PER_YEAR = 50, 10, 0.07

# A month is counted as year * 12 + month - 1, so that neighbours differ by one.
_Month = int


def instrument_yaml() -> str:
    """The hub that quotes, curves and PPAs name."""
    return f"name: {HUB}\niso: PJM\nnode: {HISTORY_HUB}\nnode_type: HUB\nmarket: DA\ntime_zone: America/New_York\n"


def scenario_yaml() -> str:
    """How the curve goes on after the last quote."""
    return "name: base\ngrowth_per_year: 0.02\nseasonal_weight: 1.0\n"


def quotes_csv(market: SimulatedMarket, day: date) -> str:
    """Months, quarters and calendar years after `day`, overlapping; prices in $/MWh to the cent."""
    quoted_at = datetime.combine(day, time(20, 30), UTC)
    lines = ["hub,product,price_usd_per_mwh,source,quoted_at"]
    for product, months in _products(day):
        price = _mean_usd_per_mwh(market, day, months)
        lines.append(f"{HUB},{product},{price:.2f},simulated broker,{quoted_at:%Y-%m-%dT%H:%M:%SZ}")
    return "\n".join(lines) + "\n"


def ppa_yaml(market: SimulatedMarket, day: date) -> str:
    """Ten years of a flat purchase from next January, with an outlay that the margin should earn back in some five."""
    first = day.year + 1
    forward_usd_per_mwh = _mean_usd_per_mwh(market, day, range(first * 12, first * 12 + 12))
    fixed_usd_per_mwh = round(0.8 * forward_usd_per_mwh, 2)
    upfront_usd = round((forward_usd_per_mwh - fixed_usd_per_mwh) * _POWER_MW * 8760 * 5, -5)
    return (
        f"name: wind-west-{first}\n"
        f"hub: {HUB}\n"
        "side: buy\n"
        f"power_mw: {_POWER_MW}\n"
        f"fixed_price_usd_per_mwh: {fixed_usd_per_mwh:.2f}\n"
        f"start: {first}-01\n"
        f"end: {first + _TERM_YEARS - 1}-12\n"
        f"discount_rate_per_year: {_DISCOUNT_PER_YEAR}\n"
        f"upfront_cost_usd: {upfront_usd:.0f}\n"
    )


def _products(day: date) -> Iterator[tuple[str, range]]:
    """Name and months of every quoted product."""
    next_month = day.year * 12 + day.month
    for month in range(next_month, next_month + _MONTHS_QUOTED):
        yield f"{month // 12}-{month % 12 + 1:02d}", range(month, month + 1)
    next_quarter = -(-next_month // 3)
    for quarter in range(next_quarter, next_quarter + _QUARTERS_QUOTED):
        yield f"{quarter // 4}-Q{quarter % 4 + 1}", range(quarter * 3, quarter * 3 + 3)
    next_year = day.year + 1
    for year in range(next_year, next_year + _YEARS_QUOTED):
        yield f"CAL-{year}", range(year * 12, year * 12 + 12)


def _mean_usd_per_mwh(market: SimulatedMarket, day: date, months: range) -> float:
    """The hour-weighted mean of the monthly curve over `months`, in $/MWh."""
    weighted, hours = 0.0, 0
    for month in months:
        in_month = _hours(month)
        years_ahead = (month - day.year * 12 - day.month + 1) / 12
        rise = (1 + _RISE_PER_YEAR) ** years_ahead
        monthly = round(market.expected_usd_per_mwh(_first_day(month), in_month) * rise, 2)
        weighted, hours = weighted + in_month * monthly, hours + in_month
    return weighted / hours


def _first_day(month: _Month) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _hours(month: _Month) -> int:
    """On the hub's clock: March has an hour less than its days say, November one more."""
    last_day = date.fromordinal(_first_day(month + 1).toordinal() - 1)
    return len(market_days("PJM", _first_day(month), last_day, minutes=60))
