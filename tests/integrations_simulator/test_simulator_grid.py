"""The market of any size: its network, its system, and prices that follow from both."""

from datetime import date

import numpy as np
import pytest

from integrations.isos.simulator.grid_market import GridMarket, Run, ratings
from integrations.isos.simulator.grid_places import FULL_SIZES, grid_places, sizes_of
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.network import CORE_BUSES, Network
from integrations.isos.simulator.places import PLACES
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import System

SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 22)
ISOS = sorted(FULL_SIZES)
SIZE = 120


def _market(iso: str, size: int = SIZE) -> GridMarket:
    return GridMarket(iso, 7, size)


def test_the_full_sizes_are_the_four_operators_at_once() -> None:
    assert sum(FULL_SIZES.values()) == 18_500
    for iso, size in FULL_SIZES.items():
        places = grid_places(iso, size)
        assert len({(place.node, place.node_type) for place in places}) == len(places) == size
        assert set(PLACES[iso]) <= set(places)


def test_any_total_is_divided_in_proportion() -> None:
    assert sizes_of(18_500) == FULL_SIZES
    assert sum(sizes_of(2_001).values()) == 2_001
    with pytest.raises(ValueError, match="500 nodes would leave ERCOT"):
        sizes_of(500)
    with pytest.raises(ValueError, match="MISO has at least"):
        grid_places("MISO", 10)


@pytest.fixture(params=ISOS)
def network(request: pytest.FixtureRequest) -> Network:
    return System(request.param, 7).network


def test_shift_factors_are_those_of_a_dc_power_flow(network: Network) -> None:
    """Flows by shift factors equal flows by angles, from the susceptance matrix put together line by line."""
    buses = len(network.position)
    injection = np.random.default_rng(3).standard_normal(buses)
    injection -= injection.mean()
    nodal = np.zeros((buses, buses))
    for (a, b), y in zip(network.lines, network.susceptance, strict=True):
        nodal[a, a] += y
        nodal[b, b] += y
        nodal[a, b] -= y
        nodal[b, a] -= y
    angle = np.linalg.lstsq(nodal, injection, rcond=None)[0]
    expected = network.susceptance * (angle[network.lines[:, 0]] - angle[network.lines[:, 1]])
    np.testing.assert_allclose(network.flows(injection[np.newaxis])[0], expected, atol=1e-9)


def test_all_that_a_pocket_feeds_in_flows_over_its_line(network: Network) -> None:
    for line in np.flatnonzero(network.lines[:, 1] >= CORE_BUSES):
        core, pocket = network.lines[line]
        # The line goes from the core to the pocket, so what is fed in flows against it.
        assert network.shift[line, core] - network.shift[line, pocket] == pytest.approx(1.0)
    slack = network.response_mw_per_usd / network.response_mw_per_usd.sum()
    np.testing.assert_allclose(network.shift @ slack, 0.0, atol=1e-12)


@pytest.mark.parametrize("iso", ISOS)
def test_redispatch_is_optimal_and_keeps_every_limit(iso: str) -> None:
    """The conditions of Karush, Kuhn and Tucker of the least-cost redispatch, over a summer week."""
    market = _market(iso)
    network = market.system.network
    state = market.states("day_ahead", market_days(iso, PLAIN, date(2026, 7, 28), minutes=60))
    shadow = market.shadow_prices(state)
    redispatch = -(shadow @ network.shift) * network.response_mw_per_usd
    np.testing.assert_allclose(redispatch.sum(axis=1), 0.0, atol=1e-6)
    flow = network.flows(state.injection_mw + redispatch)
    slack_mw = ratings(iso, 7).limit_mw - np.abs(flow)
    assert slack_mw.min() > -0.5, "no line is over its limit, to within half a megawatt"
    binding = np.abs(shadow) > 0.01
    assert binding.any()
    assert slack_mw[binding].max() < 0.5, "a line with a price is full"
    assert (np.sign(shadow) == np.sign(flow))[binding].all()


@pytest.mark.parametrize("iso", ISOS)
def test_what_is_made_is_what_is_used(iso: str) -> None:
    state = System(iso, 7).state("actual", 5_900_000, 500)
    np.testing.assert_allclose(sum(state.generation_mw.values()), state.load_mw)
    np.testing.assert_allclose(state.injection_mw.sum(axis=1), 0.0, atol=1e-6)
    assert (state.generation_mw["wind"] <= state.wind_mw + 1e-9).all()
    assert (state.generation_mw["solar"] <= state.solar_mw + 1e-9).all()


@pytest.mark.parametrize("iso", ISOS)
def test_energy_rises_with_the_load_that_wind_and_sun_leave(iso: str) -> None:
    state = System(iso, 7).state("day_ahead", 482_136, 8760)
    left = state.load_mw - state.wind_mw - state.solar_mw
    assert np.corrcoef(np.argsort(np.argsort(left)), np.argsort(np.argsort(state.energy_usd_per_mwh)))[0, 1] > 0.6
    assert 15 < state.energy_usd_per_mwh.mean() < 70


