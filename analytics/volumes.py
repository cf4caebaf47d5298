"""Energy of a delivery schedule by month, exact on the days when clocks change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from analytics.arrays import Dates, Floats, Integers, finite
from analytics.periods import SECONDS_PER_HOUR, Period, midnights_utc_s, zone

PROFILE_LENGTHS = {
    1: "constant",
    24: "hour of day",
    168: "hour of week, Monday first",
    288: "month by hour of day, January first",
    8760: "hour of a year of 365 days; 29 February repeats 28 February",
}
_DAYS_BEFORE_MONTH = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])


@dataclass(frozen=True)
class MonthlyVolumes:
    """Energy and hours delivered in each calendar month, arrays of shape (months,); `month` is datetime64[M]."""

    month: Dates
    volume_mwh: Floats
    hours: Floats


def delivery_volumes(delivery: Period, time_zone: str, power_mw: float | Sequence[float] | Floats) -> MonthlyVolumes:
    """Monthly energy of a constant power or of a profile, MW at local wall-clock hours.

    A profile has 24, 168, 288 or 8760 values, see `PROFILE_LENGTHS`. When clocks go forward the skipped hour
    delivers nothing, when they go back the repeated hour delivers twice. Raises ValueError for other lengths,
    negative or not finite power.
    """
    profile = finite("power_mw", np.atleast_1d(np.asarray(power_mw, dtype=np.float64)))
    if profile.size not in PROFILE_LENGTHS:
        forms = "; ".join(f"{length}: {meaning}" for length, meaning in PROFILE_LENGTHS.items())
        raise ValueError(f"power_mw: {profile.size} values are not a profile ({forms})")
    if profile.min() < 0:
        raise ValueError(
            f"power_mw: position {int(profile.argmin())} is negative; the contract's side tells the direction"
        )
    day, hour = local_hours(delivery, time_zone)
    power = profile[_position(profile.size, day, hour)]
    month = day.astype("datetime64[M]")
    index = (month - month[0]).astype(np.int64)
    months = np.arange(month[0], month[-1] + 1)
    energy = np.bincount(index, weights=power).astype(np.float64)
    return MonthlyVolumes(months, energy, np.bincount(index).astype(np.float64))


def local_hours(delivery: Period, time_zone: str) -> tuple[Dates, Integers]:
    """Local date (datetime64[D]) and wall-clock hour (0 to 23) of every hour of the delivery, in order of time.

    Raises ValueError where a local day is not a whole number of hours long.
    """
    midnights = midnights_utc_s(delivery.start, delivery.end, time_zone)
    hours, rest = np.divmod(np.diff(midnights), SECONDS_PER_HOUR)
    if rest.any():
        raise ValueError(
            f"time zone {time_zone!r} shifts its clocks by part of an hour; hourly profiles need whole hours"
        )
    index = np.repeat(np.arange(hours.size), hours)
    within = np.arange(index.size) - np.repeat(np.cumsum(hours) - hours, hours)
    wall = within.copy()
    tz = zone(time_zone)
    for at in np.flatnonzero((hours != 24)[index]):
        instant = int(midnights[index[at]]) + int(within[at]) * SECONDS_PER_HOUR
        wall[at] = datetime.fromtimestamp(instant, UTC).astimezone(tz).hour
    return np.datetime64(delivery.start, "D") + index, wall.astype(np.int64)


def _position(length: int, day: Dates, hour: Integers) -> npt.NDArray[np.int64]:
    """Where in a profile of that length each hour stands."""
    if length == 1:
        return np.zeros_like(hour)
    if length == 24:
        return hour
    if length == 168:
        weekday = (day.astype(np.int64) + 3) % 7  # day 0, 1970-01-01, was a Thursday
        return weekday * 24 + hour
    month_start = day.astype("datetime64[M]")
    month = month_start.astype(np.int64) % 12
    if length == 288:
        return month * 24 + hour
    day_of_month = (day - month_start.astype("datetime64[D]")).astype(np.int64)
    day_of_month[(month == 1) & (day_of_month == 28)] = 27
    position: npt.NDArray[np.int64] = (_DAYS_BEFORE_MONTH[month] + day_of_month) * 24 + hour
    return position
