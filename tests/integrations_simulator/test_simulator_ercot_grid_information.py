"""ERCOT's workbooks of generation and load as simulated, as they are read after a download."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.documents import document_of
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.simulator.ercot_fundamentals import WEATHER_ZONES
from integrations.isos.simulator.ercot_grid_information import LOAD_ZONES, generation_by_fuel, native_load
from integrations.isos.simulator.ercot_operator import ErcotOperator
from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import market_days
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import assert_series, series, within

MARKET = GridMarket("ERCOT", 7, 70)
OPERATOR = ErcotOperator(MARKET)
GENERATION, LOAD = "files/docs/2026/04/08/IntGenbyFuel2026.xlsx", "files/docs/2026/12/08/Native_Load_2026.zip"
LATER = datetime(2026, 12, 31, tzinfo=UTC)
FUELS = {"coal": "coal", "hydro": "hydro", "nuclear": "nuclear", "solar": "solar", "wind": "wind"}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CENTRAL).astimezone(UTC)


@cache
def _read(path: str) -> ParsedPublication:
    answer = OPERATOR.answer("ercot-mis", path, {}, LATER)
    assert answer is not None
    found = survey(path.rpartition("/")[2], answer.content, named=True)
    assert found.skipped == []
    (payload,) = found.payloads
    return parse(payload)


@pytest.mark.parametrize("day", [date(2026, 2, 3), date(2026, 3, 8)])
def test_generation_by_fuel_is_what_each_fuel_made(day: date) -> None:
    """On a plain day, and on that of 23 hours."""
    publication = _read(GENERATION)
    assert (publication.feed, publication.vintage) == ("int_gen_by_fuel", "preliminary"), "March is settled once"
    quarters = market_days("ERCOT", day, day, minutes=15)
    start = _midnight(day)
    found = series(
        within([publication], start, start + timedelta(minutes=15 * len(quarters))), "category", value="value"
    )
    made = MARKET.states("actual", quarters).generation_mw
    for label, fuel in FUELS.items():
        power = {at: round(4 * energy, 5) for at, energy in found[label,].items()}
        assert_series(power, quarters, made[fuel], digits=3)
    gas = 4 * np.add(list(found["gas",].values()), list(found["gas-cc",].values()))
    np.testing.assert_allclose(gas, made["natural_gas"], atol=0.001)
    rest = 4 * np.add(list(found["other",].values()), list(found["wsl",].values()))
    np.testing.assert_allclose(rest, made["other"] + made["battery"], atol=0.001)
    assert max(found["wsl",].values()) <= 0.0 < max(found["other",].values())


def test_native_load_is_what_zones_used_through_both_changes_of_the_clock() -> None:
    publication = _read(LOAD)
    assert (publication.feed, publication.vintage) == ("native_load", "final")
    assert publication.rows.num_rows == 9 * len(market_days("ERCOT", date(2026, 1, 1), date(2026, 11, 30), minutes=60))
    for day, count in ((date(2026, 3, 8), 23), (date(2026, 7, 22), 24), (date(2026, 11, 1), 25)):
        hours, start = market_days("ERCOT", day, day, minutes=60), _midnight(day)
        assert len(hours) == count
        found = series(within([publication], start, start + timedelta(hours=count)), "area", value="value")
        state = MARKET.states("actual", hours)
        assert_series(found["",], hours, state.load_mw, digits=6)
        for ours, mw in zip(LOAD_ZONES, by_area(state.bus_load_mw, WEATHER_ZONES).values(), strict=True):
            assert_series(found[ours,], hours, mw, digits=6)


def test_workbooks_are_there_from_the_8th_of_the_month_after() -> None:
    out = datetime(2026, 4, 8, 15, 30, tzinfo=CENTRAL).astimezone(UTC)
    assert OPERATOR.answer("ercot-mis", GENERATION, {}, out - timedelta(seconds=1)) is None
    answer = OPERATOR.answer("ercot-mis", GENERATION, {}, out)
    assert answer is not None
    assert answer.published_at_utc == out
    for path in (
        "files/docs/2026/04/09/IntGenbyFuel2026.xlsx", "files/docs/2026/13/08/IntGenbyFuel2026.xlsx",
        "files/docs/2026/04/08/IntGenbyFuel2025.xlsx", "files/docs/2026/04/08/IntGenbyFuel2026.zip",
        "files/docs/2026/04/08/Native_Load_2026.xlsx",
    ):  # fmt: skip
        assert OPERATOR.answer("ercot-mis", path, {}, LATER) is None, path


def test_workbooks_have_the_real_columns(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot"
    for kind, content, sheet in (
        ("native_load", native_load(MARKET, date(2024, 1, 31)), "Sheet1"),
        ("fuel_mix_intgenbyfuel", generation_by_fuel(MARKET, date(2022, 1, 31)), "Jan"),
    ):
        (path,) = (folder / kind).iterdir()
        real, simulated = document_of(path.name, path.read_bytes()), document_of(path.name, content)
        assert real is not None
        assert simulated is not None
        rows, ours = real.sheets[sheet], simulated.sheets[sheet]
        assert list(ours[0]) == list(rows[0])
        assert [type(cell) for cell in ours[1]] == [type(cell) for cell in rows[1]]
        assert ours[1][0] == rows[1][0]
