"""ERCOT's clock: Central prevailing time with a flag on the second pass of the hour that daylight saving repeats."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from integrations.isos.codes import Combined
from integrations.isos.csv_reading import Frame, Text
from integrations.isos.local_time import ClockError, RepeatedHour, local_to_utc_second
from integrations.isos.ticks import Ints

CENTRAL = ZoneInfo("America/Chicago")

MARK_IT = "mark the second pass with Y in a column DSTFlag, the other hours with N"
"""What can be done where the repeated hour is not told from its twin."""

_FLAGS = {"Y": True, "N": False, "TRUE": True, "FALSE": False}


def second_pass_flags(frame: Frame) -> tuple[Text, list[bool | None]]:
    """The flag column and what each value of it means; one, meaning unknown, where no flag is there or filled in."""
    if not frame.has("flag"):
        return Text.of(np.zeros(frame.rows, dtype=np.int64), [""]), [None]
    flags = frame.text("flag", may_be_empty=True)
    if flags.values == [""]:
        return flags, [None]
    meanings: list[bool | None] = []
    for code, value in enumerate(flags.values):
        if value.upper() not in _FLAGS:
            frame.fail(int(np.argmax(flags.codes == code)), "flag", f"{value!r} is neither Y nor N")
        meanings.append(_FLAGS[value.upper()])
    return flags, meanings


def starts_of(frame: Frame, slots: Combined, locals_: list[datetime], passes: list[bool | None], column: str) -> Ints:
    """Seconds since 1970 of each distinct local start; raises UnreadablePublication at the first row of a bad one."""
    starts = np.zeros(len(slots), dtype=np.int64)
    for slot, (local, second_pass) in enumerate(zip(locals_, passes, strict=True)):
        try:
            starts[slot] = local_to_utc_second(local, CENTRAL, second_pass)
        except RepeatedHour as error:
            frame.fail(slots.first_row(slot), column, f"{error}: {MARK_IT}")
        except ClockError as error:
            frame.fail(slots.first_row(slot), column, str(error))
    return starts
