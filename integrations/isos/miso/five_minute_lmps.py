"""MISO's five-minute LMPs as CSV: one row a node and interval, stamped in Eastern Standard Time.

The weekly archive (`YYYYMMDD_5MIN_LMP.zip`) is final: `MKTHOUR_EST, PNODENAME, LMP, CON_LMP, LOSS_LMP`, a few lines of
title above and a disclaimer below; the stamp is the beginning of the interval. The running reports (`currentinterval`,
`rollingmarketday`, `previousmarketday`) are preliminary: `INTERVAL, CPNODE, LMP, MLC, MCC`, stamped with its end; so
are the answers of the public API that took their place (`five_minute_tables`).
Neither prints the energy component: it is the LMP less congestion and loss.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from integrations.isos.codes import combine, first_repeat
from integrations.isos.csv_faults import end_of_rows, start_of_last_line
from integrations.isos.csv_reading import Columns, read
from integrations.isos.gaps import Intervals, coverage_of_range, empty_cells, gap_table
from integrations.isos.heads import CsvFile, column_key, split_line
from integrations.isos.local_time import ClockError
from integrations.isos.miso.clock import FIVE_MINUTES_S, est_second
from integrations.isos.ticks import ParsedPublication, Places, Prices, tick_table

PARSER = "miso.five_minute_lmp"

_DERIVED_DECIMALS = 8
_NOTES_BYTES = 16384
_NOTE = re.compile(rb"[ \t]*\"?[A-Za-z]")


@dataclass(frozen=True)
class Layout:
    """The columns of a report, and how far its stamp lies behind the beginning of the interval."""

    stamp: str
    node: str
    congestion: str
    loss: str
    vintage: str
    stamp_after_start_s: int

    def is_header(self, keys: Iterable[str]) -> bool:
        return self._keys.issubset(keys)

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(column_key, (self.stamp, self.node, "LMP", self.congestion, self.loss)))


LAYOUTS = (
    Layout("MKTHOUR_EST", "PNODENAME", "CON_LMP", "LOSS_LMP", "final", 0),
    Layout("INTERVAL", "CPNODE", "MCC", "MLC", "preliminary", FIVE_MINUTES_S),
)


def parse(file: CsvFile, layout: Layout) -> ParsedPublication:
    """Read a report whole. Raises UnreadablePublication, also for a node and interval that are there twice."""
    numbers = ("LMP", layout.congestion, layout.loss)
    columns = {name: file.need(name) for name in (layout.stamp, layout.node, *numbers)}
    if columns[layout.stamp] == 0:
        file = _without_notes(file)
    return publication(read([file], [columns], frozenset(numbers)), layout)


def publication(frame: Columns, layout: Layout) -> ParsedPublication:
    """The publication of a table with a row a node and interval. Raises UnreadablePublication."""
    node = frame.text(layout.node)
    places = Places.without_type(node.strings)
    intervals = _intervals(frame, layout)
    seen = combine([(node.codes, len(node)), (intervals.code, len(intervals.starts))])
    if repeat := first_repeat(seen.code, len(seen)):
        words = frame.lines(*repeat)
        where = f"lines {words}" if words[0].isdigit() else words
        frame.fail(repeat[1], layout.node, f"one node and interval is there twice, in {where}")
    lmp, congestion, loss = (frame.number(name) for name in ("LMP", layout.congestion, layout.loss))
    prices = Prices(lmp, np.round(lmp - congestion - loss, _DERIVED_DECIMALS), congestion, loss)
    start, place = intervals.start(), node.codes.astype(np.int64)
    missing = coverage_of_range(len(places), place, intervals, FIVE_MINUTES_S).missing
    gaps = [missing, *empty_cells(prices, place, start, start + FIVE_MINUTES_S)]
    rows = tick_table(places, place, start, start + FIVE_MINUTES_S, prices, None)
    return ParsedPublication(
        "MISO", "RT5", "rt_five_min_lmp", layout.vintage, rows, None, gap_table(places, gaps), PARSER, 1
    )


def _without_notes(file: CsvFile) -> CsvFile:
    """The file without the lines below its rows that begin with a letter and have not the cells of a row."""
    cut = max(file.header.end, len(file.content) - _NOTES_BYTES)
    tail = file.content[cut:]
    end, cells = end_of_rows(tail), len(file.header.cells)
    while end and _NOTE.match(tail, start := start_of_last_line(tail, end), end):
        whole_line = start > 0 or cut == file.header.end
        if not whole_line or len(split_line(tail[start:end].rstrip(b"\r\n"))) == cells:
            break
        end = end_of_rows(tail[:start])
    return file if end == end_of_rows(tail) else replace(file, content=file.content[: cut + end])


def _intervals(frame: Columns, layout: Layout) -> Intervals:
    stamps = frame.text(layout.stamp)
    starts = np.zeros(len(stamps), dtype=np.int64)
    for code, text in enumerate(stamps.values):
        try:
            starts[code] = est_second(text) - layout.stamp_after_start_s
            if starts[code] % FIVE_MINUTES_S:
                raise ClockError(f"{text!r} is not on a five-minute mark")
        except ClockError as error:
            frame.fail(int(np.argmax(stamps.codes == code)), layout.stamp, str(error))
    return Intervals.of(starts, stamps.codes)
