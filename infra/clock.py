"""The clock that a platform goes by: the wall's, or one that starts elsewhere in time and runs faster.

Whatever asks for the time or waits for a market to publish takes it from here, so that a simulated market at sixty
times the speed and the platform that follows it agree. Credentials and signatures keep to the wall clock.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """A clock that shows `start_utc` when it is made (None: the present) and goes `speed` times as fast as the wall's.

    `start_utc` is aware, `speed` positive.
    """

    def __init__(self, start_utc: datetime | None = None, speed: float = 1.0) -> None:
        self._made = time.monotonic()
        self._start = start_utc
        self.speed = speed

    def now(self) -> datetime:
        """The time on this clock, aware and in UTC."""
        if self._start is None and self.speed == 1.0:
            return datetime.now(UTC)  # as it is set, whatever is done to the system's clock
        if self._start is None:
            self._start = datetime.now(UTC) - timedelta(seconds=self.seconds())
        return (self._start + timedelta(seconds=self.seconds())).astimezone(UTC)

    def seconds(self) -> float:
        """Seconds on this clock since it was made; they never go back."""
        return (time.monotonic() - self._made) * self.speed

    def wall_seconds(self, seconds: float) -> float:
        """How long the wall clock takes while this one goes on by `seconds`."""
        return seconds / self.speed
