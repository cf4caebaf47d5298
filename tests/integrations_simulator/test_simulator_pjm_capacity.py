"""PJM's capacity auctions as simulated, seen through the connector."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from integrations.isos.documents import document_of
from integrations.isos.pjm.feeds import FEEDS
from integrations.isos.pjm.sheets import DeliveryYear
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.pjm_capacity import AREAS, ZONES, auction, parameters, results
from integrations.isos.simulator.pjm_operator import PjmOperator
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import play, read

MARKET = GridMarket("PJM", 7, 60)
OPERATOR = PjmOperator(MARKET)
FEED = {feed.name: feed for feed in FEEDS}
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


def brought(name: str, first_year: int) -> ParsedPublication:
    year = DeliveryYear(first_year)
    played = play(OPERATOR, FEED[name], year.start_utc, year.end_utc, NOW)
    (publication,) = read(played)
    assert (publication.feed, publication.gaps.num_rows) == (name, 0)
    return publication


@pytest.mark.parametrize("first_year", [2022, 2025, 2026])
def test_results_are_those_of_the_auction_under_both_names(first_year: int) -> None:
    found = auction(MARKET, first_year)
    rows = brought("rpm_bra_results", first_year).rows.to_pylist()
    cleared = {row["area"]: row for row in rows if row["product"] == "resource clearing price"}
    assert cleared.keys() == set(AREAS)
    assert {row["price_usd_per_mw_day"] for row in rows} == {found.price_usd_per_mw_day}
    for area, row in cleared.items():
        assert row["cleared_mw"] == pytest.approx(found.offered_mw[area], abs=0.06)
        assert row["auction"] == f"{first_year}/{first_year + 1} BRA"
    assert cleared["RTO"]["cleared_mw"] == pytest.approx(sum(cleared[zone]["cleared_mw"] for zone in ZONES), abs=0.11)
    zonal = {row["area"] for row in rows if row["product"] == "preliminary zonal capacity price"}
    assert zonal == set(ZONES)


def test_the_price_lies_on_the_curve_that_was_published_before() -> None:
    for first_year in (2024, 2025, 2026):
        planned = {
            (row["series"], row["category"]): row["value"]
            for row in brought("rpm_planning_parameters", first_year).rows.to_pylist()
            if row["area"] == "RTO"
        }
        levels, prices = ([planned[f"vrr_{side}", point] for point in "abc"] for side in ("level", "price"))
        result = auction(MARKET, first_year)
        assert result.price_usd_per_mw_day == pytest.approx(
            np.interp(result.offered_mw["RTO"], levels, prices), abs=0.01
        )
        assert planned["net_cone_ucap_price", ""] == result.net_cone_usd_per_mw_day
        # The peak is the highest hour that was forecast in the year before the auction.
        year = market_days("PJM", date(first_year - 2, 6, 1), date(first_year - 1, 5, 31), minutes=60)
        assert planned["preliminary_forecast_peak_load", ""] == pytest.approx(
            MARKET.states("day_ahead", year).load_mw.max(), abs=0.2
        )


def test_an_auction_is_planned_before_it_is_held_and_held_before_its_year() -> None:
    folder = "-/media/DotCom/markets-ops/rpm/rpm-auction-info/2027-2028/2027-2028"
    for name, out in (
        ("planning-period-parameters-for-base-residual-auction", datetime(2026, 2, 3, 21, tzinfo=UTC)),
        ("bra-results", datetime(2026, 7, 22, 20, tzinfo=UTC)),
    ):
        path = f"{folder}-{name}.xlsx"
        assert OPERATOR.answer("pjm_web", path, {}, out - timedelta(seconds=1)) is None
        answer = OPERATOR.answer("pjm_web", path, {}, out)
        assert answer is not None
        assert answer.published_at_utc == out
    for path in (
        "", f"{folder}-base-residual-auction-results.xlsx", f"{folder}-bra-results.xls",
        folder.replace("2028", "2029") + "-bra-results.xlsx",
    ):  # fmt: skip
        assert OPERATOR.answer("pjm_web", path, {}, datetime(2030, 1, 1, tzinfo=UTC)) is None


def test_workbooks_have_the_real_words(shared_data: Path) -> None:
    """Titles and headers, but for what the auctions here have not: their words are in PJM's own workbooks."""

    def words(name: str, content: bytes, sheet: str) -> list[str]:
        document = document_of(name, content)
        assert document is not None
        cells = (cell for row in document.sheets[sheet] for cell in row if isinstance(cell, str))
        return [" ".join(cell.split()) for cell in cells if cell.strip()]

    year = DeliveryYear(2026)
    for folder, sheet, content in (
        ("rpm_bra_results", "Summary", results(MARKET, year)),
        ("rpm_planning_parameters", "Planning Parameters", parameters(MARKET, year)),
    ):
        (path,) = (shared_data / "iso/pjm" / folder).glob("2026-2027*")
        real = words(path.name, path.read_bytes(), sheet)
        for word in words(path.name, content, sheet):
            is_place = word in ZONES
            assert is_place or any(known.startswith(word.partition(";")[0][:40]) for known in real), word
