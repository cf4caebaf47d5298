"""Maximum-smoothness quartic spline through prescribed averages.

Formulation (that of the published cmdty `curves` example, after Adams and van Deventer 1994 and Benth, Koekebakker
and Ollmar 2007): one quartic polynomial a piece, twice continuously differentiable at the breaks between pieces,
least integral of the squared second derivative, given weighted averages over whole days, day t sampled at t, and no
condition on the slope at either end.

The spline is written in quartic B-splines with double inner knots. That basis is exactly the space of such
functions, so that no continuity rows are needed, and stays well conditioned when a day stands beside a year, which
powers of t do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.arrays import Floats, Integers

SOLVER = "CLARABEL"
SOLVER_TOLERANCE = 1e-10
REPRICING_TOLERANCE_USD_PER_MWH = 1e-6
_DEGREE = 4
_LEVEL_ENDS_BELOW = 0.1
# Curvature is of the order of a cent a day squared; unscaled it drowns in the solver's regularisation. With this factor
# the answer lies within 1e-9 of the exact minimiser, ten times less or a thousand times more cost two digits or more.
_ROUGHNESS_SCALE = 1000.0


class CurveNotSolved(RuntimeError):
    """The solver found no curve that meets the averages."""


@dataclass(frozen=True)
class Average:
    """The mean over days first_day <= t < last_day, weighted with `weights_hours`, shall be `price_usd_per_mwh`."""

    first_day: int
    last_day: int
    weights_hours: Floats
    price_usd_per_mwh: float


@dataclass(frozen=True)
class SplineFit:
    """Daily values, and how they were found.

    `level_ends` tells that the slope was not set by the averages and both ends were held level, see `smooth_spline`.
    """

    price_usd_per_mwh: Floats
    max_abs_repricing_error_usd_per_mwh: float
    level_ends: bool
    solver_status: str


def smooth_spline(breaks: Integers, averages: Sequence[Average]) -> SplineFit:
    """The smoothest daily curve with the given averages.

    `breaks`: rising day numbers from 0 to the number of days, shape (pieces + 1,); a piece may lie under several
    averages, or under none (a gap). `averages` must be independent of one another. Daily values have shape
    (breaks[-1],).

    A straight line costs nothing, so the averages must tell its slope. They can't where their centres all but
    coincide (one quote; a quarter and its middle month): where the centres lie within a tenth of the curve's
    length, the first and the last value are required to be equal besides.

    Raises CurveNotSolved where the averages can't be met to 1e-6 USD/MWh.
    """
    knots = np.concatenate([[breaks[0]] * _DEGREE, _doubled(breaks), [breaks[-1]] * _DEGREE]).astype(np.float64)
    basis = _basis(knots, np.arange(breaks[-1] + 1, dtype=np.float64))
    rows = np.array([_row(basis, average) for average in averages])
    prices = np.array([average.price_usd_per_mwh for average in averages])
    level = float(prices.mean())
    conditions, targets = rows, prices - level
    level_ends = _centres_coincide(averages, int(breaks[-1]))
    if level_ends:
        ends = np.asarray((basis[breaks[-1]] - basis[0]).todense(), dtype=np.float64).ravel()
        conditions, targets = np.vstack([rows, ends]), np.append(targets, 0.0)
    coefficients, status = _solve(_roughness(knots, breaks.astype(np.float64)), conditions, targets)
    daily = np.asarray(basis[:-1] @ coefficients, dtype=np.float64) + level
    error = max(abs(_mean(daily, average) - average.price_usd_per_mwh) for average in averages)
    if not error <= REPRICING_TOLERANCE_USD_PER_MWH:
        raise CurveNotSolved(f"curve: the quotes are missed by up to {error:.3g} USD/MWh (solver status {status})")
    return SplineFit(daily, error, level_ends, status)


def _doubled(breaks: Integers) -> Integers:
    """The ends once and each inner break twice: three continuous derivatives of a quartic less one."""
    return np.concatenate([breaks[:1], np.repeat(breaks[1:-1], 2), breaks[-1:]])


def _basis(knots: Floats, days: Floats) -> Any:
    """Sparse matrix (days, coefficients) of the B-splines' values."""
    from scipy.interpolate import BSpline

    return BSpline.design_matrix(days, knots, _DEGREE).tocsr()


def _row(basis: Any, average: Average) -> Floats:
    weights = average.weights_hours / average.weights_hours.sum()
    return np.asarray(basis[average.first_day : average.last_day].T @ weights, dtype=np.float64)


def _mean(daily: Floats, average: Average) -> float:
    return float(np.average(daily[average.first_day : average.last_day], weights=average.weights_hours))


def _centres_coincide(averages: Sequence[Average], days: int) -> bool:
    numbers = np.arange(days, dtype=np.float64)
    centres = [_mean(numbers, average) for average in averages]
    return max(centres) - min(centres) < _LEVEL_ENDS_BELOW * days


def _roughness(knots: Floats, breaks: Floats) -> Floats:
    """D with |D c|^2 = integral of the squared second derivative: three Gauss points a piece are exact here."""
    from scipy.interpolate import BSpline

    nodes, weights = np.polynomial.legendre.leggauss(3)
    half = np.diff(breaks)[:, None] / 2
    points = (breaks[:-1, None] + half * (1 + nodes)).ravel()
    count = knots.size - _DEGREE - 1
    second = np.asarray(BSpline(knots, np.eye(count), _DEGREE).derivative(2)(points), dtype=np.float64)
    return second * np.sqrt((half * weights).ravel())[:, None]


def _solve(roughness: Floats, conditions: Floats, targets: Floats) -> tuple[Floats, str]:
    """Coefficients from cvxpy with Clarabel, an interior-point method: first-order ones miss a curve's tail by far.

    Everything up to here and the solver itself work on one thread and without BLAS, whose sums depend on the number of
    threads, so that the same quotes give the same bits.
    """
    import cvxpy as cp

    coefficients = cp.Variable(roughness.shape[1])
    smoothness = cp.sum_squares((_ROUGHNESS_SCALE * roughness) @ coefficients)
    problem = cp.Problem(cp.Minimize(smoothness), [conditions @ coefficients == targets])
    tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), SOLVER_TOLERANCE)
    try:
        problem.solve(solver=SOLVER, direct_solve_method="qdldl", max_threads=1, **tolerances)
    except cp.error.SolverError as error:
        raise CurveNotSolved(f"curve: {SOLVER} failed: {error}") from error
    if coefficients.value is None:
        raise CurveNotSolved(f"curve: {SOLVER} ended with status {problem.status}")
    return np.asarray(coefficients.value, dtype=np.float64), str(problem.status)
