"""Array types of this room and the one check that every array from outside goes through."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Dates = npt.NDArray[np.datetime64]


def finite(name: str, values: npt.ArrayLike) -> Floats:
    """`values` as a one-dimensional float64 array.

    Raises ValueError naming `name` where the array has another shape, is empty, or holds NaN or an infinity.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name}: expected a non-empty one-dimensional array, got shape {array.shape}")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ValueError(f"{name}: position {bad[0]} holds {array[bad[0]]}, a finite number is needed")
    return array
