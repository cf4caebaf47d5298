"""Market days of each ISO as runs of UTC intervals.

Every operator counts its own day: MISO in Eastern *Standard* Time all year (always 24 hours), the others in prevailing
local time, so that a day has 23, 24 or 25 hours. Times are whole seconds since 1970 in UTC; local clocks appear only
where a file format wants them.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

MARKET_ZONES: Final[dict[str, tzinfo]] = {
    "MISO": timezone(timedelta(hours=-5), "EST"),
    "CAISO": ZoneInfo("America/Los_Angeles"),
    "PJM": ZoneInfo("America/New_York"),
    "ERCOT": ZoneInfo("America/Chicago"),
}


@dataclass(frozen=True)
class Intervals:
    """Consecutive intervals of one length: `start_s` and `end_s` are (T,) seconds since 1970 UTC.

    The ends lie on a grid of `minutes`; the starts do too, except for runs that start a few seconds off their mark.
    """

    minutes: int
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.end_s)

    def __getitem__(self, run: slice) -> "Intervals":
        """A run of these intervals."""
        return Intervals(self.minutes, self.start_s[run], self.end_s[run])

    def starts_in(self, zone: tzinfo) -> list[datetime]:
        """The starts on the clock of `zone`, aware; `fold` is 1 in the second pass of a repeated hour."""
        return [datetime.fromtimestamp(second, zone) for second in self.start_s.tolist()]

    def ends_in(self, zone: tzinfo) -> list[datetime]:
        """The ends on the clock of `zone`, aware; `fold` is 1 in the second pass of a repeated hour."""
        return [datetime.fromtimestamp(second, zone) for second in self.end_s.tolist()]


def market_days(iso: str, first: date, last: date, *, minutes: int) -> Intervals:
    """The intervals of the market days `first` to `last`, both included."""
    zone = MARKET_ZONES[iso]
    begin_s = int(datetime.combine(first, time(), zone).timestamp())
    stop_s = int(datetime.combine(last + timedelta(days=1), time(), zone).timestamp())
    start_s = np.arange(begin_s, stop_s, minutes * 60, dtype=np.int64)
    return Intervals(minutes, start_s, start_s + minutes * 60)


def local_hours(iso: str, utc_hours: NDArray[np.int64]) -> NDArray[np.int64]:
    """Hours since 1970 on the market's own clock, for (T,) hours since 1970 UTC: what load follows."""
    zone = MARKET_ZONES[iso]
    return utc_hours + np.array([_offset_hours(hour, zone) for hour in utc_hours.tolist()], dtype=np.int64)


def _offset_hours(utc_hour: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(utc_hour * 3600, zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 3600
