"""Decoding, ours beside the pandas way, of each format of many rows. Run: python -m tests.benchmarks.decoding

Real files where they are large enough, else generated in the operator's layout. Both sides get bytes in memory,
unwrapped, and end in the same rows: that is checked, value by value, before anything is measured. Ours checks every
cell and keeps the gaps, too. CPU time (and wall time) of the best of several turns that alternate. Pandas' frame has
all columns; what it takes to make the Arrow table of it that ours ends in counts for pandas in the first ratio, and
not in the second one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.catalogue import parse
from tests.benchmarks.files import machine
from tests.benchmarks.many_row_formats import Format, formats
from tests.benchmarks.pandas_way import as_arrow

TURNS = 7
TARGET = 5.0
TOLERANCE = 1e-7
"""What two ways of subtracting the same decimals may be apart; ours rounds what it derives to eight decimals."""


def main() -> None:
    print(machine())
    print("rows a second of CPU time; ratios of CPU time, of CPU time without pandas' way to Arrow, of wall time")
    print(f"{'format':38} {'rows':>8} {'ours':>12} {'pandas':>11} {'ratio':>6} {'frame':>6} {'wall':>6}")
    slow = []
    for form in formats():
        rows = _same_rows(form)
        turns = [_turn(form) for _ in range(TURNS)]
        (ours, ours_wall), (arrow, arrow_wall), (frame, _) = (
            (min(cpu for cpu, _ in side), min(wall for _, wall in side)) for side in zip(*turns, strict=True)
        )
        print(
            f"{form.name:38} {rows:>8,} {rows / ours:>12,.0f} {rows / arrow:>11,.0f} {arrow / ours:>6.1f} "
            f"{frame / ours:>6.1f} {arrow_wall / ours_wall:>6.1f}"
        )
        if arrow < TARGET * ours:
            slow.append(form.name)
    print(f"below the target of {TARGET:.0f} times: {', '.join(slow) or 'none'}")


def _turn(form: Format) -> list[tuple[float, float]]:
    """CPU and wall seconds of ours, of pandas to Arrow, and of pandas alone."""
    return [
        _seconds(lambda: parse(form.payload)),
        _seconds(lambda: as_arrow(form.dataset, form.usual(form.content))),
        _seconds(lambda: form.usual(form.content)),
    ]


def _same_rows(form: Format) -> int:
    """How many rows both sides end in. Exits where they are not the same."""
    ours, theirs = _sorted(parse(form.payload).rows), _sorted(as_arrow(form.dataset, form.usual(form.content)))
    if ours.num_rows != theirs.num_rows:
        sys.exit(f"{form.name}: the two sides decode another number of rows: {ours.num_rows:,}, {theirs.num_rows:,}")
    for name in ours.column_names:
        mine, other = ours[name], theirs[name]
        if pa.types.is_floating(mine.type):
            apart = pc.greater(pc.abs(pc.subtract(mine, other)), TOLERANCE)
            same = mine.is_null().equals(other.is_null()) and not pc.any(apart).as_py()
        else:
            same = mine.equals(other)
        if not same:
            row = next(n for n, (a, b) in enumerate(zip(mine.to_pylist(), other.to_pylist(), strict=True)) if a != b)
            sys.exit(f"{form.name}: other values of {name}: {ours.slice(row, 1)}, {theirs.slice(row, 1)}")
    return int(ours.num_rows)


def _sorted(rows: pa.Table) -> pa.Table:
    plain = {
        name: column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        for name, column in zip(rows.column_names, rows.columns, strict=True)
    }
    table = pa.table(plain)
    keys = [name for name, column in plain.items() if not pa.types.is_floating(column.type)]
    return table.sort_by([(name, "ascending") for name in keys]).combine_chunks()


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    main()
