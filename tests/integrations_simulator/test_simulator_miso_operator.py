"""MISO as a simulated operator: what its feeds ask for is there when it is out, and is what the market made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from integrations.isos.feeds import Feed
from integrations.isos.miso.feeds import FEEDS
from integrations.isos.simulator.grid_market import GridMarket, Run
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.miso_operator import MisoOperator
from integrations.isos.simulator.operator import Answer
from tests.integrations_simulator.playing import assert_same_prices, column, play, read

MARKET = GridMarket("MISO", 7, 60)
OPERATOR = MisoOperator(MARKET)
BY_NAME = {feed.name: feed for feed in FEEDS}
# A Monday in EST, whose week holds the day of the clock change: MISO's days have 24 hours all the same.
MIDNIGHT = datetime(2026, 3, 2, 5, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
COMPONENTS = "energy congestion loss"


def asked(path: str, now: datetime, source: str = "miso-reports") -> Answer | None:
    return OPERATOR.answer(source, path, {}, now)


@pytest.mark.parametrize(
    ("name", "run", "is_draft", "days_after", "vintage"),
    [
        ("da_expost_lmp", "DA", False, 0, "final"),
        ("da_exante_lmp", "DA", False, 0, "final"),
        ("rt_lmp_prelim", "RTH", True, 2, "preliminary"),
        ("rt_lmp_final", "RTH", False, 6, "final"),
    ],
)
def test_hourly_reports_hold_the_markets_prices(
    name: str, run: Run, is_draft: bool, days_after: int, vintage: str
) -> None:
    played = play(OPERATOR, BY_NAME[name], MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT + days_after * DAY)
    publications = read(played)
    assert [(each.vintage, each.gaps.num_rows) for each in publications] == [(vintage, 0)]
    day = MIDNIGHT.date()
    block = MARKET.prices(run, market_days("MISO", day, day, minutes=60), is_draft=is_draft)
    assert_same_prices(publications, block, components=COMPONENTS, has_types=True)


def test_preliminary_prices_are_off_in_some_hours_of_a_week() -> None:
    week = market_days("MISO", MIDNIGHT.date(), (MIDNIGHT + 6 * DAY).date(), minutes=60)
    final, draft = MARKET.prices("RTH", week), MARKET.prices("RTH", week, is_draft=True)
    differs = (final.lmp != draft.lmp).any(axis=1)
    assert 0 < differs.sum() < 40


def test_the_weekly_report_holds_every_five_minutes() -> None:
    out = MIDNIGHT + 14 * DAY + timedelta(hours=9)
    feed = BY_NAME["5min_lmp"]
    assert [each.answer for each in play(OPERATOR, feed, MIDNIGHT, MIDNIGHT + DAY, out - MINUTE)] == [None]
    (publication,) = read(play(OPERATOR, feed, MIDNIGHT, MIDNIGHT + DAY, out))
    assert publication.vintage == "final"
    days = market_days("MISO", MIDNIGHT.date(), (MIDNIGHT + 6 * DAY).date(), minutes=5)
    assert_same_prices([publication], MARKET.prices("RT5", days), components=COMPONENTS, has_types=False)


def test_the_consolidated_table_is_the_newest_interval_forty_seconds_after_its_end() -> None:
    end_s = int(MIDNIGHT.timestamp())
    feed = BY_NAME["rt_five_min_lmp"]
    for after_s, interval_end_s in ((39, end_s - 300), (40, end_s), (339, end_s)):
        now = MIDNIGHT + timedelta(seconds=after_s)
        publications = read(play(OPERATOR, feed, now - MINUTE, now, now))
        ends = np.array([interval_end_s])
        block = MARKET.prices("RT5", Intervals(5, ends - 300, ends), is_draft=True)
        assert_same_prices(publications, block, components=COMPONENTS, has_types=False)


@pytest.mark.parametrize("name", ["fuel_mix", "total_load", "wind_forecast", "solar_forecast"])
def test_answers_about_the_system_are_read(name: str) -> None:
    now = MIDNIGHT + timedelta(hours=15, minutes=2)
    (publication,) = read(play(OPERATOR, BY_NAME[name], now - MINUTE, now, now))
    values = column([publication], "value").astype(float)
    hours = Intervals(60, *(np.arange(24, dtype=np.int64) * 3600 + int(MIDNIGHT.timestamp()) + at for at in (0, 3600)))
    if name == "total_load":
        five = Intervals(5, hours.start_s[:1] + np.arange(180) * 300, hours.start_s[:1] + np.arange(1, 181) * 300)
        np.testing.assert_allclose(values, MARKET.states("actual", five).load_mw, atol=0.51)
    elif name == "fuel_mix":
        assert values.sum() == pytest.approx(MARKET.states("actual", _last_five(now)).load_mw[0], abs=len(values))
    else:
        state = MARKET.states("day_ahead", hours)
        expected = state.wind_mw if name == "wind_forecast" else state.solar_mw
        np.testing.assert_allclose(values[:24], expected, atol=0.006)


def _last_five(now: datetime) -> Intervals:
    end = np.array([(int(now.timestamp()) - 90) // 300 * 300])
    return Intervals(5, end - 300, end)


@pytest.mark.parametrize(
    "feed", [feed for feed in FEEDS if feed.dataset == "ancillary"], ids=lambda feed: str(feed.name)
)
def test_ancillary_reports_come_out_with_their_prices(feed: Feed) -> None:
    now = MIDNIGHT + (2 if feed.name.endswith("prelim") else 6) * DAY
    (publication,) = read(play(OPERATOR, feed, MIDNIGHT, MIDNIGHT + DAY, now))
    assert publication.dataset == "ancillary"
    assert set(column([publication], "product")) >= {"GENREG", "GENSPIN", "GENSUPP"}
    assert len(publication.rows) == 9 * 6 * 24


@pytest.mark.parametrize(
    ("name", "out", "gone"),
    [
        ("da_expost_lmp.csv", -DAY + timedelta(hours=13, minutes=5), None),
        ("rt_lmp_prelim.csv", DAY + timedelta(hours=7, minutes=15), 6 * DAY),
        ("rt_lmp_final.csv", 5 * DAY + timedelta(hours=9, minutes=30), None),
        ("asm_rtmcp_prelim.csv", DAY + timedelta(hours=7, minutes=15), 6 * DAY),
    ],
)
def test_a_report_is_there_from_its_publication_and_as_long_as_it_is_kept(
    name: str, out: timedelta, gone: timedelta | None
) -> None:
    path = f"20260302_{name}"
    assert asked(path, MIDNIGHT + out - timedelta(seconds=1)) is None
    there = asked(path, MIDNIGHT + out)
    assert there is not None
    assert there.published_at_utc == MIDNIGHT + out
    if gone:
        assert asked(path, MIDNIGHT + gone) is None
    else:
        assert asked(path, datetime(2029, 12, 31, tzinfo=UTC)) == there
        assert asked(path, datetime(2030, 1, 2, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "path", ["", "20260302_df_al.xlsx", "20261302_rt_lmp_final.csv", "20260302_rt_lmp.csv", "20260303_5MIN_LMP.zip"]
)
def test_what_there_is_not_is_not_there(path: str) -> None:
    assert asked(path, MIDNIGHT + 400 * DAY) is None
    assert asked("GetLmpTable", MIDNIGHT, "miso-public-api") is None
