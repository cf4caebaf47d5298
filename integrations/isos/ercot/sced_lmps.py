"""ERCOT LMPs of the security-constrained economic dispatch (NP6-788): one row a settlement point and run.

A run happens about every five minutes, off the mark by some seconds either way, and now and then in between. Its prices
hold from the run's own stamp to five minutes past the nearest five-minute mark; no stamp is rounded, so two runs never
become one. The file has no types, so the node type is NO_NODE_TYPE; LMPs carry no components.
"""

from datetime import datetime

from integrations.isos.codes import combine
from integrations.isos.csv_reading import read
from integrations.isos.ercot.clock import refuse_repeat, second_pass_flags, starts_of
from integrations.isos.gaps import Intervals, coverage, empty_cells, gap_table
from integrations.isos.heads import CsvFile
from integrations.isos.local_time import ClockError, wall_clock
from integrations.isos.ticks import Ints, ParsedPublication, Places, Prices, tick_table

PARSER = "ercot.sced_lmp"
PARSER_VERSION = 1
COLUMNS = ("SCEDTimestamp", "SettlementPoint", "LMP")

_MARK_S = 300


def parse(file: CsvFile, published_at: datetime | None) -> ParsedPublication:
    """Read a file whole. Every place is expected to have each run of the file. Raises UnreadablePublication."""
    positions = {column: file.need(column) for column in COLUMNS}
    flag_position = file.find("repeatedhourflag", "dstflag")
    if flag_position is not None:
        positions["flag"] = flag_position
    frame = read([file], [positions], frozenset({"LMP"}))
    stamp, point = frame.text("SCEDTimestamp"), frame.text("SettlementPoint")
    flag, meanings = second_pass_flags(frame)
    slots = combine([(stamp.codes, len(stamp)), (flag.codes, len(flag))])
    locals_ = []
    for slot, code in enumerate(slots.members[0]):
        try:
            locals_.append(wall_clock(stamp.values[code]))
        except ClockError as error:
            frame.fail(slots.first_row(slot), "SCEDTimestamp", str(error))
    passes = [meanings[code] for code in slots.members[1]]
    runs = Intervals.of(starts_of(frame, slots, locals_, passes, "SCEDTimestamp"), slots.code)

    where, place = Places.without_type(point.values), point.codes
    found = coverage(len(where), place, runs, runs.starts, run_end(runs.starts))
    if found.covered < frame.rows:
        refuse_repeat(frame, "SettlementPoint", place, len(where), runs)
    prices, start = Prices(frame.number("LMP")), runs.start()
    end = run_end(runs.starts)[runs.code]
    gaps = [found.missing, *empty_cells(prices, place, start, end)]
    table = tick_table(where, place, start, end, prices, None)
    return ParsedPublication(
        "ERCOT", "RT5", "sced_lmp", "final", table, published_at, gap_table(where, gaps), PARSER, PARSER_VERSION
    )


def run_end(start: Ints) -> Ints:
    """Five minutes past the five-minute mark nearest to each run; 00:04:55 and 00:05:15 both end 00:10:00."""
    return (start + _MARK_S // 2) // _MARK_S * _MARK_S + _MARK_S
