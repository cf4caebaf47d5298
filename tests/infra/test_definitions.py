"""Two sessions that make the same schema at once."""

from __future__ import annotations

import threading
import time

import psycopg

from infra.definitions import lock_definitions

MAKE = "CREATE SCHEMA IF NOT EXISTS made_at_once"
# As every session of a platform: names are looked up in a schema, and that it is not there yet is remembered.
IN_SCHEMA = "SET search_path TO made_at_once"


def test_who_waited_sees_what_the_other_made(dsn: str) -> None:
    with psycopg.connect(dsn) as first, psycopg.connect(dsn) as second:
        second.execute("CREATE SCHEMA made_before")  # PostgreSQL catches up at the first definition of a session
        second.execute(IN_SCHEMA)
        second.execute("SELECT to_regclass('something')")
        second.commit()
        lock_definitions(first)
        first.execute(MAKE)
        waiting = threading.Thread(target=lock_definitions, args=(second,))
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        first.commit()
        waiting.join(60)
        second.execute(MAKE)
