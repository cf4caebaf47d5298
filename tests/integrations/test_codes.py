"""Groups of rows by several codes, held against the same groups made of tuples."""

import numpy as np
import pytest

from integrations.isos.codes import combine

CASES = {
    "one column": [[2, 0, 2, 1]],
    "codes that no row has": [[5, 0, 5], [9, 9, 1]],
    "one code throughout": [[0, 0, 0], [2, 0, 1], [0, 0, 0]],
    "two columns that tell the same rows apart": [[0, 1, 2, 0], [0, 1, 2, 0], [1, 0, 1, 1]],
    "as many codes, other rows": [[0, 1, 2, 0], [1, 0, 2, 1]],
    "as many codes and the same rows but one": [[0, 1, 2, 0], [0, 1, 2, 1]],
    "far more codes than rows": [[0, 70_000, 3], [1, 80_000, 80_000]],
}


@pytest.mark.parametrize("case", CASES)
def test_groups_are_those_of_tuples(case: str) -> None:
    columns = [np.array(codes, dtype=np.int32) for codes in CASES[case]]
    rows = list(zip(*CASES[case], strict=True))
    found = combine([(codes, int(codes.max()) + 1) for codes in columns])
    assert len(found) == len(set(rows))
    assert [tuple(found.members[:, group]) for group in found.code] == rows
    assert [tuple(member) for member in found.members.T] == sorted(set(rows)), "in the order of their codes"
    assert found.first_row(int(found.code[-1])) == rows.index(rows[-1])
