"""Schemas and tables that several processes may be about to make at once."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, Cursor


def lock_definitions(session: Connection[Any] | Cursor[Any]) -> None:
    """Until its transaction ends nobody else makes schemas or tables, and what others made until now is seen.

    `IF NOT EXISTS` alone fails where two make the same at once, and after a mere wait for a lock it goes by what the
    session remembers: PostgreSQL reads what others have changed when a relation is opened.
    """
    session.execute("SELECT pg_advisory_xact_lock(2540001)")
    session.execute("SELECT count(*) FROM pg_namespace")
