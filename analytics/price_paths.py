"""Random monthly prices around a forward curve, the same to the last bit in whatever blocks they are drawn.

A month's price is the average of its days'. With daily prices f exp(X - Var[X] / 2), X an Ornstein-Uhlenbeck (OU)
process, that average has no simple law, so its logarithm is approximated by the average over time of the logarithm:
the month's multiplier is exp(A - Var[A] / 2), A the average of X over the month. This is the geometric average of
Kemna and Vorst (1990, Journal of Banking and Finance 14, 113-129), scaled to the right mean. Its standard
deviation falls short of the arithmetic average's: by 1 to 2 % where daily logarithms have a standard deviation of 0.3,
by 3 to 6 % at 0.6.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.arrays import Floats
from analytics.mean_reversion import OuProcess

GENERATOR = "numpy Philox, key = seed, counter = path index * 2^128, standard_normal: two a month, end then average"
_SEED_LIMIT = 2**128


@dataclass(frozen=True)
class _Steps:
    """From month to month, arrays of shape (months,), z and u standard normals, x the value at the end before.

    end = decay x + end_noise z; average = from_before x + from_end end + average_noise u.
    """

    decay: Floats
    end_noise: Floats
    from_before: Floats
    from_end: Floats
    average_noise: Floats
    half_variance: Floats


def price_multipliers(
    start_years: Floats, end_years: Floats, process: OuProcess, *, seed: int, first_path: int, paths: int
) -> Floats:
    """exp(A - Var[A] / 2) with A the average of the OU process X, X_0 = 0, over each month; shape (months, paths).

    The mean is 1 in every month. `start_years` and `end_years`, shape (months,), are the months' bounds in years from
    now, rising and without overlap; months need not adjoin. A month under way starts below 0: its days gone by are
    known and do not vary, X = 0 there. Ends and averages have their exact joint law. Every path has a counter-based
    stream of its own, so path i is the same numbers whichever paths are drawn beside it. Raises ValueError for bad
    bounds or seed.
    """
    if not 0 <= seed < _SEED_LIMIT:
        raise ValueError(f"seed: {seed} is not between 0 and 2^128 - 1")
    if start_years.shape != end_years.shape or (end_years <= np.maximum(start_years, 0.0)).any():
        raise ValueError("end_years: every month must end after it starts and after now")
    if (start_years[1:] < end_years[:-1]).any():
        raise ValueError("start_years: months must rise and not overlap")
    steps = _steps(start_years, end_years, process)
    shocks = _normals(seed, first_path, paths, 2 * end_years.size)
    multipliers = np.empty((end_years.size, paths))
    x = np.zeros(paths)
    # One month after the other, elementwise only: sums over paths and BLAS products depend on the size of the block.
    for at in range(end_years.size):
        end = steps.decay[at] * x + steps.end_noise[at] * shocks[:, 2 * at]
        average = steps.from_before[at] * x + steps.from_end[at] * end
        average += steps.average_noise[at] * shocks[:, 2 * at + 1]
        np.exp(average - steps.half_variance[at], out=multipliers[at])
        x = end
    return multipliers


def _steps(start_years: Floats, end_years: Floats, process: OuProcess) -> _Steps:
    """The exact step from the end of one month, over a gap if there is one, to the end of the next.

    The value at the month's start is not drawn. Given those at the end before and at the month's end it is normal
    (an OU bridge), and with it the month's average. The first gap runs from now to the first month.
    """
    start = np.maximum(start_years, 0.0)
    gap, length = start - np.append(0.0, end_years[:-1]), end_years - start
    gap_decay, decay = np.exp(-process.kappa_per_year * gap), np.exp(-process.kappa_per_year * length)
    unit = OuProcess(process.kappa_per_year, 1.0)  # so that the bridge has its weights with sigma = 0 too
    gap_share, month_share = (unit.variance(years) / unit.variance(gap + length) for years in (gap, length))
    start_variance = process.variance(gap) * month_share
    weight, between = process.average_given_ends(length)
    ahead = length / (end_years - start_years)  # below 1 in a month under way
    return _Steps(
        decay=gap_decay * decay,
        end_noise=np.sqrt(process.variance(gap + length)),
        from_before=ahead * weight * gap_decay * month_share,
        from_end=ahead * weight * (1 + gap_share * decay),
        average_noise=ahead * np.sqrt(weight**2 * start_variance + between),
        half_variance=ahead**2 * process.average_variance(start, end_years) / 2,
    )


def _normals(seed: int, first_path: int, paths: int, count: int) -> Floats:
    """Standard normals of shape (paths, count), each row from its path's own stream."""
    bits = np.random.Philox(key=seed)
    generator = np.random.Generator(bits)
    start = bits.state
    counter: npt.NDArray[np.uint64] = start["state"]["counter"]
    normals = np.empty((paths, count))
    for row in range(paths):
        # Setting the state back to fresh at the path's counter is several times quicker than a new generator a path.
        counter[:] = (0, 0, first_path + row, 0)
        bits.state = start
        generator.standard_normal(out=normals[row])
    return normals
