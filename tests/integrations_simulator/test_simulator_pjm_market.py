"""PJM's reports of markets and forecasts as simulated, seen through the connector: the numbers of the same market."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from integrations.isos.pjm.feeds import FEEDS
from integrations.isos.simulator.fundamentals import reserve_prices
from integrations.isos.simulator.grid_market import GridMarket, Run
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.pjm_operator import REPORTS, PjmOperator
from integrations.isos.simulator.system import View
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import assert_series, column, play, read, series, within

MARKET = GridMarket("PJM", 7, 60)
OPERATOR = PjmOperator(MARKET)
FEED = {feed.name: feed for feed in FEEDS}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PLAIN, SPRING, AUTUMN = (
    datetime(2026, 6, 15, 4, tzinfo=UTC), datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC),
)  # fmt: skip
WHOLE_DAYS = [(PLAIN, 24), (SPRING, 23), (AUTUMN, 25)]


def brought(name: str, start: datetime, end: datetime, now: datetime | None = None) -> list[ParsedPublication]:
    publications = read(play(OPERATOR, FEED[name], start, end, now or end + 40 * DAY))
    assert {found.feed for found in publications} == {name}
    return within(publications, start, end)  # some are asked for by the month


def hours_of(midnight: datetime, minutes: int = 60) -> Intervals:
    day = (midnight + 12 * HOUR).date()
    return market_days("PJM", day, day, minutes=minutes)


@pytest.mark.parametrize(("midnight", "hours"), WHOLE_DAYS)
def test_forecasts_are_of_the_states_before(midnight: datetime, hours: int) -> None:
    end, of_day = midnight + hours * HOUR, hours_of(midnight)
    ahead = MARKET.states("day_ahead", of_day)
    for name, key, made in (
        ("load_frcstd_hist", ("load_forecast", "RTO", ""), ahead.load_mw),
        ("hourly_wind_power_forecast", ("wind_forecast", "", ""), ahead.wind_mw),
        ("hourly_solar_power_forecast", ("solar_forecast", "", ""), ahead.solar_mw),
    ):
        publications = brought(name, midnight, end, end + DAY)
        assert_series(series(publications, "series", "area", "category", value="value")[key], of_day, made, digits=3)
        issued, starts = column(publications, "issued_at"), column(publications, "interval_start_utc")
        assert all(made_at.timestamp() < start for made_at, start in zip(issued, starts, strict=True))
    slots = hours_of(midnight, 5)
    found = series(brought("very_short_load_frcst", midnight, end, end + DAY), "area", value="value")
    assert_series(found["RTO_COMBINED",], slots, MARKET.states("hour_ahead", slots).load_mw, digits=3)


def test_a_short_forecast_is_out_before_its_interval_begins() -> None:
    now = PLAIN + 5 * HOUR + timedelta(minutes=2)
    publications = read(play(OPERATOR, FEED["very_short_load_frcst"], PLAIN, PLAIN + DAY, now))
    assert column(publications, "interval_start_utc").max() == (PLAIN + 5 * HOUR + timedelta(minutes=5)).timestamp()


@pytest.mark.parametrize(
    ("name", "view", "minutes", "market"),
    [("da_reserve_market_results", "day_ahead", 60, "DA"), ("reserve_market_results", "actual", 5, "RT5")],
)
def test_results_of_reserves_are_the_prices_of_the_state(name: str, view: View, minutes: int, market: str) -> None:
    publications = brought(name, PLAIN, PLAIN + DAY)
    assert {found.market for found in publications} == {market}
    intervals = hours_of(PLAIN, minutes)
    state = MARKET.states(view, intervals)
    prices = reserve_prices(state)
    found = series(publications, "product", "area", value="price_usd_per_mw")
    made = {"REG": prices["regulation_up"], "SR": prices["spinning"], "NSR": prices["non_spinning"]}
    for product, values in made.items():
        assert_series(found[product, "PJM_RTO"], intervals, values)
    required = series(publications, "product", value="requirement_mw")
    assert_series(required["SR",], intervals, 0.02 * state.load_mw)
    if market == "RT5":
        parts = np.sum([list(found[part, "PJM_RTO"].values()) for part in ("REG_CCP", "REG_PCP")], axis=0)
        np.testing.assert_allclose(parts, list(found["REG", "PJM_RTO"].values()), atol=0.011)


def test_hourly_prices_of_reserves_are_the_means_of_five_minutes() -> None:
    hourly = series(brought("ancillary_services", PLAIN, PLAIN + DAY), "product", value="price_usd_per_mw")
    fine = series(brought("reserve_market_results", PLAIN, PLAIN + DAY), "product", value="price_usd_per_mw")
    for product in ("REG", "SR", "NSR"):
        first_day = list(hourly[product,].values())
        means = np.array(list(fine[product,].values())).reshape(24, 12).mean(axis=1)
        np.testing.assert_allclose(first_day, means, atol=0.006)


def test_regulation_that_was_bought_is_what_was_wanted() -> None:
    publications = brought("reg_market_results", PLAIN, PLAIN + DAY)
    found = series(publications, "series", "category", value="value")
    wanted, total = found["regulation_requirement", ""], found["regulation_total", ""]
    assert wanted == total
    assert set(wanted.values()) == {525.0, 800.0}
    parts = [found[name, signal] for name in ("regulation_self_scheduled", "regulation_procured")
             for signal in ("regd", "rega")]  # fmt: skip
    for start, megawatts in wanted.items():
        assert sum(part[start] for part in parts) == pytest.approx(megawatts, abs=0.3)


@pytest.mark.parametrize(("midnight", "hours"), WHOLE_DAYS)
@pytest.mark.parametrize(
    ("name", "view", "run", "minutes"),
    [("da_marginal_value", "day_ahead", "DA", 60), ("rt_marginal_value", "actual", "RT5", 5)],
)
def test_shadow_prices_make_the_congestion_in_the_prices(
    midnight: datetime, hours: int, name: str, view: View, run: Run, minutes: int
) -> None:
    """At a wind farm behind one line alone, the price of that line is nearly all there is."""
    network = MARKET.system.network
    intervals = hours_of(midnight, minutes)
    publications = brought(name, midnight, midnight + hours * HOUR)
    found = series(publications, "constraint_name", value="shadow_price_usd_per_mwh")
    names = [f"SIM{first:02d}-SIM{last:02d} 345 KV" for first, last in network.lines.tolist()]
    made = MARKET.shadow_prices(MARKET.states(view, intervals))
    signed = np.zeros_like(made)
    for line, facility in enumerate(names):
        values = found.get((facility,), {})
        assert all(value < 0 for value in values.values())
        there = [values.get(start, 0.0) for start in intervals.start_s.tolist()]
        np.testing.assert_allclose(there, -np.abs(made[:, line]), atol=0.0051)
        signed[:, line] = -np.sign(made[:, line]) * there
    farm = next(number for number, place in enumerate(MARKET.places) if place.role == "wind")
    congestion = MARKET.prices(run, intervals).congestion[:, farm] / 1_000_000
    expected = -(signed @ network.shift)[:, MARKET.buses[farm]]
    np.testing.assert_allclose(congestion, expected, atol=0.05)
    assert np.abs(congestion).max() > 1


def test_constraints_bind_as_long_as_their_shadow_prices_say() -> None:
    binding = brought("da_transconstraints", PLAIN, PLAIN + DAY)
    hours: dict[str, set[int]] = {}
    for row in (row for publication in binding for row in publication.rows.to_pylist()):
        start, end = (int(row[f"interval_{side}_utc"].timestamp()) for side in ("start", "end"))
        of_line = hours.setdefault(row["constraint_name"], set())
        assert start - 3600 not in of_line, "two runs would be one"
        of_line |= set(range(start, end, 3600))
    prices = series(
        brought("da_marginal_value", PLAIN, PLAIN + DAY), "constraint_name", value="shadow_price_usd_per_mwh"
    )
    assert hours == {name: set(values) for (name,), values in prices.items()}


def test_the_operations_summary_compares_load_and_forecast() -> None:
    publications = brought("ops_sum_prev_period", PLAIN, PLAIN + DAY)
    assert publications[0].published_at == PLAIN + DAY + 8 * HOUR + timedelta(seconds=40)
    found, intervals = series(publications, "series", "area", value="value"), hours_of(PLAIN)
    actual, ahead = (MARKET.states(view, intervals) for view in ("actual", "day_ahead"))
    assert_series(found["load", "RTO"], intervals, actual.load_mw)
    assert_series(found["load_forecast", "RTO"], intervals, ahead.load_mw)
    metered = series(brought("hrl_load_metered", PLAIN, PLAIN + DAY), "area", value="value")
    for (area,), values in metered.items():
        np.testing.assert_allclose(list(found["load", area].values()), list(values.values()), atol=0.006)


REAL = {
    "reserve_market_results": "reserve_market_results/*.csv.gz",
    "reg_market_results": "reg_market_results/*.csv.gz",
    "da_marginal_value": "da_marginal_value/*_0.json",
    "rt_marginal_value": "rt_marginal_value/*_0.json",
    "da_transconstraints": "da_transconstraints/*_0.json",
    "ops_sum_prev_period": "ops_sum_prev_period/*.csv",
    "hourly_wind_power_forecast": "renewable_forecast/pjm_wind*.json.gz",
    "hourly_solar_power_forecast": "renewable_forecast/pjm_solar*.json.gz",
}
NOT_MADE = {"tier1_mw", "ircmwt2", "dsr_as_mw", "nsr_mw", "regd_mw", "modified_datetime_utc"}
"""Columns that the connector does not read and the market says nothing of."""


@pytest.mark.parametrize("name", REAL)
def test_reports_have_the_real_columns(name: str, shared_data: Path) -> None:
    path = sorted((shared_data / "iso/pjm").glob(REAL[name]))[0]
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if content.lstrip().startswith(b"{"):
        real = set(json.loads(content)["items"][0])
    else:
        real = set(next(csv.reader(io.StringIO(content.decode("utf-8-sig")))))
    simulated = set(REPORTS[name].table(MARKET, hours_of(PLAIN).start_s))
    assert real - simulated <= NOT_MADE
    assert {column for column in simulated - real if not column.endswith("_ept")} == set()
