"""Who may open the folder of the embedded engine. These tests open stores of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.clickhouse import ClickHouse
from infra.errors import ColumnarStoreError

REPOSITORY = Path(__file__).parents[2]
PARTS_REMOVED_ALONE = 100
"""The engine's own limit, above which it removes parts side by side."""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


OPEN = """
import sys
from pathlib import Path
from infra.clickhouse import ClickHouse
from infra.errors import ColumnarStoreError
try:
    store = ClickHouse.embedded(Path(sys.argv[1]))
    store.query_arrow("SELECT 1")
    store.close()
    print("opened")
except ColumnarStoreError as error:
    print(error)
"""


def test_a_folder_has_one_owner_and_is_free_after_close(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    owner = ClickHouse.embedded(folder)
    owner.query_arrow("SELECT 1")
    try:
        refused = run(OPEN, str(folder)).stdout
        assert f"The columnar store {folder} can't be opened" in refused
        assert "Another process may be using it" in refused
        with pytest.raises(ColumnarStoreError, match="can't be opened"):
            ClickHouse.embedded(tmp_path / "second folder").query_arrow("SELECT 1")
        owner.command("CREATE TABLE default.kept (n Int64) ENGINE = MergeTree ORDER BY n")
        owner.command("INSERT INTO default.kept VALUES (42)")
    finally:
        owner.close()
        owner.close()
    with pytest.raises(RuntimeError, match="has been closed"):
        owner.query_arrow("SELECT 1")
    assert run(OPEN, str(folder)).stdout == "opened\n"
    again = ClickHouse.embedded(folder)
    assert again.query_arrow("SELECT n FROM default.kept").to_pylist() == [{"n": 42}]
    again.close()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_path_that_the_engine_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ColumnarStoreError, match="question mark"):
        ClickHouse.embedded(tmp_path / "what?")
    odd = ClickHouse.embedded(tmp_path / "a #1 100% ñ")
    odd.command("CREATE DATABASE here")
    odd.close()
    assert (tmp_path / "a #1 100% ñ" / "metadata" / "here.sql").exists()


def test_a_path_that_ends_what_the_engine_is_told_early_works_without_its_configuration(tmp_path: Path) -> None:
    store = ClickHouse.embedded(tmp_path / "this & that")
    assert store.query_arrow("SELECT 1 AS one")["one"].to_pylist() == [1]
    store.close()
    assert not (tmp_path / "this & that" / "config.xml").exists()


def test_removing_many_merged_parts_takes_no_further_threads(tmp_path: Path) -> None:
    """Memory would grow with them: the engine's own way is a pool of 128 that are never given back."""
    store = ClickHouse.embedded(tmp_path / "store")
    store.command(
        "CREATE TABLE default.things (n Int64) ENGINE = MergeTree ORDER BY n "
        "SETTINGS cleanup_delay_period = 1, max_cleanup_delay_period = 1, cleanup_delay_period_random_add = 0"
    )
    before = count(store, "SELECT value FROM system.metrics WHERE metric = 'GlobalThread'")
    store.command("SYSTEM STOP CLEANUP default.things")
    for n in range(2 * PARTS_REMOVED_ALONE):
        store.command(f"INSERT INTO default.things VALUES ({n})")
    store.command("OPTIMIZE TABLE default.things FINAL")
    parts = "SELECT count() FROM system.parts WHERE table = 'things'"
    assert count(store, parts) > PARTS_REMOVED_ALONE
    store.command("SYSTEM START CLEANUP default.things")
    for _ in range(600):
        if count(store, parts) == 1:
            break
        time.sleep(0.05)
    assert count(store, parts) == 1
    assert count(store, "SELECT value FROM system.metrics WHERE metric = 'GlobalThread'") < before + 50
    store.close()


def count(store: ClickHouse, query: str) -> int:
    return int(store.query_arrow(query)[0][0].as_py())


def test_importing_the_adapter_does_not_load_the_engine() -> None:
    code = "import sys, infra.clickhouse; print([m for m in ('chdb', 'clickhouse_connect') if m in sys.modules])"
    assert run(code).stdout == "[]\n"
