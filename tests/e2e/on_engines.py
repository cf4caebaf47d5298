"""The program over the servers that `python -m tests.services run` has started, instead of what is embedded."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from infra.clickhouse import ClickHouse
from tests.e2e.program import Program


def program_on_engines(home: Path, **environment: str) -> Program:
    """With a database and a place for objects of its own, and no tables in ClickHouse. `environment` comes first."""
    name = f"engines_{uuid4().hex}"
    with psycopg.connect(os.environ["TEST_POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    store = ClickHouse.server(os.environ["TEST_CLICKHOUSE_DSN"])
    store.command("DROP DATABASE ch SYNC")
    store.close()
    servers = {
        "DATABASE_URL": make_conninfo(os.environ["TEST_POSTGRES_DSN"], dbname=name),
        "CLICKHOUSE_DSN": os.environ["TEST_CLICKHOUSE_DSN"],
        "CARBON254_OBJECTS": f"{os.environ['TEST_OBJECTS']}/{name}",
    }
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    return Program(home, **(servers | aws | environment))
