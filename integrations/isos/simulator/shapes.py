"""Shapes that days and years have, whatever they are applied to."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def bell(hour: NDArray[np.int64] | Floats, centre: float, width: float) -> Floats:
    """A bell of height 1 over the hours of a day, going round midnight."""
    away = np.abs(hour - centre)
    return np.asarray(np.exp(-0.5 * (np.minimum(away, 24 - away) / width) ** 2), dtype=np.float64)


def yearly_peak(angle: Floats) -> Floats:
    """A smooth yearly peak between -0.5 and 1 with mean 0, narrower than its trough."""
    return np.asarray(0.675 * np.cos(angle) + 0.325 * np.cos(2 * angle), dtype=np.float64)


def sunlight(utc_s: Floats, latitude_deg: float, longitude_deg: float) -> Floats:
    """The sine of the sun's elevation, 0 at night, for (T,) seconds since 1970 UTC (Cooper's declination)."""
    day = utc_s / 86_400
    declination = np.radians(23.45) * np.sin(2 * np.pi * (day + 284) / 365.25)
    hour_angle = 2 * np.pi * (day + longitude_deg / 360 - 0.5)
    latitude = np.radians(latitude_deg)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.maximum(sine, 0.0), dtype=np.float64)


def weighted_sum(values: Floats, weights: Floats) -> Floats:
    """(T, K) times (K, N), always added in the order of K, so that a row is the same bits in any company of rows."""
    total = np.zeros((len(values), weights.shape[1]))
    for term in range(len(weights)):
        total += values[:, term, np.newaxis] * weights[term]
    return total


def total(columns: Floats) -> Floats:
    """(T,) sums of (T, K), added like those of `weighted_sum`."""
    return weighted_sum(columns, np.ones((columns.shape[1], 1)))[:, 0]
