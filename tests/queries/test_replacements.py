"""What replaced what, held against trying every position."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queries.replacements import Origin, Replacement, Version, replacements


def version(start: int, rank: int, value: object, end: int | None = None, key: object = "k") -> Version:
    return Version(key, start, end, (rank, start), value, Origin(f"v{start}", start))


def found(*versions: Version) -> list[tuple[int, int, str, str | None]]:
    return [(r.start, r.end, r.replaced.id, r.by and r.by.id) for r in replacements(versions) if r.replaced]


def test_a_higher_rank_replaces_and_a_lower_one_does_not() -> None:
    assert found(version(1, 1, 30), version(5, 2, 31)) == [(1, 5, "v1", "v5")]
    assert found(version(1, 2, 30), version(5, 1, 31)) == []


def test_the_same_value_is_no_other_one() -> None:
    assert found(version(1, 1, 30), version(5, 2, 30)) == []
    assert found(version(1, 1, 30), version(5, 2, 31), version(9, 3, 30)) == [(5, 9, "v5", "v9")]


def test_what_is_withdrawn_leaves_the_next_best_or_nothing() -> None:
    assert found(version(1, 1, 30, end=7)) == [(1, 7, "v1", None)]
    assert found(version(1, 1, 30), version(3, 2, 31, end=7)) == [(3, 7, "v3", "v1")]


def test_keys_are_kept_apart() -> None:
    assert found(version(1, 1, 30, key="a"), version(5, 2, 31, key="b")) == []


def test_what_came_where_nothing_was_is_told() -> None:
    assert list(replacements([version(4, 1, 30)])) == [Replacement("k", 0, 4, None, Origin("v4", 4))]


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    starts = draw(st.lists(st.integers(1, 12), unique=True, max_size=6))
    made = []
    for start in starts:
        end = draw(st.one_of(st.none(), st.integers(start + 1, 14)))
        made.append(version(start, draw(st.integers(1, 3)), draw(st.integers(1, 3)), end))
    return made


@given(histories())
def test_every_position_is_judged_as_by_looking_at_it(versions: list[Version]) -> None:
    def known(position: int) -> Version | None:
        counting = [v for v in versions if v.start <= position and (v.end is None or position < v.end)]
        return max(counting, key=lambda v: v.rank, default=None)

    told = list(replacements(versions))
    now = known(99)
    for position in range(15):
        then = known(position)
        concerning = [(r.replaced, r.by) for r in told if r.concerns(position)]
        same = (then and then.value) == (now and now.value)
        assert concerning == ([] if same else [(then and then.origin, now and now.origin)])
