"""The property that cached answers stand on: equal states, equal answers; and what is not touched keeps its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.event_recorder import Pool
from queries.changes import Changed, Changes, Find
from read_models.changes import ANEW, CHANGES, WHOLE, Part, market_parts, note_changes
from read_models.relational import CHECKPOINTS, load_checkpoint, save_checkpoint

START = datetime(2026, 1, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PROJECTIONS = ("prices", "publications")
ISOS, MARKETS = ("PJM", "CAISO"), ("DA", "RT5")
stores = count()


@pytest.fixture
def tables(pool: Pool) -> Pool:
    with pool.connection() as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS pg")
        connection.execute(CHECKPOINTS.encode())
        connection.execute(CHANGES.encode())
    return pool


@dataclass
class Followed:
    """Projections over one list of events, and the versions that a reader sees."""

    pool: Pool
    store: str
    changes: Changes

    @classmethod
    def new(cls, pool: Pool) -> Followed:
        store = f"store {next(stores)}"
        return cls(pool, store, Changes(pool, PROJECTIONS, store))

    def note(self, projection: str, parts: dict[Part, int], position: int) -> None:
        with self.pool.connection() as connection, connection.cursor() as cursor:
            save_checkpoint(cursor, projection, 1, position, self.store)
            note_changes(cursor, {projection: parts}, self.store)

    def reached(self, projection: str) -> int:
        with self.pool.connection() as connection, connection.cursor() as cursor:
            return load_checkpoint(cursor, projection, 1, self.store)

    def state(self, find: Find) -> tuple[int | None, ...]:
        self.changes.catch_up()
        return self.changes.state(PROJECTIONS, find)


@dataclass(frozen=True)
class Event:
    """A publication of some days; one that was read anew may have been anything before."""

    dataset: str
    iso: str
    market: str
    first_day: int
    days: int
    is_reread: bool

    @property
    def span(self) -> tuple[datetime, datetime]:
        return START + self.first_day * DAY, START + (self.first_day + self.days) * DAY

    def parts(self, projection: str) -> list[Part]:
        if projection == "publications" and self.is_reread:
            return [WHOLE]
        return market_parts(self.dataset, self.iso, self.market, *self.span)

    def concerns(self, projection: str) -> bool:
        return projection == "publications" or self.dataset == "prices"


@dataclass(frozen=True)
class Question:
    """Prices of an ISO, of a market or of all, in some days."""

    iso: str
    market: str
    first_day: int
    days: int

    @property
    def span(self) -> tuple[datetime, datetime]:
        return START + self.first_day * DAY, START + (self.first_day + self.days) * DAY

    def find(self, changes: Changes, projection: str) -> Changed:
        return changes.of_market(projection, "prices", self.iso, self.market, *self.span)

    def is_touched(self, event: Event) -> bool:
        if event.is_reread:
            return True
        start, end = self.span
        first, last = event.span
        is_of_it = (event.dataset, event.iso) == ("prices", self.iso) and self.market in ("", event.market)
        return is_of_it and first < end and last >= start

    def content(self, events: Sequence[Event], reached: int) -> tuple[int, ...]:
        """What an answer shows: the events that bring something to it, as far as all projections have come."""
        return tuple(i for i, event in enumerate(events, 1) if i <= reached and self.is_touched(event))


EVENTS = st.builds(
    Event,
    dataset=st.sampled_from(("prices", "prices", "fundamentals")),
    iso=st.sampled_from(ISOS),
    market=st.sampled_from(MARKETS),
    first_day=st.integers(-5, 5),
    days=st.sampled_from((0, 1, 3, 90)),
    is_reread=st.sampled_from((False,) * 9 + (True,)),
)
QUESTIONS = [
    Question(iso, market, first, days)
    for iso in ISOS
    for market in ("", *MARKETS)
    for first, days in ((-2, 1), (0, 1), (-5, 10), (-300, 500))
]


@given(
    events=st.lists(EVENTS, min_size=1, max_size=12),
    steps=st.lists(st.tuples(st.sampled_from(PROJECTIONS), st.integers(1, 4)), max_size=16),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equal_states_have_equal_answers(tables: Pool, events: list[Event], steps: list[tuple[str, int]]) -> None:
    """Whichever of two projections is ahead, and however far: no answer is taken for that of another moment."""
    followed = Followed.new(tables)
    answers: dict[Any, tuple[int, ...]] = {}
    for projection, further in [*steps, *((name, len(events)) for name in PROJECTIONS)]:
        seen = followed.reached(projection)
        through = min(len(events), seen + further)
        parts = {
            part: position
            for position in range(seen + 1, through + 1)
            if events[position - 1].concerns(projection)
            for part in events[position - 1].parts(projection)
        }
        followed.note(projection, parts, through)
        reached = min(followed.reached(name) for name in PROJECTIONS)
        for question in QUESTIONS:
            key = (question, followed.state(question.find))
            content = question.content(events, reached)
            assert answers.setdefault(key, content) == content


@pytest.fixture
def followed(tables: Pool) -> Followed:
    return Followed.new(tables)


def test_a_tick_changes_its_iso_market_and_day_alone(followed: Followed) -> None:
    today = Question("PJM", "RT5", 0, 1)
    others = [Question("CAISO", "RT5", 0, 1), Question("PJM", "DA", 0, 1), Question("PJM", "RT5", -30, 29)]
    whole = [Question("PJM", "", 0, 1), Question("PJM", "RT5", -30, 31)]
    before = {question: followed.state(question.find) for question in (today, *others, *whole)}
    for name in PROJECTIONS:
        followed.note(name, dict.fromkeys(market_parts("prices", "PJM", "RT5", START, START), 1), 1)
    changed = {question for question in before if followed.state(question.find) != before[question]}
    assert changed == {today, *whole}


def test_what_lies_behind_counts_as_long_as_it_does(followed: Followed) -> None:
    question = Question("PJM", "DA", 0, 1)
    followed.note("prices", {}, 4)
    followed.note("publications", {WHOLE: 5}, 5)
    behind = followed.state(question.find)
    followed.note("prices", {}, 6)
    assert followed.state(question.find) != behind, "only now has an answer come to the change"
    settled = followed.state(question.find)
    followed.note("prices", {}, 7)
    followed.note("publications", {}, 7)
    assert followed.state(question.find) == settled


def test_a_rebuild_changes_everything_of_its_projection(followed: Followed) -> None:
    followed.note("prices", dict.fromkeys(market_parts("prices", "PJM", "DA", START, START), 1), 1)
    before = followed.state(Question("PJM", "DA", 0, 1).find)
    followed.note("prices", dict(ANEW), 1)
    assert followed.state(Question("PJM", "DA", 0, 1).find) != before


def test_tenants_are_told_apart(followed: Followed) -> None:
    def state(tenant: str) -> tuple[int | None, ...]:
        return followed.state(lambda changes, name: changes.of_tenant(name, tenant))

    before = state("acme"), state("other")
    followed.note("publications", {Part(tenant="acme"): 0}, 0)
    assert (state("acme") != before[0], state("other") == before[1]) == (True, True)


def test_versions_grow_whatever_the_clock_says(followed: Followed, tables: Pool) -> None:
    part = {Part(tenant="acme"): 1}
    followed.note("prices", part, 1)
    with tables.connection() as connection:
        connection.execute(b"UPDATE pg.change SET version = version + 3600000000")  # as if the clock went back
    before = followed.state(lambda changes, name: changes.of_all(name))
    followed.note("prices", part, 2)
    after = followed.state(lambda changes, name: changes.of_all(name))
    assert (after[0] or 0) == (before[0] or 0) + 1


def test_a_reader_that_starts_later_sees_the_same(followed: Followed, tables: Pool) -> None:
    followed.note("prices", dict.fromkeys(market_parts("prices", "PJM", "DA", START, START + 90 * DAY), 1), 1)
    other = Changes(tables, PROJECTIONS, followed.store)
    other.catch_up()
    question = Question("PJM", "DA", 3, 1)
    assert other.state(PROJECTIONS, question.find) == followed.state(question.find)
