"""MISO's clock: Eastern Standard Time (UTC-5) all year, so that every day has 24 hours."""

import re
from datetime import UTC, date, datetime

from integrations.isos.local_time import HOUR_S, ClockError, utc_second

EST_BEHIND_UTC_S = 5 * HOUR_S
FIVE_MINUTES_S = 300

_REFERENCE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4}) - Interval (\d{1,2}):(\d{2}) EST")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


def midnight_second(day: date) -> int:
    """Seconds since 1970 UTC at which a market day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + EST_BEHIND_UTC_S


def est_second(stamp: str) -> int:
    """Seconds since 1970 UTC of a stamp such as `2018-01-25 4:30:00 AM`. Raises ClockError."""
    return utc_second(stamp) + EST_BEHIND_UTC_S


def reference_second(text: str) -> int:
    """Seconds since 1970 UTC of a RefId such as `25-Jan-2018 - Interval 04:30 EST`. Raises ClockError."""
    found = _REFERENCE.fullmatch(text.strip())
    if not found or found[2].lower() not in _MONTHS:
        raise ClockError(f"{text!r} is no reference such as '25-Jan-2018 - Interval 04:30 EST'")
    month = _MONTHS.index(found[2].lower()) + 1
    return est_second(f"{found[3]}-{month:02}-{int(found[1]):02} {found[4]}:{found[5]}")
