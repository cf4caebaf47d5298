"""Fixtures for the tests of what we run on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.infra.embedded_postgres_support import (
    quick_place,
    started,
)


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    with quick_place() as folder:
        yield folder


@pytest.fixture(scope="session")
def made_cluster() -> Iterator[Path]:
    """A stopped server's folder with one row, made by a real first start."""
    with quick_place() as parent:
        with started(parent / "pg") as server, psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        yield parent / "pg"


@pytest.fixture
def postgres_folder(made_cluster: Path, quick_folder: Path) -> Path:
    """A copy of it for one test to do with as it likes."""
    return Path(shutil.copytree(made_cluster, quick_folder / "pg"))
