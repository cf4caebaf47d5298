"""Value of a power purchase agreement: Monte Carlo around the forward curve, and the closed form beside it.

A month settles at its average price, S_t = F_t exp(A_t - Var[A_t] / 2) with A the average over the month of an
Ornstein-Uhlenbeck process in the logarithm (how, and what it approximates: `price_paths`). E[S_t] = F_t, so that the
exact expected value is that of the forward less the fixed price. The forward curve itself does not move: the spread is
that of spot prices around it, and the risk that the curve is wrong is not in it.

A month is settled at its end with sign x (S_t - fixed) x MWh, times (1 + rate)^(-days / 365) from the valuation date.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from analytics.arrays import Dates, Floats, Integers, finite
from analytics.irr import Irr, xirr
from analytics.mean_reversion import OuProcess
from analytics.periods import DAYS_PER_YEAR
from analytics.price_paths import price_multipliers

NO_OUTLAY = "no_outlay"
_BLOCK_PATHS = 2048


@dataclass(frozen=True)
class PpaTerms:
    """A fixed-price contract settled monthly against the hub's price, valued on `valuation_date`.

    The buyer receives the market price and pays the fixed one for each MWh, the seller the other way round.
    `upfront_cost_usd` is paid on the valuation date by the side that is valued. `discount_rate_per_year` compounds
    yearly, actual/365.
    """

    side: Literal["buyer", "seller"]
    fixed_price_usd_per_mwh: float
    discount_rate_per_year: float
    valuation_date: date
    upfront_cost_usd: float = 0.0

    def __post_init__(self) -> None:
        if self.side not in ("buyer", "seller"):
            raise ValueError(f"side: {self.side!r} is neither buyer nor seller")
        if not np.isfinite(self.fixed_price_usd_per_mwh):
            raise ValueError(f"fixed_price_usd_per_mwh: {self.fixed_price_usd_per_mwh} is not a finite number")
        if not (np.isfinite(self.discount_rate_per_year) and self.discount_rate_per_year > -1):
            raise ValueError(f"discount_rate_per_year: {self.discount_rate_per_year} is not above -1 (0.07 means 7 %)")
        if not (np.isfinite(self.upfront_cost_usd) and self.upfront_cost_usd >= 0):
            raise ValueError(f"upfront_cost_usd: {self.upfront_cost_usd} is not a number of 0 or more")

    @property
    def sign(self) -> float:
        """+1 for the buyer, who gains when the market rises, -1 for the seller."""
        return 1.0 if self.side == "buyer" else -1.0


@dataclass(frozen=True)
class YearlySettlement:
    """One calendar year of delivery: expected amounts, and the 5 % and 95 % quantiles of the net over all paths.

    The net is what the valued side receives; the upfront cost is not in it. `discounted_usd` is the expected net,
    discounted.
    """

    year: int
    volume_mwh: float
    market_revenue_usd: float
    fixed_cost_usd: float
    net_usd: float
    net_p5_usd: float
    net_p95_usd: float
    discounted_usd: float


@dataclass(frozen=True)
class PpaValuation:
    """`npv_*` in USD on the valuation date, from the simulated paths except `npv_closed_form_usd`, which is exact.

    `break_even_price_usd_per_mwh` is the fixed price at which the expected NPV, upfront cost included, is zero.
    `irr` is that of the upfront cost and the expected monthly nets, a year; without an upfront cost it has no rate
    and the reason `no_outlay`.
    """

    npv_mean_usd: float
    npv_standard_error_usd: float
    npv_p5_usd: float
    npv_p50_usd: float
    npv_p95_usd: float
    npv_closed_form_usd: float
    break_even_price_usd_per_mwh: float
    irr: Irr
    yearly: tuple[YearlySettlement, ...]
    process: OuProcess
    paths: int
    seed: int


@dataclass(frozen=True)
class _Schedule:
    """Delivery months as arrays of shape (months,): forward, energy, discount factor, times and calendar years.

    Times run from the valuation date; the start of a month under way is negative.
    """

    forward_usd_per_mwh: Floats
    volume_mwh: Floats
    discount: Floats
    start_days: Floats
    end_days: Floats
    year: Integers


def forward_of(delivery_month: Dates, curve_month: Dates, curve_usd_per_mwh: Floats) -> Floats:
    """The curve's prices in the delivery months. Raises ValueError naming the months that the curve lacks."""
    prices = dict(zip(curve_month.tolist(), curve_usd_per_mwh.tolist(), strict=True))
    missing = [str(month) for month in delivery_month if month.item() not in prices]
    if missing:
        raise ValueError(
            f"curve: {len(missing)} delivery months from {missing[0]} to {missing[-1]} are not on it; "
            f"it runs from {curve_month.min()} to {curve_month.max()}"
        )
    return np.array([prices[month.item()] for month in delivery_month])


