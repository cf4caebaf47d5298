"""`kill -9` at any moment: nothing is lost, nothing is doubled, no database stays behind, and the next start works."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tests.e2e.market_files import write_small_sample
from tests.e2e.program import Program, database_processes, wait_until

SEED = 254
# Seven publications of MISO, CAISO and PJM, one of ERCOT's day ahead, and the runs of its two real-time feeds.
RUNS = 22
PUBLICATIONS = 8 + 2 * RUNS

# Reads every row that is stored, past the queries, which show one version of each interval only. When a row was
# recorded, and at which position, depends on the run; nothing else may.
_STORED_ROWS = """
import sys
from pathlib import Path
import pyarrow as pa
from infra.clickhouse import ClickHouse
from read_models.prices import price_table
store = ClickHouse.embedded(Path(sys.argv[1]))
rows = store.query_arrow("SELECT * EXCEPT (recorded_at, log_position) FROM ch.{t:Identifier} ORDER BY ALL",
                         {"t": price_table()})
store.close()
rows = pa.table({name: c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c
                 for name, c in zip(rows.column_names, rows.columns)})
with pa.OSFile(sys.argv[2], "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
    writer.write_table(rows)
"""


def stored_rows(program: Program) -> pa.Table:
    to = program.temporary / "rows.arrow"
    subprocess.run([sys.executable, "-c", _STORED_ROWS, program.home / "chdb", to], check=True, timeout=120)
    with pa.memory_map(str(to)) as file:
        return pa.ipc.open_file(file).read_all()


def kill_starting_server(program: Program, moment: random.Random) -> None:
    """In the midst of the very first start, when the folder and the database are being made."""
    starting = program.start("serve", "--port", 0)
    time.sleep(moment.uniform(0.5, 2.5))
    starting.kill()
    starting.communicate()


def kill_server_while_ingesting(program: Program, files: Path, moment: random.Random) -> None:
    with program.serve() as server:
        client = program.start_ingesting(files, further=moment.randint(1, 5))
        time.sleep(moment.uniform(0, 0.03))
        server.kill()
        _, err = client.communicate(timeout=120)
    assert client.returncode == 1
    assert "does not answer" in err
    assert "Traceback" not in err


def kill_ingesting_verb(program: Program, files: Path, moment: random.Random) -> None:
    verb = program.start_ingesting(files, further=moment.randint(1, 5))
    time.sleep(moment.uniform(0, 0.03))
    verb.kill()
    verb.communicate()


@pytest.mark.enable_socket
def test_kills_at_random_moments_neither_lose_nor_double_a_row(program: Program, tmp_path: Path) -> None:
    files = write_small_sample(tmp_path / "files", runs=RUNS)
    undisturbed = Program(tmp_path / "undisturbed")
    in_peace = undisturbed.start("ingest", files)
    moment = random.Random(SEED)
    kill_starting_server(program, moment)
    no_database_is_left(program)
    for number in range(5):
        kill = kill_ingesting_verb if number == 2 else kill_server_while_ingesting
        kill(program, files, moment)
        no_database_is_left(program)
    assert program.rows_kept() < PUBLICATIONS, "the kills were meant to come before the end"

    with program.serve() as server:
        report = program.json("ingest", files)
        assert report["publications"] + report["unchanged"] == PUBLICATIONS
        assert report["unchanged"] > 0
        assert report["quarantined"] == []
        log = server.audit()
        assert [int(entry["position"]) for entry in log] == list(range(1, PUBLICATIONS + 1))
        assert len({entry["target_id"] for entry in log}) == PUBLICATIONS
        assert '"findings":[]' in server.ask("GET", "/v1/doctor")[1]

    _, err = in_peace.communicate(timeout=120)
    assert in_peace.returncode == 0, err
    expected, stored = stored_rows(undisturbed), stored_rows(program)
    assert stored.num_rows == expected.num_rows > 10_000
    assert stored.equals(expected)


def no_database_is_left(program: Program) -> None:
    """Nobody cleans up for a killed owner; its database has to notice by itself."""
    wait_until(lambda: database_processes(program.home) == {})
    left = [path.name for path in program.temporary.iterdir() if path.name.startswith("carbon254-pg-")]
    assert left == []
