"""Decoding, ours beside the pandas way, of each format of many rows. Run: python -m tests.benchmarks.decoding

Real files where they are large enough, else generated in the operator's layout. Both sides get bytes in memory,
unwrapped, and end in the columns of our table; ours checks every cell and keeps the gaps, too. CPU time, the best of
several turns that alternate.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from integrations.isos.catalogue import Payload, parse, survey
from tests.benchmarks import pandas_formats as usual
from tests.benchmarks.files import ERCOT_FILE, MISO_FILE, SHARED, machine
from tests.benchmarks.five_minute_files import FIRST_INTERVAL, hour_files
from tests.benchmarks.pandas_way import decode

TURNS = 5
TARGET = 5.0

Usual = Callable[[bytes], Any]


class Format(NamedTuple):
    name: str
    payload: Payload
    usual: Usual


def main() -> None:
    print(machine())
    print(f"{'format':38} {'rows':>8} {'ours, rows/s':>14} {'pandas':>12} {'ratio':>6}")
    slow = []
    for form in _formats():
        rows = parse(form.payload).rows.num_rows
        theirs = len(form.usual(form.payload.contents[0]))
        if abs(rows - theirs) > 0.001 * rows:
            sys.exit(f"{form.name}: the two sides decode another number of rows: {rows:,} and {theirs:,}")
        times = [(_seconds(lambda: parse(form.payload)), _seconds(lambda: form.usual(form.payload.contents[0])))  # noqa: B023
                 for _ in range(TURNS)]  # fmt: skip
        ours_s, usual_s = (min(side) for side in zip(*times, strict=True))
        print(f"{form.name:38} {rows:>8,} {rows / ours_s:>14,.0f} {rows / usual_s:>12,.0f} {usual_s / ours_s:>6.1f}")
        if usual_s < TARGET * ours_s:
            slow.append(form.name)
    print(f"below the target of {TARGET:.0f} times: {', '.join(slow) or 'none'}")


def _formats() -> list[Format]:
    generated = dict(hour_files(FIRST_INTERVAL))
    caiso = next(file for file in generated.items() if "PRC_INTVL" in file[0])
    pjm = next(file for file in generated.items() if "_page1" in file[0])
    return [
        _of("MISO rt_lmp_final (CSV)", (MISO_FILE.name, MISO_FILE.read_bytes()), lambda c: decode("lmp", c)),
        _real("MISO asm_expost_damcp (CSV)", "miso/asm_expost_damcp/20230101*", usual.miso_ancillary),
        _of("CAISO PRC_INTVL_LMP (CSV, generated)", caiso, usual.caiso_lmps),
        _real("CAISO ATL_PNODE (CSV)", "caiso/atlas/*ATL_PNODE_N*", usual.caiso_places),
        _real("PJM da_hrl_lmps (CSV)", "pjm/da_hrl_lmps/*hubs_20250501*", usual.pjm_lmps),
        _real("PJM rt_hrl_lmps (CSV)", "pjm/rt_hrl_lmps/*hubs_20250501*", usual.pjm_lmps),
        _of("PJM five-minute LMPs (JSON, generated)", pjm, usual.pjm_lmp_page),
        _real("PJM reserve_market_results (CSV)", "pjm/reserve_market_results/*.gz", usual.pjm_reserves),
        _real("PJM hrl_load_metered (CSV)", "pjm/hrl_load_metered/*1616*", usual.pjm_load),
        _real("PJM pnode (CSV)", "pjm/pnode/*", usual.pjm_places),
        _of("ERCOT NP4-190 (CSV)", (ERCOT_FILE.name, ERCOT_FILE.read_bytes()), lambda c: decode("ercot", c)),
        _real("ERCOT NP4-160 (CSV)", "ercot/settlement_points_np4-160-sg/Settl*", usual.ercot_places),
        _real("ERCOT NP3-965 self-arranged (CSV)", "ercot/60day*/*Self*", usual.ercot_self_arranged),
        _real("ERCOT NP4-180 (workbook)", "ercot/dam_hub*/*2025*", usual.ercot_price_book),
        _real("ERCOT native load (workbook)", "ercot/native_load/*2024*", usual.ercot_load_book),
        _real("ERCOT IntGenbyFuel (workbook)", "ercot/fuel_mix*/*2022*", usual.ercot_generation_book),
    ]


def _real(name: str, pattern: str, how: Usual) -> Format:
    path = max(SHARED.glob(pattern), key=lambda found: found.stat().st_size)
    return _of(name, (path.name, path.read_bytes()), how)


def _of(name: str, file: tuple[str, bytes], how: Usual) -> Format:
    (payload,) = survey(*file, named=True).payloads
    return Format(name, payload, how)


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
