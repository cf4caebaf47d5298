"""Random numbers that depend on where they are in time, not on who asks first.

Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) is a counter-based generator: the day's
number is put into its counter, so any day of any stream can be drawn by itself. Two windows that overlap therefore hold
the same numbers where they do.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.random import Generator, Philox, SeedSequence
from numpy.typing import NDArray

# A shock is forgotten once less than this share of it is left.
_FORGOTTEN = 1e-6


_Kind = Literal["uniform", "normal"]


@lru_cache(maxsize=1024)
def stream_key(seed: int, name: str) -> NDArray[np.uint64]:
    """The (2,) key of the stream called `name`; `seed` is a non-negative integer."""
    return SeedSequence([seed, *name.encode()]).generate_state(2, np.uint64).astype(np.uint64)


def uniforms(key: NDArray[np.uint64], first: int, count: int, *, per_day: int) -> NDArray[np.float64]:
    """(count,) numbers in [0, 1) for the steps from `first`; step 0 is 1970-01-01T00:00Z and a day has `per_day`."""
    return _drawn(key, first, count, per_day, "uniform")


def normals(key: NDArray[np.uint64], first: int, count: int, *, per_day: int) -> NDArray[np.float64]:
    """As `uniforms`, but standard normal."""
    return _drawn(key, first, count, per_day, "normal")


def mean_reverting(
    key: NDArray[np.uint64], first: int, count: int, *, per_day: int, persistence: float
) -> NDArray[np.float64]:
    """(count,) values of a mean-reverting process of mean 0 and variance 1.

    `persistence`, in (0, 1), is the share of its value that a step keeps. A first-order autoregression, written as a
    moving average of its past shocks and cut where they are forgotten.
    """
    kernel = _kernel(persistence) * np.sqrt(1.0 - persistence**2)
    reach = len(kernel) - 1
    shocks = normals(key, first - reach, count + reach, per_day=per_day)
    return np.convolve(shocks, kernel, mode="valid")


def decaying_jumps(
    key: NDArray[np.uint64], first: int, count: int, *, per_day: int, chance: float, persistence: float
) -> NDArray[np.float64]:
    """(count,) non-negative values: jumps that come with `chance` a step, exponential with mean 1, and then decay."""
    kernel = _kernel(persistence)
    reach = len(kernel) - 1
    luck = uniforms(key, first - reach, count + reach, per_day=per_day)
    # Given that a jump came (luck < chance), luck / chance is uniform again, and minus its logarithm exponential.
    sizes = np.where(luck < chance, -np.log(np.maximum(luck, 1e-300) / chance), 0.0)
    return np.convolve(sizes, kernel, mode="valid")


def _drawn(key: NDArray[np.uint64], first: int, count: int, per_day: int, kind: _Kind) -> NDArray[np.float64]:
    first_day, last_day = first // per_day, (first + count - 1) // per_day
    words = (int(key[0]), int(key[1]))
    days = [_day(words, day, per_day, kind) for day in range(first_day, last_day + 1)]
    return np.concatenate(days)[first - first_day * per_day :][:count]


@lru_cache(maxsize=8192)
def _day(key: tuple[int, int], day: int, per_day: int, kind: _Kind) -> NDArray[np.float64]:
    """One day of a stream; windows that follow each other ask for the same days over and over."""
    generator = Generator(Philox(key=np.array(key, dtype=np.uint64), counter=[0, day, 0, 0]))
    return generator.random(per_day) if kind == "uniform" else generator.standard_normal(per_day)


def _kernel(persistence: float) -> NDArray[np.float64]:
    length = int(np.ceil(np.log(_FORGOTTEN) / np.log(persistence)))
    return np.asarray(persistence ** np.arange(length), dtype=np.float64)