def price_ppa(
    terms: PpaTerms,
    delivery_month: Dates,
    forward_usd_per_mwh: Floats,
    volume_mwh: Floats,
    process: OuProcess,
    *,
    paths: int,
    seed: int,
    block_paths: int = _BLOCK_PATHS,
) -> PpaValuation:
    """Value a contract in `paths` simulated paths of monthly prices (model: see the module).

    `delivery_month` (datetime64[M], rising), `forward_usd_per_mwh` and `volume_mwh` have shape (months,). The result
    depends on `paths` and `seed` to the last bit and not on `block_paths`, which bounds memory (block_paths x months x
    24 bytes, besides paths x years x 8). Raises ValueError where arrays do not fit each other, a month is over before
    the valuation date, nothing is delivered or there are fewer than 2 paths.
    """
    if paths < 2 or block_paths < 1:
        raise ValueError(f"paths: {paths} paths in blocks of {block_paths}; at least 2 and 1 are needed")
    schedule = _schedule(terms, delivery_month, forward_usd_per_mwh, volume_mwh)
    npv, nets = _simulate(terms, schedule, process, paths, seed, block_paths)
    expected = _expected_net(terms, schedule)
    p5, p50, p95 = np.quantile(npv, (0.05, 0.5, 0.95)).tolist()
    return PpaValuation(
        npv_mean_usd=float(npv.mean()),
        npv_standard_error_usd=float(npv.std(ddof=1) / np.sqrt(paths)),
        npv_p5_usd=p5,
        npv_p50_usd=p50,
        npv_p95_usd=p95,
        npv_closed_form_usd=float((schedule.discount * expected).sum()) - terms.upfront_cost_usd,
        break_even_price_usd_per_mwh=_break_even(terms, schedule),
        irr=_irr(terms, schedule, expected),
        yearly=_yearly(terms, schedule, expected, nets),
        process=process,
        paths=paths,
        seed=seed,
    )


def _schedule(terms: PpaTerms, delivery_month: Dates, forward: Floats, volume: Floats) -> _Schedule:
    months = delivery_month.astype("datetime64[M]")
    prices, energy = finite("forward_usd_per_mwh", forward), finite("volume_mwh", volume)
    if not months.shape == prices.shape == energy.shape:
        raise ValueError(
            "delivery_month, forward_usd_per_mwh, volume_mwh: "
            f"shapes {months.shape}, {prices.shape} and {energy.shape} differ"
        )
    if (np.diff(months.astype(np.int64)) <= 0).any():
        raise ValueError("delivery_month: months must rise")
    if energy.min() < 0 or energy.sum() <= 0:
        raise ValueError("volume_mwh: no month may be negative and at least one must deliver energy")
    today = np.datetime64(terms.valuation_date, "D")
    starts = (months.astype("datetime64[D]") - today).astype(np.float64)
    ends = ((months + 1).astype("datetime64[D]") - today).astype(np.float64)
    if ends[0] <= 0:
        raise ValueError(
            f"delivery_month: {months[0]} is over on the valuation date {today}; leave out the months already delivered"
        )
    discount = (1.0 + terms.discount_rate_per_year) ** (-ends / DAYS_PER_YEAR)
    calendar_year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    return _Schedule(prices, energy, discount, starts, ends, calendar_year)


def _simulate(
    terms: PpaTerms, schedule: _Schedule, process: OuProcess, paths: int, seed: int, block_paths: int
) -> tuple[Floats, Floats]:
    """NPV of each path, shape (paths,), and its net of each year, shape (years, paths)."""
    npv, nets = np.empty(paths), np.zeros((np.unique(schedule.year).size, paths))
    for first in range(0, paths, block_paths):
        block = slice(first, min(first + block_paths, paths))
        npv[block] = _settle_block(terms, schedule, process, seed, block, nets[:, block])
    return npv, nets


def _settle_block(
    terms: PpaTerms, schedule: _Schedule, process: OuProcess, seed: int, block: slice, nets: Floats
) -> Floats:
    """NPV of each path of the block, shape (block,); adds the yearly nets into `nets`, shape (years, block).

    Months are added one after the other, so that a path's bits do not depend on its neighbours.
    """
    count = block.stop - block.start
    start, end = schedule.start_days / DAYS_PER_YEAR, schedule.end_days / DAYS_PER_YEAR
    multipliers = price_multipliers(start, end, process, seed=seed, first_path=block.start, paths=count)
    npv = np.full(count, -terms.upfront_cost_usd)
    row = np.searchsorted(np.unique(schedule.year), schedule.year)
    for at, price in enumerate(schedule.forward_usd_per_mwh):
        margin = price * multipliers[at] - terms.fixed_price_usd_per_mwh
        net = terms.sign * schedule.volume_mwh[at] * margin
        nets[row[at]] += net
        npv += schedule.discount[at] * net
    return npv


def _expected_net(terms: PpaTerms, schedule: _Schedule) -> Floats:
    margin = schedule.forward_usd_per_mwh - terms.fixed_price_usd_per_mwh
    net: Floats = terms.sign * schedule.volume_mwh * margin
    return net


def _break_even(terms: PpaTerms, schedule: _Schedule) -> float:
    """Discounted market value, less (buyer) or plus (seller) the upfront cost, over discounted energy."""
    energy = schedule.discount * schedule.volume_mwh
    market = float(np.sum(energy * schedule.forward_usd_per_mwh))
    return (market - terms.sign * terms.upfront_cost_usd) / float(np.sum(energy))


def _irr(terms: PpaTerms, schedule: _Schedule, expected: Floats) -> Irr:
    if terms.upfront_cost_usd == 0:
        return Irr(None, reason=NO_OUTLAY)
    days = np.append(0.0, schedule.end_days)
    return xirr(days, np.append(-terms.upfront_cost_usd, expected))


def _yearly(terms: PpaTerms, schedule: _Schedule, expected: Floats, nets: Floats) -> tuple[YearlySettlement, ...]:
    table = []
    for row, year in enumerate(np.unique(schedule.year)):
        inside = schedule.year == year
        volume = schedule.volume_mwh[inside]
        p5, p95 = np.quantile(nets[row], (0.05, 0.95))
        table.append(
            YearlySettlement(
                year=int(year),
                volume_mwh=float(volume.sum()),
                market_revenue_usd=float((volume * schedule.forward_usd_per_mwh[inside]).sum()),
                fixed_cost_usd=float((volume * terms.fixed_price_usd_per_mwh).sum()),
                net_usd=float(expected[inside].sum()),
                net_p5_usd=float(p5),
                net_p95_usd=float(p95),
                discounted_usd=float((schedule.discount * expected)[inside].sum()),
            )
        )
    return tuple(table)
