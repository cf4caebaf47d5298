"""A whole platform in the test's process, over the real engines, one a module."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from api.cli.connection import Connection
from api.platform import Platform
from api.wiring import open_platform
from infra.settings import Settings


@pytest.fixture(scope="module")
def platform(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An empty platform on a database and a data folder of its own."""
    name = f"platform_{uuid4().hex}"
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    home = tmp_path_factory.mktemp("home")
    dsn = make_conninfo(postgres_dsn, dbname=name)
    opened = open_platform(Settings(home=home, database_url=dsn, kafka_bootstrap_servers=None))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[Connection]:
    """The API of that platform, called in process and with its token."""
    connection = Connection.to_platform(platform)
    yield connection
    connection.close()
