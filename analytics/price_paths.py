"""Random monthly price paths around a forward curve, the same to the last bit in whatever blocks they are drawn."""

import numpy as np
import numpy.typing as npt

from analytics.arrays import Floats
from analytics.mean_reversion import OuProcess

GENERATOR = "numpy Philox, key = seed, counter = path index * 2^128, standard_normal"
_SEED_LIMIT = 2**128


def price_multipliers(years: Floats, process: OuProcess, *, seed: int, first_path: int, paths: int) -> Floats:
    """exp(X_t - Var[X_t] / 2) of an OU process X with X_0 = 0, shape (times, paths): mean 1 at every time.

    `years`: rising times from now in years, not below 0, shape (times,). The step from one time to the next is exact:
    X' = X exp(-kappa d) + sqrt(Var of d) Z (Glasserman 2003, section 3.3). Every path has a counter-based stream of
    its own, so path i is the same numbers whichever paths are drawn beside it. Raises ValueError for bad times or
    seed.
    """
    if not 0 <= seed < _SEED_LIMIT:
        raise ValueError(f"seed: {seed} is not between 0 and 2^128 - 1")
    steps = np.diff(years, prepend=0.0)
    if (steps < 0).any():
        raise ValueError("years: times must rise and not be negative")
    decay = np.exp(-process.kappa_per_year * steps)
    deviation = np.sqrt(process.variance(steps))
    half_variance = process.variance(years) / 2
    shocks = _normals(seed, first_path, paths, years.size)
    multipliers = np.empty((years.size, paths))
    x = np.zeros(paths)
    # One time after the other, elementwise only: sums over paths and BLAS products depend on the size of the block.
    for at in range(years.size):
        x = decay[at] * x + deviation[at] * shocks[:, at]
        np.exp(x - half_variance[at], out=multipliers[at])
    return multipliers


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
