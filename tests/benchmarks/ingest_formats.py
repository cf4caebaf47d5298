"""File to queryable rows of each format of many rows, beside pandas. Run: python -m tests.benchmarks.ingest_formats

Each side has a process of its own and an embedded engine, and takes one format after the other: several files of it
that differ in one name, so that no side can know any of them. Both get them as operators serve them: CAISO's in a zip.
Ours is all that `carbon254 ingest` does, pandas decodes and inserts (see `ingest`); both end with every row in the same
table, which is counted.
Rows a second of wall time, and the ratio of CPU time, of all processes of a side, beside it.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

from integrations.isos.catalogue import parse
from tests.benchmarks.files import machine
from tests.benchmarks.many_row_formats import Format, formats
from tests.benchmarks.pandas_way import for_insert

TARGET = 3.0
ROWS = 250_000
FEWEST_FILES = 3
WARM_UP = 2  # files of each side that count for nothing
FIRST_NUMBER = 10  # of two digits

Rates = tuple[float, float]
"""Rows a second of wall time, and of CPU time."""


def ours() -> dict[str, Rates]:
    from api.cli.connection import Connection
    from api.cli.ingest import ingest_paths
    from api.wiring import open_platform
    from infra.settings import Settings
    from read_models.series import DATASETS

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        platform = open_platform(Settings(home=Path(folder) / "home", database_url=None))
        try:
            with Connection.to_platform(platform) as connection:
                for number, form in enumerate(formats()):
                    paths = _written(form, Path(folder) / str(number))
                    table = "market_price_ticks" if form.dataset == "prices" else DATASETS[form.dataset].table
                    counting = f"SELECT count() AS n FROM ch.{table}"
                    # Both reading processes and the tables are there before anything is timed.
                    ingest_paths(connection, paths[:WARM_UP])
                    before = platform.clickhouse.query_arrow(counting)["n"][0].as_py()
                    wall, cpu = time.perf_counter(), _cpu_seconds()
                    report = ingest_paths(connection, paths[WARM_UP:])
                    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
                    added = platform.clickhouse.query_arrow(counting)["n"][0].as_py() - before
                    if report.quarantined or added != report.rows or not added:
                        sys.exit(
                            f"{form.name}: {report.rows} rows ingested, {added} in the table, {report.quarantined}"
                        )
                    found[form.name] = report.rows / wall, report.rows / cpu
        finally:
            platform.close()
    return found


def pandas() -> dict[str, Rates]:
    import clickhouse_connect

    from infra.clickhouse import ClickHouse
    from read_models.prices import create_price_table
    from read_models.series import DATASETS, create_series_table

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        store = ClickHouse.embedded(Path(folder))
        create_price_table(store)
        for dataset in DATASETS.values():
            create_series_table(store, dataset)
        client = clickhouse_connect.get_client(interface="chdb", path=folder)
        for form in formats():
            table = "market_price_ticks" if form.dataset == "prices" else DATASETS[form.dataset].table
            publication = parse(form.payload)
            facts = (publication.iso, publication.market, publication.feed, form.dataset)
            rows, wall, cpu = 0, 0.0, 0.0
            for number, content in enumerate(_contents(form)):
                started, spent = time.perf_counter(), _cpu_seconds()
                frame = for_insert(form.usual(form.unwrapped(content)), *facts)
                client.insert_df(f"ch.{table}", frame)
                if number >= WARM_UP:
                    rows += len(frame)
                    wall, cpu = wall + time.perf_counter() - started, cpu + _cpu_seconds() - spent
            found[form.name] = rows / wall, rows / cpu
        client.close()
        store.close()
    return found


def _cpu_seconds() -> float:
    """What this process and those that it started have used so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            number, _, words = stat.read_text().partition(" ")
            fields = words.rpartition(")")[2].split()
            if str(os.getpid()) in (number, fields[1]):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _written(form: Format, folder: Path) -> list[Path]:
    folder.mkdir()
    paths = []
    for number, content in enumerate(_contents(form)):
        # A folder each, since some names of files say what no line does.
        paths.append(folder / str(number) / form.served[0])
        paths[-1].parent.mkdir()
        paths[-1].write_bytes(content)
    return paths


def _contents(form: Format) -> list[bytes]:
    """The file again and again, its label ending in another number each time, and some more to warm up with."""
    count = WARM_UP + max(FEWEST_FILES, math.ceil(ROWS / parse(form.payload).rows.num_rows))
    return [_renamed(form.served[1], form.label, number) for number in range(FIRST_NUMBER, FIRST_NUMBER + count)]


def _renamed(content: bytes, label: bytes, number: int) -> bytes:
    other = label[:-3] + str(number).encode() + label[-1:]
    if not zipfile.is_zipfile(io.BytesIO(content)):
        assert label in content, label
        return content.replace(label, other)
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as renamed:
        assert any(label in book.read(member) for member in book.infolist()), label
        for member in book.infolist():
            renamed.writestr(member.filename, book.read(member).replace(label, other))
    return sink.getvalue()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--side", choices=["ours", "pandas"])
    side = arguments.parse_args().side
    if side:
        print(json.dumps({"ours": ours, "pandas": pandas}[side]()))
        return
    print(machine())
    mine, usual = _in_own_process("ours"), _in_own_process("pandas")
    print(f"{'format':38} {'ours, rows/s':>12} {'pandas':>9} {'ratio':>6} {'of CPU':>6}")
    for name, (rate, of_cpu) in mine.items():
        theirs, of_their_cpu = usual[name]
        print(f"{name:38} {rate:>12,.0f} {theirs:>9,.0f} {rate / theirs:>6.1f} {of_cpu / of_their_cpu:>6.1f}")
    slow = [name for name, (rate, _) in mine.items() if rate < TARGET * usual[name][0]]
    print(f"below the target of {TARGET:.0f} times: {', '.join(slow) or 'none'}")


def _in_own_process(side: str) -> dict[str, Rates]:
    command = [sys.executable, "-m", "tests.benchmarks.ingest_formats", "--side", side]
    result: dict[str, Rates] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return result


if __name__ == "__main__":
    main()
