"""Columns of strings that come in rounds are encoded as those are that do not."""

import pyarrow as pa
import pytest

from integrations.isos.csv_reading import _encode
from integrations.isos.strings import cycle_length

ROUNDS = {
    "whole rounds": (["a", "bb", "c"] * 4, 3),
    "the last round cut": (["a", "bb", "c"] * 4 + ["a", "bb"], 3),
    "one string throughout": (["HUB"] * 5, 1),
    "nothing written": ([""] * 4, 1),
    "empty ones among others": (["a", "", "bb"] * 3, 3),
    "two strings": (["a", "a"], 1),
}
NO_ROUNDS = {
    "none": [],
    "one": ["a"],
    "all differ": ["a", "b", "c"],
    "another one at the end": ["a", "b", "a", "b", "a", "c"],
    "another order in the second round": ["a", "b", "c", "a", "c", "b"],
    "the same letters, cut elsewhere": ["ab", "c", "ab", "c", "ab", "", "c"],
    "lengths of a round, other letters": ["ab", "cd", "ab", "ce"],
    "a name twice in a round": ["a", "b", "a", "c"] * 2,
}


@pytest.mark.parametrize("case", ROUNDS)
def test_rounds_are_found(case: str) -> None:
    strings, length = ROUNDS[case]
    assert cycle_length(pa.array(strings, pa.string())) == length
    within = pa.array(["x", *strings, "y"], pa.string())[1:-1]
    assert cycle_length(within) == length


@pytest.mark.parametrize("case", NO_ROUNDS)
def test_no_round_is_invented(case: str) -> None:
    assert cycle_length(pa.array(NO_ROUNDS[case], pa.string())) == 0


@pytest.mark.parametrize("strings", [*(strings for strings, _ in ROUNDS.values()), *NO_ROUNDS.values()])
def test_codes_stand_for_the_strings(strings: list[str]) -> None:
    codes, distinct = _encode(pa.array(strings, pa.string()))
    names = distinct.to_pylist()
    assert [names[code] for code in codes] == strings
    assert names == list(dict.fromkeys(strings)), "each once, in the order of the rows"
