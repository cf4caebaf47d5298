"""Net present value and internal rate of return of periodic and dated cash flows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.arrays import Floats, finite
from analytics.periods import DAYS_PER_YEAR

NO_SIGN_CHANGE = "no_sign_change"
NO_RATE = "no_rate"
_GRID_POINTS = 4001
_LARGEST_LOG_RATE = 50.0


@dataclass(frozen=True)
class Irr:
    """Every rate found, rising, in `roots`, and in `rate` the one that describes an outlay best.

    That is the one nearest to zero growth among those above which the present value turns negative, or among all where
    there is none such. More than one root means that no single rate describes the flows. Without a root `rate` is None
    and `reason` says why.
    """

    rate: float | None
    roots: tuple[float, ...] = ()
    reason: str | None = None

    @property
    def has_several_roots(self) -> bool:
        return len(self.roots) > 1


def npv(rate: float, cashflows: npt.ArrayLike) -> float:
    """Sum of c_k / (1 + rate)^k, the first flow at k = 0. Raises ValueError for a rate of -1 or less."""
    flows = finite("cashflows", cashflows)
    return _present_value(rate, np.arange(flows.size, dtype=np.float64), flows)


def xnpv(rate_per_year: float, days: npt.ArrayLike, cashflows: npt.ArrayLike) -> float:
    """Sum of c_k / (1 + rate)^((d_k - min d) / 365), days as numbers in any order. Raises ValueError as `npv`."""
    flows = finite("cashflows", cashflows)
    return _present_value(rate_per_year, _years(days, flows), flows)


def irr(cashflows: npt.ArrayLike) -> Irr:
    """Rate a period at which `npv` is zero. Raises ValueError for an empty or not finite array."""
    flows = finite("cashflows", cashflows)
    return _solve(np.arange(flows.size, dtype=np.float64), flows)


def xirr(days: npt.ArrayLike, cashflows: npt.ArrayLike) -> Irr:
    """Rate a year, actual/365, at which `xnpv` is zero; `days` and `cashflows` of shape (n,), in any order."""
    flows = finite("cashflows", cashflows)
    return _solve(_years(days, flows), flows)


def _years(days: npt.ArrayLike, flows: Floats) -> Floats:
    numbers = finite("days", days)
    if numbers.shape != flows.shape:
        raise ValueError(f"days: {flows.size} values are needed, one a cash flow, got {numbers.size}")
    years: Floats = (numbers - numbers.min()) / DAYS_PER_YEAR
    return years


def _present_value(rate: float, years: Floats, flows: Floats) -> float:
    if not rate > -1:
        raise ValueError(f"rate: {rate} is not above -1")
    return float((flows * (1.0 + rate) ** -years).sum())


def _solve(years: Floats, flows: Floats) -> Irr:
    """Roots in z = -log(1 + rate) of the exponential sum f(z) = sum c_k exp(z t_k).

    With the first flow's share of sum |c_k| exp(z t_k) above a half there is no root further left, with the last
    one's none further right, which bounds the search. As many roots as sign changes are possible (Descartes' rule):
    one is bracketed by the bounds, for more the range is scanned.
    """
    times, index = np.unique(years, return_inverse=True)
    sums = np.bincount(index, weights=flows)
    times, sums = times[sums != 0], sums[sums != 0]
    signs = np.sign(sums)
    changes = int((signs[1:] != signs[:-1]).sum()) if signs.size else 0
    if changes == 0:
        return Irr(None, reason=NO_SIGN_CHANGE)
    left, right = _bound(times, sums, -1), _bound(times, sums, +1)
    edges = np.array([left, right])
    if changes > 1:
        edges = np.sinh(np.linspace(np.arcsinh(left), np.arcsinh(right), _GRID_POINTS))
    found = [z for z in _roots(times, sums, edges) if abs(z) <= _LARGEST_LOG_RATE]
    if not found:
        return Irr(None, reason=NO_RATE)
    rising = [z for z in found if _scaled(times, sums * times, z) > 0]
    best = min(rising or found, key=abs)
    return Irr(float(np.expm1(-best)), tuple(sorted(float(np.expm1(-z)) for z in found)))


def _scaled(times: Floats, sums: Floats, z: float) -> float:
    """f(z) over sum |c_k| exp(z t_k): the same sign and roots, no overflow."""
    exponents = z * times
    terms = sums * np.exp(exponents - exponents.max())
    return float(terms.sum() / np.abs(terms).sum())


def _bound(times: Floats, sums: Floats, direction: int) -> float:
    """A z beyond which, in that direction, the last (or first) flow outweighs all others."""
    outermost = -1 if direction > 0 else 0
    z = float(direction)
    while True:
        exponents = z * (times - times[outermost])
        if np.abs(sums[outermost]) > 0.5 * (np.abs(sums) * np.exp(exponents)).sum():
            return z
        z *= 2.0


def _roots(times: Floats, sums: Floats, edges: Floats) -> list[float]:
    from scipy.optimize import brentq

    values = np.array([_scaled(times, sums, float(z)) for z in edges])
    roots = [float(z) for z, value in zip(edges, values, strict=True) if value == 0]
    for at in np.flatnonzero(values[1:] * values[:-1] < 0):
        root = brentq(lambda z: _scaled(times, sums, z), edges[at], edges[at + 1], xtol=1e-15, rtol=1e-14)
        roots.append(float(root))
    return roots
