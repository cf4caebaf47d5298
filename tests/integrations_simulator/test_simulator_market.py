"""The simulated prices themselves, before any file format."""

from datetime import date

import numpy as np
import pytest

from integrations.isos.simulator.intervals import MARKET_ZONES, market_days
from integrations.isos.simulator.market import Market, SimulatedMarket
from integrations.isos.simulator.places import PLACES

SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 6, 15)
REAL_TIME: dict[str, tuple[Market, int]] = {
    "MISO": ("RTH", 60),
    "CAISO": ("RT15", 15),
    "PJM": ("RTH", 60),
    "ERCOT": ("RT15", 15),
}
ISOS = sorted(REAL_TIME)


@pytest.mark.parametrize(
    ("iso", "day", "hours"),
    [
        ("MISO", SPRING, 24),
        ("MISO", AUTUMN, 24),
        *((iso, day, hours) for iso in ("CAISO", "PJM", "ERCOT") for day, hours in ((SPRING, 23), (AUTUMN, 25))),
    ],
)
def test_a_market_day_has_the_hours_its_operator_counts(iso: str, day: date, hours: int) -> None:
    intervals = market_days(iso, day, day, minutes=60)
    assert len(intervals) == hours
    assert (intervals.end_s[:-1] == intervals.start_s[1:]).all()
    assert len(market_days(iso, day, day, minutes=5)) == hours * 12


def test_days_follow_each_other_without_gap() -> None:
    one, other = (market_days("PJM", day, day, minutes=60) for day in (AUTUMN, date(2026, 11, 2)))
    assert one.end_s[-1] == other.start_s[0]


@pytest.mark.parametrize("iso", ISOS)
def test_components_add_up_and_some_prices_are_negative(iso: str) -> None:
    kind, minutes = REAL_TIME[iso]
    block = SimulatedMarket(iso, 7).prices(kind, market_days(iso, PLAIN, PLAIN, minutes=minutes))
    assert block.lmp.shape == (24 * 60 // minutes, len(PLACES[iso]))
    assert (block.lmp == block.energy + block.congestion + block.loss + block.ghg).all()
    assert (block.energy == block.energy[:, :1]).all(), "energy is one price for the whole system"
    assert (block.lmp < 0).any()
    hubs = block.only(lambda place: place.role == "hub")
    assert (hubs.lmp > 0).all()
    assert 40 <= len(block.places) <= 65
    assert len({(place.node, place.node_type) for place in block.places}) == len(block.places)


def test_only_places_outside_the_day_ahead_market_pay_for_greenhouse_gas() -> None:
    block = SimulatedMarket("CAISO", 7).prices("RT15", market_days("CAISO", PLAIN, PLAIN, minutes=15))
    charged = {place.node for place, ghg in zip(block.places, block.ghg.T, strict=True) if ghg.any()}
    assert charged == {place.node for place in block.places if place.role == "outside"}


@pytest.mark.parametrize("iso", ISOS)
def test_a_price_does_not_depend_on_the_window_it_is_asked_in(iso: str) -> None:
    market = SimulatedMarket(iso, 254)
    days = [date(2026, 6, 14), PLAIN, date(2026, 6, 16)]
    long = market.prices("DA", market_days(iso, days[0], days[-1], minutes=60))
    short = market.prices("DA", market_days(iso, PLAIN, PLAIN, minutes=60))
    assert (long.lmp[24:48] == short.lmp).all()
    kind, minutes = REAL_TIME[iso]
    per_day = 24 * 60 // minutes
    long = market.prices(kind, market_days(iso, days[0], days[-1], minutes=minutes))
    short = market.prices(kind, market_days(iso, PLAIN, PLAIN, minutes=minutes))
    assert (long.lmp[per_day : 2 * per_day] == short.lmp).all()


def test_another_seed_is_another_market() -> None:
    intervals = market_days("PJM", PLAIN, PLAIN, minutes=60)
    one, other = (SimulatedMarket("PJM", seed).prices("DA", intervals).lmp for seed in (1, 2))
    assert (one != other).mean() > 0.99


def test_fifteen_minutes_are_the_mean_of_their_three_runs() -> None:
    market = SimulatedMarket("ERCOT", 3)
    quarters = market.prices("RT15", market_days("ERCOT", AUTUMN, AUTUMN, minutes=15)).lmp
    runs = market.prices("RT5", market_days("ERCOT", AUTUMN, AUTUMN, minutes=5)).lmp
    means = runs.reshape(100, 3, -1).mean(axis=1)
    # Energy and congestion are each rounded to a cent before they are added, in all four numbers.
    assert np.abs(means - quarters).max() <= 2.0


def test_a_year_shows_its_seasons_its_evenings_and_its_weekends() -> None:
    intervals = market_days("PJM", date(2025, 1, 1), date(2025, 12, 31), minutes=60)
    price = SimulatedMarket("PJM", 5).prices("DA", intervals).lmp.mean(axis=1) / 1_000_000
    from_midnight = np.arange(len(price))
    month = np.array([start.month for start in intervals.starts_in(MARKET_ZONES["PJM"])])
    assert price[month == 1].mean() > price[month == 4].mean() * 1.1
    assert price[from_midnight % 24 == 18].mean() > price[from_midnight % 24 == 3].mean() * 1.3
    weekday = np.array([start.weekday() for start in intervals.starts_in(MARKET_ZONES["PJM"])])
    assert price[weekday < 5].mean() > price[weekday >= 5].mean() * 1.03
    assert 25 < price.mean() < 55
    assert price.max() > 2 * price.mean(), "there are spikes"
