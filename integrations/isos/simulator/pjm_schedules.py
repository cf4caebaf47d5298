"""When PJM's numbers come out: once a day for whole Eastern days, or all along, some time after each interval."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Protocol

from integrations.isos.simulator.pjm_tables import EASTERN

_DAY: Final = timedelta(days=1)


class Schedule(Protocol):
    """What is out at a moment: every interval that starts before `until_s`, which moves on at `came_out`."""

    def until_s(self, now_utc: datetime) -> int: ...

    def came_out(self, last_start_s: int) -> datetime:
        """When the interval that starts then came out, aware and in UTC."""
        ...


@dataclass(frozen=True)
class Daily:
    """A day comes out `days_after` it (-1: the day before), at `at` on the Eastern clock."""

    days_after: int
    at: time

    def until_s(self, now_utc: datetime) -> int:
        now = now_utc.astimezone(EASTERN)
        day = now.date() - self.days_after * _DAY + (_DAY if now.time() >= self.at else timedelta(0))
        return int(datetime.combine(day, time(), EASTERN).timestamp())

    def came_out(self, last_start_s: int) -> datetime:
        day = datetime.fromtimestamp(last_start_s, EASTERN).date() + self.days_after * _DAY
        return datetime.combine(day, self.at, EASTERN).astimezone(UTC)


@dataclass(frozen=True)
class Rolling:
    """An interval of `step_s` seconds comes out `delay_s` seconds after its end."""

    step_s: int
    delay_s: int

    def until_s(self, now_utc: datetime) -> int:
        return (int(now_utc.timestamp()) - self.delay_s) // self.step_s * self.step_s

    def came_out(self, last_start_s: int) -> datetime:
        return datetime.fromtimestamp(last_start_s + self.step_s + self.delay_s, UTC)


DAY_AHEAD: Final = Daily(-1, time(13, 30))
VERIFIED: Final = Daily(4, time(8, 20))
CORRECTED: Final = Daily(9, time(8, 20))
