"""File bytes to queryable rows, and decoding alone, beside the pandas way. Run: python -m tests.benchmarks.ingest

Both sides run in this one command, each in a process of its own, on the same files and into the same table of the
same engine. Ours does everything that `carbon254 ingest` does: upload, survey, decode, check, store raw bytes and
rows, append the event, load the table, move the checkpoint.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.files import day_files, machine, write_day_files

DAYS = 67  # 67 days of both files are 5 million rows
PANDAS_DAYS = 12
DECODE_DAYS = 8


def ours(days: int) -> dict[str, float]:
    from api.cli.connection import Connection
    from api.cli.ingest import ingest_paths
    from api.wiring import open_platform
    from infra.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        paths = write_day_files(Path(folder) / "files", days)
        platform = open_platform(Settings(home=Path(folder) / "home", database_url=None))
        try:
            with Connection.to_platform(platform) as connection:
                started = time.perf_counter()
                report = ingest_paths(connection, paths)
                seconds = time.perf_counter() - started
            counted = platform.clickhouse.query_arrow("SELECT count() AS n FROM ch.market_price_ticks")["n"][0].as_py()
        finally:
            platform.close()
    if report.quarantined or counted != report.rows:
        sys.exit(f"rows went missing: {report.rows} ingested, {counted} in the table, {report.quarantined}")
    return {"rows": report.rows, "seconds": seconds, "peak_bytes": _peak_bytes()}


def pandas(days: int) -> dict[str, float]:
    import clickhouse_connect

    from infra.clickhouse import ClickHouse
    from read_models.prices import create_price_table

    files = day_files(days)
    with tempfile.TemporaryDirectory() as folder:
        store = ClickHouse.embedded(Path(folder))
        create_price_table(store)
        client = clickhouse_connect.get_client(interface="chdb", path=folder)
        started = time.perf_counter()
        for name, content in files:
            client.insert_df("ch.market_price_ticks", _usual(name, content))
        seconds = time.perf_counter() - started
        rows = int(client.query("SELECT count() FROM ch.market_price_ticks").result_rows[0][0])
        client.close()
        store.close()
    return {"rows": rows, "seconds": seconds, "peak_bytes": _peak_bytes()}


def decoding(days: int) -> dict[str, dict[str, float]]:
    """Decoding alone, file by file: best of three for each side, after a warm-up."""
    from integrations.isos.catalogue import parse, survey

    found: dict[str, dict[str, float]] = {}
    for iso, wanted in (("MISO", "rt_lmp"), ("ERCOT", "DAMSPNP4190")):
        files = [(name, content) for name, content in day_files(days) if wanted in name]
        parse(survey(*files[0], named=True).payloads[0])
        _usual(*files[0])
        rows = sum(parse(survey(*file, named=True).payloads[0]).rows.num_rows for file in files)
        if rows != sum(len(_usual(*file)) for file in files):
            sys.exit(f"{iso}: the two sides decode another number of rows")
        best_ours = min(_seconds(lambda: [parse(survey(*f, named=True).payloads[0]) for f in files]) for _ in range(3))  # noqa: B023
        best_pandas = min(_seconds(lambda: [_usual(*f) for f in files]) for _ in range(3))  # noqa: B023
        found[iso] = {"rows": rows, "ours": rows / best_ours, "pandas": rows / best_pandas}
    return found


def _usual(name: str, content: bytes) -> Any:
    """One file as a frame with the columns of `ch.market_price_ticks`."""
    from tests.benchmarks import pandas_formats as usual
    from tests.benchmarks.pandas_way import for_insert

    if "lmp" in name:
        return for_insert(usual.miso_lmps(content), "MISO", "RTH", "rt_lmp", "prices")
    return for_insert(usual.ercot_lmps(content), "ERCOT", "DA", "dam_spp", "prices")


def _seconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _in_own_process(side: str, days: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.ingest", "--side", side, "--days", str(days)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--side", choices=["ours", "pandas"])
    arguments.add_argument("--days", type=int, default=DAYS)
    chosen = arguments.parse_args()
    if chosen.side:
        print(json.dumps({"ours": ours, "pandas": pandas}[chosen.side](chosen.days)))
        return
    print(machine())
    print("Workload: one MISO rt_lmp_final and one ERCOT NP4-190 file a day, each the largest of the real ones")
    print(f"Days: ours {chosen.days}, pandas {PANDAS_DAYS}")
    mine = _in_own_process("ours", chosen.days)
    usual = _in_own_process("pandas", PANDAS_DAYS)
    rates = [side["rows"] / side["seconds"] for side in (mine, usual)]
    print(f"file to queryable  ours   {rates[0]:>10,.0f} rows/s  ({mine['rows']:,} rows in {mine['seconds']:.1f} s)")
    print(f"file to queryable  pandas {rates[1]:>10,.0f} rows/s  ({usual['rows']:,} rows in {usual['seconds']:.1f} s)")
    print(f"ratio {rates[0] / rates[1]:.1f}; peak memory of ours {mine['peak_bytes'] / 1e9:.2f} GB")
    for iso, rate in decoding(DECODE_DAYS).items():
        print(
            f"decoding {iso:6} ours {rate['ours']:>10,.0f} rows/s, pandas {rate['pandas']:>9,.0f} rows/s, "
            f"ratio {rate['ours'] / rate['pandas']:.1f}"
        )


if __name__ == "__main__":
    main()
