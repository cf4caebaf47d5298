"""MISO's hourly LMP reports, three wide rows a node: LMP, congestion (MCC) and loss (MLC), 24 hours each.

Hours are hour-ending in Eastern Standard Time (UTC-5) all year, so both days of the clock change have 24. The reports
do not carry the energy component; MISO defines LMP = MEC + MCC + MLC (Business Practices Manual 002), so it is derived.

The quarterly archives write a price of a thousand and more as `"1,234.56"`, in quotes.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np

from integrations.isos.codes import Combined, combine, first_repeat
from integrations.isos.csv_reading import Frame, read
from integrations.isos.gaps import Gaps, Intervals, coverage, empty_cells, gap_table, refuse_sparse
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import HOUR_S, ClockError, calendar_date
from integrations.isos.ticks import Floats, Ints, ParsedPublication, Places, Prices, tick_table

PARSER = "miso.lmp"
PARSER_VERSION = 1
REAL_TIME = "rt_lmp"
MARKETS = {"da_expost_lmp": "DA", "da_exante_lmp": "DA", REAL_TIME: "RTH"}

_EST_BEHIND_UTC_S = 5 * HOUR_S
_HOURS = [f"he{hour}" for hour in range(1, 25)]
_KINDS = ("LMP", "MCC", "MLC")
_IN_THOUSANDS = re.compile(rb'"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?"')
_DERIVED_DECIMALS = 8  # MISO publishes cents; a difference of doubles carries noise far below


@dataclass(frozen=True)
class Report:
    """`day` is null where every row carries its own market day."""

    day: date | None
    feed: str
    vintage: str


def parse(file: CsvFile, report: Report) -> ParsedPublication:
    """Read a report whole. Raises UnreadablePublication, also for a node whose three rows are not all there."""
    if b'"' in file.content:
        without = _IN_THOUSANDS.sub(lambda number: number[0].replace(b",", b""), file.content[file.header.end :])
        file = replace(file, content=file.content[: file.header.end] + without)
    text_columns = ["node", "type", "value", *([] if report.day else ["marketday"])]
    frame = read([file], [{key: file.need(key) for key in [*text_columns, *_HOURS]}], frozenset(_HOURS))
    node, node_type = frame.text("node"), frame.text("type")
    places = combine([(node.codes, len(node)), (node_type.codes, len(node_type))])
    midnights, day_code = _midnights(frame, report.day)
    blocks = combine([(places.code, len(places)), (day_code, len(midnights))])
    lmp, congestion, loss = _block_values(frame, blocks)

    count = len(blocks) * 24
    start = (midnights[blocks.members[1], np.newaxis] + np.arange(24) * HOUR_S).reshape(count)
    place = np.repeat(blocks.members[0], 24)
    prices = Prices(lmp, np.round(lmp - congestion - loss, _DERIVED_DECIMALS), congestion, loss)
    where = Places(node.strings, node_type.strings, places.members[0], places.members[1])
    gaps = empty_cells(prices, place, start, start + HOUR_S)
    if len(midnights) > 1:
        gaps.append(_missing_days(len(where), blocks, midnights))
    rows = tick_table(where, place, start, start + HOUR_S, prices, None)
    market = MARKETS[report.feed]
    return ParsedPublication(
        "MISO", market, report.feed, report.vintage, rows, None, gap_table(where, gaps), PARSER, PARSER_VERSION
    )


def _midnights(frame: Frame, day: date | None) -> tuple[Ints, Ints]:
    """The starts of the file's market days in seconds since 1970, and each row's day as a position in them."""
    if day is not None:
        return np.array([_midnight(day)]), np.zeros(frame.rows, dtype=np.int64)
    days = frame.text("marketday")
    starts = np.zeros(len(days), dtype=np.int64)
    for code, text in enumerate(days.values):
        try:
            starts[code] = _midnight(calendar_date(text))
        except ClockError as error:
            frame.fail(int(np.argmax(days.codes == code)), "marketday", str(error))
    distinct, position = np.unique(starts, return_inverse=True)
    return distinct, position[days.codes]


def _missing_days(places: int, blocks: Combined, midnights: Ints) -> Gaps:
    """The hours of the file's days for which a node has no rows; within a day a node has all hours or none."""
    refuse_sparse(places * len(midnights) * 24, len(blocks) * 24)
    intervals = Intervals(midnights, blocks.members[1])
    days = coverage(places, blocks.members[0], intervals, midnights, midnights).missing
    start: Ints = (days.start[:, np.newaxis] + np.arange(24) * HOUR_S).reshape(-1)
    return Gaps(days.cause, np.repeat(days.place.astype(np.int64), 24), start, start + HOUR_S)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + _EST_BEHIND_UTC_S


def _block_values(frame: Frame, blocks: Combined) -> list[Floats]:
    """The kinds of _KINDS of every block (a node's day), 24 values each, one block after the other."""
    kind = frame.text("value")
    names = [name.upper() for name in kind.values]
    for code, name in enumerate(names):
        if name not in _KINDS:
            row = int(np.argmax(kind.codes == code))
            frame.fail(row, "value", f"{kind.values[code]!r} is none of {', '.join(_KINDS)}")
    kinds = np.array([_KINDS.index(name) for name in names])[kind.codes]
    hours = np.vstack([frame.number(hour) for hour in _HOURS])
    return [hours[:, _row_of_block(frame, blocks, kinds, wanted)].T.reshape(-1) for wanted in range(len(_KINDS))]


def _row_of_block(frame: Frame, blocks: Combined, kinds: Ints, wanted: int) -> Ints:
    """The row of one kind (a position in _KINDS) for every block; each must have exactly one."""
    rows = np.flatnonzero(kinds == wanted)
    block = blocks.code[rows]
    if repeat := first_repeat(block, len(blocks)):
        first, second = int(rows[repeat[0]]), int(rows[repeat[1]])
        lines = frame.lines(first, second)
        frame.fail(second, "value", f"the node's {_KINDS[wanted]} row is there twice, in lines {lines}")
    row_of_block = np.full(len(blocks), -1)
    row_of_block[block] = rows
    if len(rows) < len(blocks):
        alone = blocks.first_row(int(np.argmax(row_of_block < 0)))
        frame.fail(alone, "value", f"the node of this line has no {_KINDS[wanted]} row: the file is cut short")
    return row_of_block
