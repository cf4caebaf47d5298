"""Rows written by COPY come back as they were, whatever is in them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.event_recorder import Pool
from read_models.batch import Batch, Row, array_text, json_text


class Thing(Row):
    TABLE = "thing"
    LOOKUP = "name"
    KEY = ("name", "number")

    name: str
    number: int
    id: UUID
    seen_at: datetime
    day: date
    price: float
    names: str
    details: str
    note: str | None = None


TABLE = """CREATE TABLE thing (name text, number bigint, id uuid, seen_at timestamptz, day date, price float8,
    names text[], details jsonb, note text, PRIMARY KEY (name, number))"""
NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def thing(name: str = "a", number: int = 1, note: str | None = None, names: tuple[str, ...] = ()) -> Thing:
    return Thing(name, number, uuid4(), NOW, NOW.date(), 0.1, array_text(names), json_text({"name": name}), note)


@pytest.fixture
def things(pool: Pool) -> Pool:
    with pool.connection() as connection:
        connection.execute("CREATE SCHEMA pg")
        connection.execute(TABLE.encode())
    return pool


def write(pool: Pool, *rows: Row) -> None:
    batch = Batch()
    for row in rows:
        batch.insert(row)
    with pool.connection() as connection, connection.cursor() as cursor:
        batch.flush(cursor)


ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANY_TEXT, st.lists(ANY_TEXT), st.none() | ANY_TEXT)
def test_any_text_comes_back_as_it_was(things: Pool, name: str, names: list[str], note: str | None) -> None:
    row = thing(name, note=note, names=tuple(names))
    with things.connection() as connection:
        connection.execute("TRUNCATE thing")
    write(things, row)
    with things.connection() as connection:
        found = connection.execute("SELECT name, names, details, note, id, seen_at, day, price FROM thing").fetchone()
    assert found == (name, names, {"name": name}, note, row.id, NOW, NOW.date(), 0.1)


@pytest.mark.parametrize("note", ["", "null", "\\.", '"', "\\", "\\n", "a\nb\tc\r\b\f\x01\x1f", '\\"\n"\\', "[1]\n[2]"])
def test_text_that_looks_like_something_else(things: Pool, note: str) -> None:
    write(things, thing("a", note=note, names=(note,)), thing("b"))
    with things.connection() as connection:
        found = connection.execute("SELECT note, names FROM thing ORDER BY name").fetchall()
    assert found == [(note, [note]), (None, [])]


def test_a_nul_is_refused(things: Pool) -> None:
    with pytest.raises(ValueError, match="NUL"):
        write(things, thing(note="a\0b"))


def test_a_handler_finds_what_earlier_batches_and_earlier_events_left(things: Pool) -> None:
    write(things, thing("a", 1, "first"), thing("b", 1), thing("c", 1, "unwanted"))
    batch = Batch()
    batch.want([(Thing, "a"), (Thing, "new")])
    with things.connection() as connection, connection.cursor() as cursor:
        batch.fetch(cursor)
        (held,) = batch.of(Thing, "a")
        assert held.note == "first"
        batch.change(held, note="second")
        batch.change(held, note=f"{held.note}, third")
        batch.insert(thing("new", 1, "n"))
        (new,) = batch.of(Thing, "new")
        batch.change(new, note="changed")
        batch.insert(thing("a", 2))
        assert [row.number for row in batch.of(Thing, "a")] == [1, 2]
        batch.flush(cursor)
    with things.connection() as connection:
        found = connection.execute("SELECT name, number, note, details->>'name' FROM thing ORDER BY 1, 2").fetchall()
    assert found == [
        ("a", 1, "second, third", "a"), ("a", 2, None, "a"), ("b", 1, None, "b"), ("c", 1, "unwanted", "c"),
        ("new", 1, "changed", "new"),
    ]  # fmt: skip


def test_many_rows_of_which_some_are_wanted_are_all_written_once(things: Pool) -> None:
    batch = Batch()
    batch.want((Thing, f"thing {number}") for number in range(0, 1_300, 100))
    with things.connection() as connection, connection.cursor() as cursor:
        batch.fetch(cursor)
        for number in range(1_300):
            batch.insert(thing(f"thing {number}", number, "as it came"))
        for number in range(0, 1_300, 100):
            (row,) = batch.of(Thing, f"thing {number}")
            batch.change(row, note="changed")
        batch.flush(cursor)
    with things.connection() as connection:
        found = connection.execute("SELECT number, note FROM thing ORDER BY number").fetchall()
    assert found == [(n, "as it came" if n % 100 else "changed") for n in range(1_300)]


def test_a_row_that_is_there_is_not_put_again(things: Pool) -> None:
    write(things, thing("a", 1, "first"))
    batch = Batch()
    for row in (thing("a", 1, "later"), thing("b", 1, "b first"), thing("b", 1, "b later"), thing("a", 2)):
        batch.put(row)
    with things.connection() as connection, connection.cursor() as cursor:
        batch.flush(cursor)
    with things.connection() as connection:
        found = connection.execute("SELECT name, number, note FROM thing ORDER BY 1, 2").fetchall()
    assert found == [("a", 1, "first"), ("a", 2, None), ("b", 1, "b first")]


def test_a_row_that_somebody_else_changed_is_noticed(things: Pool) -> None:
    write(things, thing("a"))
    batch = Batch()
    batch.want([(Thing, "a")])
    with things.connection() as connection, connection.cursor() as cursor:
        batch.fetch(cursor)
        with things.connection() as other:
            other.execute("UPDATE thing SET note = 'by another'")
        (held,) = batch.of(Thing, "a")
        batch.change(held, note="mine")
        with pytest.raises(RuntimeError, match="somebody else wrote to thing"):
            batch.flush(cursor)
