"""MISO's workbooks as simulated, seen through the connector: load by zone, generation by fuel and region."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from integrations.isos.documents import document_of
from integrations.isos.miso.feeds import FEEDS
from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.miso_operator import MisoOperator
from integrations.isos.simulator.miso_workbooks import FUELS, REGIONS, ZONES, generation_report, load_report
from integrations.isos.simulator.old_workbooks import old_workbook
from integrations.isos.simulator.workbooks import Cell
from tests.integrations_simulator.playing import assert_series, play, read, series

MARKET = GridMarket("MISO", 7, 60)
OPERATOR = MisoOperator(MARKET)
BY_NAME = {feed.name: feed for feed in FEEDS}
DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 8, 5, tzinfo=UTC)
"""Of the day on which clocks change elsewhere; MISO's market days have 24 hours."""


def brought(name: str) -> dict[tuple[str, ...], dict[int, float]]:
    (publication,) = read(play(OPERATOR, BY_NAME[name], MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT + DAY + DAY / 2))
    assert publication.feed == name
    return series([publication], "series", "area", "category", value="value")


def hours(days: int) -> Intervals:
    return market_days("MISO", MIDNIGHT.date(), MIDNIGHT.date() + (days - 1) * DAY, minutes=60)


def test_load_by_zone_is_what_was_used_and_what_was_forecast() -> None:
    found = brought("df_al")
    actual, ahead = MARKET.states("actual", hours(1)), MARKET.states("day_ahead", hours(7))
    for zone, megawatts in by_area(actual.bus_load_mw, ZONES).items():
        assert_series(found["load", zone, ""], hours(1), megawatts)
    for zone, megawatts in by_area(ahead.bus_load_mw, ZONES).items():
        assert_series(found["load_forecast", zone, ""], hours(7), megawatts, digits=0)
    for name in ("load", "load_forecast"):
        for start, whole in found[name, "MISO", ""].items():
            assert whole == pytest.approx(sum(found[name, zone, ""][start] for zone in ZONES), abs=0.005)
    np.testing.assert_allclose(list(found["load", "MISO", ""].values()), actual.load_mw, atol=0.04)


def test_generation_by_region_adds_up_to_what_each_fuel_made() -> None:
    found = brought("sr_gfm")
    for name, view in (("generation", "actual"), ("cleared_generation", "day_ahead")):
        made = MARKET.states(view, hours(1)).generation_mw  # type: ignore[arg-type]
        for fuel, ours in FUELS.items():
            label = fuel.lower()
            parts = [values for (kind, area, category), values in found.items()
                     if (kind, category) == (name, label) and area != "total"]  # fmt: skip
            expected = sum(made.get(each, np.zeros(24)) for each in ours)
            np.testing.assert_allclose(np.sum([list(part.values()) for part in parts], axis=0), expected, atol=0.16)
            np.testing.assert_allclose(list(found[name, "total", label].values()), expected, atol=0.16)
    assert {area for _, area, _ in found} == {*(region.lower() for region in REGIONS), "total"}
    assert ("generation", "south", "wind") not in found


@pytest.mark.parametrize(("name", "suffix", "out"), [("df_al", "xls", 1.25), ("sr_gfm", "xlsx", 7 + 2 / 3)])
def test_a_workbook_bears_the_day_after_and_comes_out_on_it(name: str, suffix: str, out: float) -> None:
    moment, path = MIDNIGHT + DAY + timedelta(hours=out), f"20260309_{name}.{suffix}"
    assert OPERATOR.answer("miso-reports", path, {}, moment - timedelta(seconds=1)) is None
    answer = OPERATOR.answer("miso-reports", path, {}, moment)
    assert answer is not None
    assert answer.published_at_utc == moment
    assert OPERATOR.answer("miso-reports", path.replace(suffix, "csv"), {}, moment) is None


def test_workbooks_have_the_real_layout(shared_data: Path) -> None:
    for folder, content in (
        ("df_al", load_report(MARKET, date(2025, 3, 9))),
        ("sr_gfm", generation_report(MARKET, date(2022, 12, 1))),
    ):
        (path,) = (shared_data / "iso/miso" / folder).iterdir()
        real, simulated = document_of(path.name, path.read_bytes()), document_of(path.name, content)
        assert real is not None
        assert simulated is not None
        assert list(simulated.sheets) == list(real.sheets)
        for sheet, rows in real.sheets.items():
            ours = simulated.sheets[sheet]
            for number in range(5 if folder == "sr_gfm" else 6):
                # An operator's row may end in empty cells.
                assert [cell for cell in ours[number] if cell] == [cell for cell in rows[number] if cell], number
            kinds = [[type(cell) for cell in row] for row in (list(ours[6]), list(rows[6]))]
            assert kinds[0] == kinds[1]


@pytest.mark.parametrize("count", [1, 60, 20_000])
def test_an_old_workbook_of_any_size_is_read_as_it_was_written(count: int) -> None:
    """Small ones, too, lie in sectors of the usual kind; the table of sectors of a large one takes several of them."""
    lines: list[list[Cell]] = [["Day", "é", None, 1.5]]
    for number in range(count):
        lines.append([date(2025, 3, 9), f"x{number}", number, -0.25])
    document = document_of("x.xls", old_workbook("Sheet1", lines))
    assert document is not None
    rows = document.sheets["Sheet1"]
    assert list(rows[0]) == ["Day", "é", "", 1.5]
    assert [list(row) for row in rows[1:]] == [list(line) for line in lines[1:]]