@pytest.mark.parametrize("iso", ISOS)
@pytest.mark.parametrize("run", ["DA", "RT5"])
def test_a_price_is_the_sum_of_its_components(iso: str, run: Run) -> None:
    block = _market(iso).prices(run, market_days(iso, PLAIN, PLAIN, minutes=60 if run == "DA" else 5))
    assert (block.lmp == block.energy + block.congestion + block.loss + block.ghg).all()
    assert (block.energy == block.energy[:, :1]).all(), "energy is one price for the whole system"
    assert block.congestion.any()
    assert block.loss.any() == (iso != "ERCOT")
    charged = {place.role for place, ghg in zip(block.places, block.ghg.T, strict=True) if ghg.any()}
    assert charged == ({"outside"} if iso == "CAISO" else set())


def test_congestion_at_a_bus_is_shadow_prices_times_shift_factors() -> None:
    market = _market("PJM")
    hours = market_days("PJM", PLAIN, PLAIN, minutes=60)
    at_buses = -market.shadow_prices(market.states("day_ahead", hours)) @ market.system.network.shift
    block = market.prices("DA", hours)
    # A place of the wind hangs at one bus alone.
    pockets = [column for column, place in enumerate(block.places) if place.role == "wind"]
    expected = at_buses[:, market.buses[pockets]]
    np.testing.assert_allclose(block.congestion[:, pockets] / block.units_per_usd, expected, atol=1e-6)


def test_losses_are_priced_at_what_one_more_megawatt_loses() -> None:
    """By difference: what is lost over all lines with a megawatt more at the bus of a pocket."""
    market = _market("MISO")
    network, hours = market.system.network, market_days("MISO", PLAIN, PLAIN, minutes=60)
    state = market.states("day_ahead", hours)
    block = market.prices("DA", hours)

    def lost_mw(injection: Floats) -> Floats:
        return np.asarray((network.flows(injection) ** 2 * ratings("MISO", 7).loss_factor).sum(axis=1))

    assert lost_mw(state.injection_mw).mean() / state.load_mw.mean() == pytest.approx(0.02, rel=0.5)
    wind = [column for column, place in enumerate(block.places) if place.role == "wind"]
    assert len(set(market.buses[wind].tolist())) > 1
    for column in wind:  # each hangs at one bus alone
        more = np.zeros(len(network.position))
        more[market.buses[column]] = 0.5
        marginal = lost_mw(state.injection_mw + more) - lost_mw(state.injection_mw - more)
        share = block.loss[:, column] / block.energy[:, 0]
        # A place has a loss of its own besides, the same at all times.
        np.testing.assert_allclose(share - share.mean(), -(marginal - marginal.mean()), atol=5e-4)
        assert np.ptp(marginal) > 0.005


@pytest.mark.parametrize("iso", ISOS)
def test_a_price_does_not_depend_on_the_window_it_is_asked_in(iso: str) -> None:
    market = _market(iso)
    day = market_days(iso, AUTUMN, AUTUMN, minutes=5)
    whole = market.prices("RT5", day).lmp
    for at in (0, 17, 100, len(day) - 1):
        alone = market.prices("RT5", Intervals(5, day.start_s[at : at + 1], day.end_s[at : at + 1])).lmp
        assert (alone[0] == whole[at]).all()
    longer = market.prices("DA", market_days(iso, SPRING, date(2026, 3, 9), minutes=60)).lmp
    assert (
        longer[-24:] == market.prices("DA", market_days(iso, date(2026, 3, 9), date(2026, 3, 9), minutes=60)).lmp
    ).all()


@pytest.mark.parametrize(("run", "minutes"), [("RT15", 15), ("RTH", 60)])
def test_longer_intervals_are_means_of_five_minutes(run: Run, minutes: int) -> None:
    market = _market("ERCOT")
    longer = market.prices(run, market_days("ERCOT", AUTUMN, AUTUMN, minutes=minutes)).lmp
    runs = market.prices("RT5", market_days("ERCOT", AUTUMN, AUTUMN, minutes=5)).lmp
    means = runs.reshape(len(longer), minutes // 5, -1).mean(axis=1)
    # Energy and congestion are each rounded to a cent before they are added, in all of the numbers.
    assert np.abs(means - longer).max() <= 2.0


def test_neighbours_move_together() -> None:
    market = _market("MISO", 400)
    block = market.prices("RT5", market_days("MISO", PLAIN, PLAIN, minutes=5))
    core = np.array([place.role == "unit" for place in block.places])
    congestion, bus = block.congestion[:, core].astype(float), market.buses[core]
    together = np.corrcoef(congestion.T)
    same = (bus[:, np.newaxis] == bus) & ~np.eye(len(bus), dtype=bool)
    assert np.median(together[same]) > np.median(together[~same]) + 0.3


def test_a_draft_is_off_in_a_few_hours_only() -> None:
    market = _market("PJM")
    days = market_days("PJM", PLAIN, date(2026, 7, 26), minutes=60)
    draft, final = (market.prices("RTH", days, is_draft=is_draft).lmp for is_draft in (True, False))
    off = (draft != final).any(axis=1)
    assert 0 < off.mean() < 0.15


def test_another_seed_is_another_market() -> None:
    hours = market_days("PJM", PLAIN, PLAIN, minutes=60)
    one, other = (GridMarket("PJM", seed, SIZE).prices("DA", hours).lmp for seed in (1, 2))
    assert (one != other).mean() > 0.99
