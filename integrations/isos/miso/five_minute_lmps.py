"""MISO's weekly five-minute LMPs (`YYYYMMDD_5MIN_LMP.zip`, one CSV): final, one row a node and interval.

Columns `MKTHOUR_EST, PNODENAME, LMP, CON_LMP, LOSS_LMP`; the stamp is the beginning of the interval in Eastern Standard
Time. The energy component is not printed: it is LMP - CON_LMP - LOSS_LMP.
"""

import numpy as np

from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_reading import Frame, read
from integrations.isos.gaps import Intervals, coverage_of_range, empty_cells, gap_table
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import ClockError
from integrations.isos.miso.answers import FIVE_MINUTES_S
from integrations.isos.miso.clock import est_second
from integrations.isos.ticks import ParsedPublication, Places, Prices, tick_table

PARSER = "miso.five_minute_lmp"

_NUMBERS = ("LMP", "CON_LMP", "LOSS_LMP")
_DERIVED_DECIMALS = 8


def parse(file: CsvFile) -> ParsedPublication:
    """Read a week whole. Raises UnreadablePublication, also for a node and interval that are there twice."""
    columns = {name: file.need(name) for name in ("MKTHOUR_EST", "PNODENAME", *_NUMBERS)}
    frame = read([file], [columns], frozenset(_NUMBERS))
    node = frame.text("PNODENAME")
    places = Places.without_type(node.strings)
    intervals = _intervals(frame)
    seen = combine([(node.codes, len(node)), (intervals.code, len(intervals.starts))])
    if repeat := first_repeat(seen.code, len(seen)):
        problem = f"one node and interval is there twice, in lines {frame.lines(*repeat)}"
        frame.fail(repeat[1], "PNODENAME", problem)
    lmp, congestion, loss = (frame.number(name) for name in _NUMBERS)
    prices = Prices(lmp, np.round(lmp - congestion - loss, _DERIVED_DECIMALS), congestion, loss)
    start, place = intervals.start(), node.codes.astype(np.int64)
    missing = coverage_of_range(len(places), place, intervals, FIVE_MINUTES_S).missing
    gaps = [missing, *empty_cells(prices, place, start, start + FIVE_MINUTES_S)]
    rows = tick_table(places, place, start, start + FIVE_MINUTES_S, prices, None)
    return ParsedPublication("MISO", "RT5", "rt_five_min_lmp", "final", rows, None, gap_table(places, gaps), PARSER, 1)


def _intervals(frame: Frame) -> Intervals:
    stamps = frame.text("MKTHOUR_EST")
    starts = np.zeros(len(stamps), dtype=np.int64)
    for code, text in enumerate(stamps.values):
        try:
            starts[code] = est_second(text)
            if starts[code] % FIVE_MINUTES_S:
                raise ClockError(f"{text!r} is not on a five-minute mark")
        except ClockError as error:
            frame.fail(int(np.argmax(stamps.codes == code)), "MKTHOUR_EST", str(error))
    return Intervals.of(starts, stamps.codes)
