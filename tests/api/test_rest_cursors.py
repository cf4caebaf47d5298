"""A cursor comes back as it was written, for the same question only, and can't be made up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import Cursor, Cursors
from api.problems import Problem

CURSORS = Cursors(b"k" * 32)
QUESTION = {"path": "/v1/curves", "hub": ["WH"]}
VALUES = (
    st.text()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=-6))))
)


@given(st.lists(VALUES, max_size=6).map(tuple), st.integers(0, 2**63 - 1))
def test_every_key_comes_back_as_it_was(after: tuple[object, ...], position: int) -> None:
    cursor = Cursor(after, position)
    text = CURSORS.write(cursor, QUESTION)
    read = CURSORS.read(text, QUESTION)
    assert read == cursor
    assert list(map(type, read.after)) == list(map(type, after))
    assert text.isascii()
    assert not set(text) & set("+/=&?%")


def test_another_question_is_refused() -> None:
    text = CURSORS.write(Cursor((1,), 1), QUESTION)
    for other in ({"path": "/v1/curves", "hub": ["X"]}, {"path": "/v1/quotes", "hub": ["WH"]}, {}):
        with pytest.raises(Problem, match="another question"):
            CURSORS.read(text, other)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.hex()))
def test_what_nobody_signed_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="not one of this platform's") as problem:
        CURSORS.read(text, QUESTION)
    assert problem.value.status == 400


def test_a_changed_cursor_and_one_of_another_key_are_refused() -> None:
    text = CURSORS.write(Cursor((datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), UUID(int=1)), 1), QUESTION)
    for i in range(len(text) - 1):  # the last character has bits that mean nothing
        changed = text[:i] + ("A" if text[i] != "A" else "B") + text[i + 1 :]
        with pytest.raises(Problem):
            CURSORS.read(changed, QUESTION)
    with pytest.raises(Problem):
        Cursors(b"x" * 32).read(text, QUESTION)
