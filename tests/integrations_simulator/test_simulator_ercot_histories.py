"""ERCOT's histories as simulated: a year's workbook holds what was published day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from integrations.isos.documents import document_of
from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.feeds import FEEDS
from integrations.isos.feed_registry import ROWS_UNDER
from integrations.isos.simulator import ercot
from integrations.isos.simulator.ercot_histories import day_ahead_prices
from integrations.isos.simulator.ercot_operator import ErcotOperator
from integrations.isos.simulator.ercot_prices import adders, with_adder
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import PriceBlock
from integrations.isos.simulator.places import Place
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import assert_same_prices, assert_series, play, read, series, within

FEED = {feed.name: feed for feed in FEEDS}
MARKET = GridMarket("ERCOT", 7, 70)
OPERATOR = ErcotOperator(MARKET)
JANUARY = datetime(2026, 1, 12, 15, tzinfo=UTC)
FIRST, LAST = date(2026, 1, 1), date(2026, 1, 10)
HISTORIES = ("dam_lzhb_spp", "rtm_lzhb_spp", "dam_mcpc_history", "sced_price_adders_history", "rtm_price_adders")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CENTRAL).astimezone(UTC)


@cache
def _history(feed: str, now: datetime) -> ParsedPublication:
    """The one document that the feed brings of the year of five days ago."""
    (publication,) = read(play(OPERATOR, FEED[feed], now - timedelta(days=5), now - timedelta(days=4), now))
    return publication


def _priced(block: PriceBlock, *types: str) -> PriceBlock:
    return block.only(lambda place: place.node_type in types)


def _untyped(block: PriceBlock) -> PriceBlock:
    """As the day-ahead history names its places, without types."""
    return PriceBlock(
        tuple(Place(place.node, "", place.role) for place in block.places), block.intervals, block.units_per_usd,
        energy=block.energy, congestion=block.congestion, loss=block.loss, ghg=block.ghg,
    )  # fmt: skip


def test_prices_of_hubs_and_zones_are_those_of_every_day_to_the_last_saturday() -> None:
    ahead = _priced(MARKET.prices("DA", market_days("ERCOT", FIRST, LAST, minutes=60)), "HU", "SH", "AH", "LZ")
    assert_same_prices([_history("dam_lzhb_spp", JANUARY)], _untyped(ahead), components="", has_types=False)
    quarters = MARKET.prices("RT15", market_days("ERCOT", FIRST, LAST, minutes=15))
    expected = _priced(quarters, "HU", "SH", "AH", "LZ", "LZEW")
    assert_same_prices([_history("rtm_lzhb_spp", JANUARY)], expected, components="", has_types=True)


def test_a_history_repeats_what_the_daily_documents_said() -> None:
    start, end = _midnight(date(2026, 1, 9)), _midnight(date(2026, 1, 10))
    for history, daily in (
        ("dam_lzhb_spp", "dam_spp"), ("rtm_lzhb_spp", "rtm_spp"), ("dam_mcpc_history", "dam_mcpc"),
        ("sced_price_adders_history", "sced_price_adders"),
    ):  # fmt: skip
        labels, value = {
            "prices": (("node", "node_type"), "lmp_usd_per_mwh"), "ancillary": (("product",), "price_usd_per_mw"),
            "ordc": (("adder",), "price_usd_per_mwh"),
        }[FEED[daily].dataset]  # fmt: skip
        till = end if FEED[daily].market == "DA" else start + timedelta(hours=1)
        there = series(
            within(read(play(OPERATOR, FEED[daily], start, till, till + timedelta(minutes=5))), start, till),
            *labels, value=value,
        )  # fmt: skip
        found = series(within([_history(history, JANUARY)], start, till), *labels, value=value)
        assert found
        for key, values in found.items():
            assert values == there[key], (history, key)


def test_adders_by_run_are_those_of_the_demand_curve_before_the_change() -> None:
    now, day = datetime(2025, 1, 13, 15, tzinfo=UTC), date(2025, 1, 7)
    start, end = _midnight(day), _midnight(day + timedelta(days=1))
    runs = ercot.sced_runs(MARKET.seed, day)
    made = adders(MARKET.states("actual", runs))
    publication = _history("sced_price_adders_history", now)
    found = series(within([publication], start, end), "adder", value="price_usd_per_mwh")
    assert found.keys() == {("SYSTEM_LAMBDA",), ("RTORPA",), ("RTOFFPA",), ("RTORDPA",)}
    assert_series(found["RTORPA",], runs, made["RTORPA"])
    reserves = series(within([publication], start, end), "adder", value="reserve_mw")
    assert_series(reserves["RTORPA",], runs, made["RTOLCAP"])


def test_the_year_of_the_change_has_both_kinds_of_adders() -> None:
    """And both days of the clock change: it is the whole of 2025."""
    publication = _history("rtm_price_adders", datetime(2026, 1, 5, 3, tzinfo=UTC))
    whole = market_days("ERCOT", date(2025, 1, 1), date(2025, 12, 31), minutes=15)
    starts = publication.rows.column("interval_start_utc").cast("int64").unique().to_numpy()
    assert (np.sort(starts) == whole.start_s).all()

    day, since = date(2025, 9, 3), _midnight(date(2025, 12, 5))
    start, quarters = _midnight(day), market_days("ERCOT", day, day, minutes=15)
    before = series(within([publication], start, start + timedelta(days=1)), "adder", value="price_usd_per_mwh")
    after = series(within([publication], since, since + timedelta(days=1)), "adder", value="price_usd_per_mwh")
    assert before.keys() == {("RTRSVPOR",), ("RTRSVPOFF",), ("RTRDP",)}
    assert ("RTRDPA",) in after
    assert not before.keys() & after.keys()
    # What the adder is, it adds to the prices of the quarter.
    block = MARKET.prices("RT15", quarters)
    added = with_adder(MARKET, block).lmp - block.lmp
    assert added.max() > 0
    assert (added[:, 0] == added.T).all()
    assert_series(before["RTRSVPOR",], quarters, added[:, 0] / 100)


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (datetime(2026, 9, 30, 15, tzinfo=UTC), "DAMASMCPC_2026.csv"),
        (datetime(2026, 10, 5, 15, tzinfo=UTC), "DAMASMCPC_2026.xlsx"),
    ],
)
def test_ancillary_prices_come_as_a_workbook_since_october(now: datetime, name: str) -> None:
    played = play(OPERATOR, FEED["dam_mcpc_history"], now - timedelta(days=12), now, now)
    assert name.encode() in played[-1].answer.content  # type: ignore[union-attr]
    publication = _history("dam_mcpc_history", now)
    spring = _midnight(date(2026, 3, 8))
    found = series(within([publication], spring, spring + timedelta(hours=23)), "product", value="price_usd_per_mw")
    assert {len(values) for values in found.values()} == {23}


def test_the_last_document_of_a_year_stays_and_others_make_room() -> None:
    def names(now: datetime) -> list[str]:
        year = now - timedelta(days=400), now
        return [one.request.name for one in play(OPERATOR, FEED["dam_mcpc_history"], *year, now) if one.answer]

    sunday = datetime(2026, 1, 18, 8, 7, 32, 945_000, tzinfo=CENTRAL).astimezone(UTC)
    before, after = names(sunday - timedelta(seconds=1)), names(sunday)
    prefix = "rpt.00013091.0000000000000000"
    last_year = f"{prefix}.20260104.080732945.DAMASMCPC_2025.zip"
    assert before[1:] == [last_year, f"{prefix}.20260111.080732945.DAMASMCPC_2026.zip"]
    assert after[1:] == [last_year, f"{prefix}.20260118.080732945.DAMASMCPC_2026.zip"]
    assert before[0] == after[0] == f"{prefix}.20250105.080732945.DAMASMCPC_2024.zip"


def test_a_workbook_has_the_real_sheets_and_columns(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot/dam_hub_zone_history_np4-180-er"
    (path,) = folder.iterdir()
    real = document_of(path.name, path.read_bytes())
    ((name, content),) = day_ahead_prices(MARKET, int(_midnight(date(2025, 12, 8)).timestamp())).items()
    simulated = document_of(name, content)
    assert real is not None
    assert simulated is not None
    assert name == path.name
    assert list(simulated.sheets) == list(real.sheets)
    for sheet, rows in real.sheets.items():
        ours = simulated.sheets[sheet]
        assert list(ours[0]) == list(rows[0])
        assert [type(cell) for cell in ours[1]] == [type(cell) for cell in rows[1]]
        assert [list(row)[:4] for row in ours] == [list(row)[:4] for row in rows], "every hour to a Saturday"


@pytest.mark.parametrize("feed", HISTORIES)
def test_rows_bear_the_feed_they_are_kept_under(feed: str) -> None:
    publication = _history(feed, JANUARY)
    assert publication.feed == ROWS_UNDER.get(f"ercot/{feed}", feed)
    assert publication.published_at is None
    assert publication.gaps.num_rows == 0
