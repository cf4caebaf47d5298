"""What several faults are done to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import Program

Tell = Callable[[str], None]


@pytest.fixture
def on_engines(tmp_path: Path) -> Program:
    """The program over PostgreSQL, ClickHouse and MinIO."""
    return program_on_engines(tmp_path / "home")


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Prints what was seen, for docs/operations/faults.md."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n  seen: {line}", flush=True)

    return say


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program over what is embedded."""
    return Program(tmp_path / "home")
