"""Many rows of text at once are what one row at a time would be."""

import numpy as np

from integrations.isos.simulator.files import fixed, trimmed
from integrations.isos.simulator.texts import decimals, repeated, rows


def test_numbers_are_written_like_one_at_a_time() -> None:
    units = np.array([0, 1, -1, 9, -31, 3100, -100_000, 123_456_789, -7_000_001, 10**12], dtype=np.int64)
    for places in (2, 5, 6):
        assert decimals(units, places).to_pylist() == [fixed(unit, places) for unit in units.tolist()]
        assert decimals(units, places, trimmed=True).to_pylist() == [trimmed(unit, places) for unit in units.tolist()]


def test_columns_stand_side_by_side() -> None:
    names = repeated(["A", "B"], np.array([1, 0, 1]))
    assert rows(names, ",", decimals(np.array([5, -5, 0]), 2), "\n") == b"B,0.05\nA,-0.05\nB,0.00\n"
