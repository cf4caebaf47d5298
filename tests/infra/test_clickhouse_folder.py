"""Who may open the folder of the embedded engine. These tests open stores of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.clickhouse import ClickHouse, ColumnarStoreError

REPOSITORY = Path(__file__).parents[2]


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
from infra.clickhouse import ClickHouse, ColumnarStoreError
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


def test_importing_the_adapter_does_not_load_the_engine() -> None:
    code = "import sys, infra.clickhouse; print([m for m in ('chdb', 'clickhouse_connect') if m in sys.modules])"
    assert run(code).stdout == "[]\n"
