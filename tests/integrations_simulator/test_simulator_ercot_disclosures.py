"""ERCOT's disclosures as simulated: what resources did adds up to what the same market published 60 days before."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.feeds import FEEDS
from integrations.isos.errors import UnreadablePublication
from integrations.isos.simulator import ercot
from integrations.isos.simulator.ercot_dashboards import FUELS
from integrations.isos.simulator.ercot_disclosures import dam_members, sced_members
from integrations.isos.simulator.ercot_operator import ErcotOperator
from integrations.isos.simulator.ercot_resources import REQUIREMENTS, resources_of
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.shapes import Floats
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import Played, assert_series, play, read, series, within

SPRING, AUTUMN, PLAIN, WITH_ADDERS = date(2026, 3, 8), date(2025, 11, 2), date(2026, 7, 22), date(2025, 9, 3)
FEED = {feed.name: feed for feed in FEEDS}
MARKET = GridMarket("ERCOT", 7, 70)
OPERATOR = ErcotOperator(MARKET)
FUEL_OF = {resource.name: resource.fuel for resource in resources_of(MARKET)}
SERVICE_OF = {"RegUp": "REGUP", "RegDown": "REGDN", "RRS": "RRS", "ECRS": "ECRS", "NonSpin": "NSPIN"}

NIGHT = timedelta(hours=4)

BySeries = dict[tuple[str, ...], dict[int, float]]


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CENTRAL).astimezone(UTC)


@cache
def _disclosed(feed: str, day: date) -> list[ParsedPublication]:
    """What the feed brings of a day, on the morning of the 61st day after it: the one document of that morning."""
    published = day + timedelta(days=60)
    now, midnight = _midnight(published) + timedelta(hours=9), _midnight(day)
    (asked,) = FEED[feed].plan(midnight, midnight + timedelta(days=1), now)
    listed = OPERATOR.answer("ercot-mis", asked.path, asked.params, now)
    assert listed is not None
    (request,) = (found for found in FEED[feed].follow(asked, listed.content) if f".{published:%Y%m%d}." in found.name)
    return Played(request, OPERATOR.answer("ercot-mis", request.path, request.params, now)).publications()


def _quantities(feed: str, day: date, *names: str) -> BySeries:
    """By quantity and resource; of the dispatch the first four hours, with the one that is skipped or repeated."""
    start, end = _midnight(day), _midnight(day + timedelta(days=1))
    chosen = [
        replace(found, rows=found.rows.filter(pc.is_in(found.rows.column("quantity"), pa.array(names))))
        for found in within(_disclosed(feed, day), start, end if feed == "dam_disclosure" else start + NIGHT)
    ]
    return series(chosen, "quantity", "resource", value="value")


def _night(day: date, intervals: Intervals) -> slice:
    return slice(0, int(np.searchsorted(intervals.start_s, (_midnight(day) + NIGHT).timestamp())))


def _by_fuel(found: BySeries, quantity: str) -> dict[str, dict[int, float]]:
    """The sums over the resources of each fuel."""
    sums: dict[str, dict[int, float]] = {}
    for (name, resource), values in found.items():
        if name == quantity:
            of_fuel = sums.setdefault(FUEL_OF[resource], {})
            for start, value in values.items():
                of_fuel[start] = of_fuel.get(start, 0.0) + value
    return sums


def _assert_sums(sums: Mapping[str, Mapping[int, float]], intervals: Intervals, made: Mapping[str, Floats]) -> None:
    assert sums.keys() == made.keys()
    for fuel, values in sums.items():
        assert_series({start: round(value, 5) for start, value in values.items()}, intervals, made[fuel], digits=3)


@pytest.mark.parametrize("day", [PLAIN, SPRING, AUTUMN])
def test_what_resources_did_adds_up_to_what_each_fuel_made(day: date) -> None:
    found = _quantities("sced_disclosure", day, "Telemetered Net Output", "Base Point", "Settlement Metered Net Energy")
    runs, quarters = ercot.sced_runs(MARKET.seed, day), market_days("ERCOT", day, day, minutes=15)
    runs, quarters = runs[_night(day, runs)], quarters[_night(day, quarters)]
    made = MARKET.states("actual", runs).generation_mw
    for quantity in ("Telemetered Net Output", "Base Point"):
        _assert_sums(_by_fuel(found, quantity), runs, made)
    metered = _by_fuel(found, "Settlement Metered Net Energy")
    energy = {fuel: {start: 4 * mwh for start, mwh in values.items()} for fuel, values in metered.items()}
    _assert_sums(energy, quarters, MARKET.states("actual", quarters).generation_mw)


def test_disclosed_outputs_are_the_fuel_mix_that_the_dashboard_showed() -> None:
    now = _midnight(PLAIN + timedelta(days=1)) - timedelta(minutes=3)
    shown = series(
        read(play(OPERATOR, FEED["dashboard_fuel_mix"], now - timedelta(hours=1), now, now)), "category", value="value"
    )
    name = "Telemetered Net Output"
    sums = _by_fuel(_quantities("sced_disclosure", PLAIN, name), name)
    runs = ercot.sced_runs(MARKET.seed, PLAIN)
    runs = runs[_night(PLAIN, runs)]
    marks = runs.end_s - 300
    for name, fuel in FUELS.items():
        then = [shown[name.lower().replace(" ", "_"),][mark - 4] for mark in marks.tolist()]
        np.testing.assert_allclose([sums[fuel][start] for start in runs.start_s.tolist()], then, atol=1e-6)


@pytest.mark.parametrize("day", [PLAIN, SPRING, WITH_ADDERS])
def test_day_ahead_awards_are_what_cleared_at_the_prices_that_were_published(day: date) -> None:
    names = [f"{service} MCPC" for service in SERVICE_OF]
    found = _quantities(
        "dam_disclosure", day, "Awarded Quantity", "Energy Settlement Point Price", "RRSPFR Awarded", *names
    )
    hours = market_days("ERCOT", day, day, minutes=60)
    state = MARKET.states("day_ahead", hours)
    _assert_sums(_by_fuel(found, "Awarded Quantity"), hours, state.generation_mw)

    start, end = _midnight(day), _midnight(day + timedelta(days=1))
    prices = series(within(read(play(OPERATOR, FEED["dam_spp"], start, end, end)), start, end), "node",
                    value="lmp_usd_per_mwh")  # fmt: skip
    capacity = series(within(read(play(OPERATOR, FEED["dam_mcpc"], start, end, end)), start, end), "product",
                      value="price_usd_per_mw")  # fmt: skip
    for resource in resources_of(MARKET):
        assert found["Energy Settlement Point Price", resource.name] == prices[resource.place.node,]
        for ours, service in SERVICE_OF.items():
            assert found[f"{ours} MCPC", resource.name] == capacity[service,]

    awarded = _by_fuel(found, "RRSPFR Awarded")
    total = np.sum([list(values.values()) for values in awarded.values()], axis=0)
    assert (total <= REQUIREMENTS["RRS"] * state.load_mw + 0.01).all()
    assert total.max() > 0
    assert all(not any(values.values()) for fuel, values in awarded.items() if fuel in ("nuclear", "wind", "coal"))


def test_nobody_is_told_to_do_what_it_cannot() -> None:
    limits = ("LSL", "LASL", "Base Point", "HASL", "HSL")
    found = _quantities("sced_disclosure", PLAIN, *limits)
    for resource in resources_of(MARKET):
        at = {name: np.array(list(found[name, resource.name].values())) for name in limits}
        for low, high in (("LSL", "LASL"), ("LASL", "Base Point"), ("Base Point", "HASL"), ("HASL", "HSL")):
            # Reserves are rounded by themselves.
            assert (at[low] <= at[high] + 0.005).all(), (resource, low, high)


def test_batteries_have_files_of_their_own_since_co_optimization() -> None:
    for day, kind in ((WITH_ADDERS, "PWRSTR"), (PLAIN, "ESR")):
        types = {
            row["resource"]: row["resource_type"]
            for publication in _disclosed("dam_disclosure", day)
            for row in publication.rows.to_pylist()
        }
        batteries = {name for name, fuel in FUEL_OF.items() if fuel == "battery"}
        assert {name for name, found in types.items() if found == kind} == batteries

    names = ("State of Charge", "Telemetered Net Output")
    found = _quantities("sced_disclosure", PLAIN, *names, "Maximum SOC")
    for name in batteries:
        charge, output = (np.array(list(found[quantity, name].values())) for quantity in names)
        np.testing.assert_allclose(np.diff(charge), -output[:-1] / 12, atol=0.002)
        assert charge.min() > 0
        assert (charge <= list(found["Maximum SOC", name].values())).all()


def test_the_repeated_hour_of_a_day_ahead_disclosure_cannot_be_told_apart() -> None:
    """Its files have no flag, so the connector refuses the day."""
    with pytest.raises(UnreadablePublication, match=r"twice|repeated"):
        _disclosed("dam_disclosure", AUTUMN)


def test_members_have_the_real_names_and_columns(shared_data: Path) -> None:
    midnight = int(_midnight(date(2025, 2, 9)).timestamp())
    members = sced_members(MARKET, midnight)
    real_files = sorted((shared_data / "iso/ercot/60day_sced_np3-965-er").iterdir())
    assert len(real_files) == 4
    for path in real_files:
        content = path.read_bytes()
        real = gzip.decompress(content) if path.suffix == ".gz" else content
        simulated = members[path.name.removesuffix(".gz")]
        assert simulated.splitlines()[0] == real.splitlines()[0]
        assert len(simulated.splitlines()) > 1 or len(real.splitlines()) == 1
    for found, count in ((members, 188), (dam_members(MARKET, midnight), 48)):
        name = next(name for name in found if "Gen_Resource_Data" in name)
        assert name.endswith("-10-APR-25.csv")
        assert len(found[name].splitlines()[0].split(b",")) == count
