"""CAISO as simulated, seen through its connector."""

import zipfile
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from integrations.isos.caiso.feeds import FEEDS
from integrations.isos.caiso.lmps import PACIFIC
from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.feeds import Feed
from integrations.isos.simulator import caiso_outlook, caiso_reports
from integrations.isos.simulator.caiso_operator import CaisoOperator
from integrations.isos.simulator.fundamentals import by_area, reserve_prices
from integrations.isos.simulator.grid_market import GridMarket, Run
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.operator import Answer
from integrations.isos.simulator.shapes import Floats
from tests.integrations_simulator.playing import assert_same_prices, assert_series, cut, play, read, series

SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 22)
DAYS = [PLAIN, SPRING, AUTUMN]
FEED = {feed.name: feed for feed in FEEDS}
MARKET = GridMarket("CAISO", 7, 60)
OPERATOR = CaisoOperator(MARKET)

LMPS: dict[str, tuple[Run, int]] = {
    "prc_lmp": ("DA", 60),
    "prc_hasp_lmp": ("HASP", 15),
    "prc_rtpd_lmp": ("RT15", 15),
    "prc_intvl_lmp": ("RT5", 5),
}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PACIFIC).astimezone(UTC)


def _whole(day: date) -> tuple[datetime, datetime]:
    return _midnight(day), _midnight(day + timedelta(days=1))


def _error(answer: Answer | None) -> str:
    """What the catalogue says of an answer that is no file."""
    assert answer is not None
    assert answer.status == 200
    (payload,) = survey("x.zip", answer.content, named=True).payloads
    with pytest.raises(UnreadablePublication) as refused:
        parse(payload)
    return refused.value.reason


def _ask(path: str, now_utc: datetime, **params: str) -> Answer | None:
    return OPERATOR.answer("caiso-oasis", path, params, now_utc)


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("feed", LMPS)
def test_every_price_comes_back_as_the_market_made_it(feed: str, day: date) -> None:
    run, minutes = LMPS[feed]
    stretch = _whole(day) if run == "DA" else (_midnight(day), _midnight(day) + timedelta(hours=4))
    played = play(OPERATOR, FEED[feed], *stretch, _midnight(day) + timedelta(days=10))
    publications = read(played)
    for publication in publications:
        assert (publication.feed, publication.market) == (feed, FEED[feed].market)
        assert publication.gaps.num_rows == 0
    block = MARKET.prices(run, market_days("CAISO", day, day, minutes=minutes))
    if run == "DA":
        block = block.only(lambda place: place.role != "outside")
    assert_same_prices(publications, cut(block, *stretch), components="energy congestion loss ghg", has_types=False)


@pytest.mark.parametrize("feed", LMPS)
def test_a_group_zip_holds_what_single_queries_do(feed: str) -> None:
    """After 39 months the connector asks for group zips."""
    stretch = (_midnight(PLAIN) + timedelta(hours=5), _midnight(PLAIN) + timedelta(hours=6))
    now = _midnight(PLAIN) + timedelta(days=10)
    late = now + timedelta(days=1300)
    (single,), (group,) = (play(OPERATOR, FEED[feed], *stretch, moment) for moment in (now, late))
    assert (single.request.path, group.request.path) == ("SingleZip", "GroupZip")
    assert read([group])[0].rows.equals(read([single])[0].rows)
    assert "1000 No data returned" in _error(
        OPERATOR.answer("caiso-oasis", single.request.path, single.request.params, late)
    )


def test_nothing_is_there_before_its_time() -> None:
    hour, noon = _midnight(PLAIN) + timedelta(hours=8), _midnight(PLAIN - timedelta(days=1)) + timedelta(hours=13)
    stretch = (hour, hour + timedelta(hours=1))
    for feed, since in {
        "prc_lmp": noon,
        "prc_as": noon,
        "sld_fcst": noon,
        "prc_hasp_lmp": hour - timedelta(minutes=45),
        "prc_rtpd_lmp": hour - timedelta(minutes=10),
        "prc_intvl_lmp": hour + timedelta(minutes=6),
    }.items():
        (before,) = play(OPERATOR, FEED[feed], *stretch, since - timedelta(seconds=1))
        assert "1000 No data returned" in _error(before.answer), feed
        (after,) = play(OPERATOR, FEED[feed], *stretch, since)
        assert read([after])[0].rows.num_rows > 0, feed
        assert after.answer is not None
        assert after.answer.published_at_utc == since


def test_an_hour_fills_up_as_it_passes() -> None:
    hour = _midnight(PLAIN) + timedelta(hours=8)
    for minutes, slots in ((6, 1), (31, 6), (60, 11), (61, 12), (500, 12)):
        (played,) = play(
            OPERATOR, FEED["prc_intvl_lmp"], hour, hour + timedelta(hours=1), hour + timedelta(minutes=minutes)
        )
        assert read([played])[0].rows.num_rows == slots * MARKET.size


def test_real_time_prices_are_restated_once_they_are_checked() -> None:
    day = date(2026, 7, 25)
    checked = _midnight(day) + timedelta(days=3, hours=10)
    intervals = market_days("CAISO", day, day, minutes=5)
    versions = []
    for now, is_draft in ((checked - timedelta(seconds=1), True), (checked, False)):
        publications = read(play(OPERATOR, FEED["prc_intvl_lmp"], *_whole(day), now))
        block = MARKET.prices("RT5", intervals, is_draft=is_draft)
        assert_same_prices(publications, block, components="energy congestion loss ghg", has_types=False)
        versions.append(block.lmp)
    assert 0 < (versions[0] != versions[1]).any(axis=1).mean() < 0.3


def test_a_stretch_of_some_nodes_may_hold_checked_and_unchecked_days() -> None:
    start, end = _midnight(PLAIN), _midnight(PLAIN + timedelta(days=2))
    now = _midnight(PLAIN) + timedelta(days=3, hours=11)
    nodes = ["SIMALDER_7_N001", "TH_NP15_GEN-APND"]
    answer = _ask(
        "SingleZip", now, queryname="PRC_RTPD_LMP", version="3", market_run_id="RTPD", resultformat="6",
        startdatetime=f"{start:%Y%m%dT%H:%M}-0000", enddatetime=f"{end:%Y%m%dT%H:%M}-0000", node=",".join(nodes),
    )  # fmt: skip
    assert answer is not None
    (payload,) = survey("x.zip", answer.content, named=True).payloads
    first, second = (
        MARKET.prices("RT15", market_days("CAISO", day, day, minutes=15), is_draft=draft).only(
            lambda p: p.node in nodes
        )
        for day, draft in ((PLAIN, False), (PLAIN + timedelta(days=1), True))
    )
    expected = dict.fromkeys(nodes, 0.0)
    for block in (first, second):
        for place, prices in zip(block.places, block.lmp.T, strict=True):
            expected[place.node] += float(prices.sum()) / block.units_per_usd
    rows = parse(payload).rows.to_pylist()
    assert len(rows) == 2 * 192
    for node in nodes:
        assert sum(row["lmp_usd_per_mwh"] for row in rows if row["node"] == node) == pytest.approx(expected[node])


def test_oasis_says_what_it_does_not_give() -> None:
    now = _midnight(PLAIN) + timedelta(days=60)
    query = {"queryname": "PRC_LMP", "version": "12", "market_run_id": "DAM", "resultformat": "6"}
    month = {"startdatetime": "20260601T07:00-0000", "enddatetime": "20260801T07:00-0000"}
    week = {"startdatetime": "20260601T07:00-0000", "enddatetime": "20260608T07:00-0000"}
    assert "1004 Data can be requested for period of 31 days only" in _error(
        _ask("SingleZip", now, **query, **month, node="TH_NP15_GEN-APND")
    )
    assert "1004 Data of all nodes" in _error(_ask("SingleZip", now, **query, **week, grp_type="ALL"))
    assert "1004 Data of all nodes" in _error(_ask("SingleZip", now, **query, **week))
    for wrong in ({"node": "NOWHERE"}, {"node": "TH_NP15_GEN-APND", "version": "1"}, {"startdatetime": "yesterday"}):
        assert "1000 No data" in _error(_ask("SingleZip", now, **(query | week | wrong)))
    assert "1000 No data" in _error(_ask("GroupZip", now, groupid="NO_GRP", startdatetime="20260601T07:00-0000"))
    assert OPERATOR.answer("caiso-oasis", "Elsewhere", {}, now) is None
    assert OPERATOR.answer("caiso-outlook", "history/yesterday/fuelsource.csv", {}, now) is None
    assert OPERATOR.answer("caiso-outlook", "history/20260601/co2.csv", {}, now) is None


def _read_series(feed: str, day: date, now: datetime) -> dict[tuple[str, ...], dict[int, float]]:
    publications = read(play(OPERATOR, FEED[feed], *_whole(day), now))
    if FEED[feed].dataset == "ancillary":
        return series(publications, "product", "area", value="price_usd_per_mw")
    return series(publications, "series", "area", "category", value="value")


@pytest.mark.parametrize("day", DAYS)
def test_hourly_reports_say_what_the_system_did(day: date) -> None:
    hours, now = market_days("CAISO", day, day, minutes=60), _midnight(day) + timedelta(days=3)
    ahead, actual = MARKET.states("day_ahead", hours), MARKET.states("actual", hours)
    names = {"RU": "REGUP", "RD": "REGDN", "SR": "SPIN", "NR": "NSPIN"}
    expected: Mapping[str, Mapping[Any, Floats]] = {
        "prc_as": {
            (names[code], region): reserve_prices(ahead)[service] * factor
            for code, service in caiso_reports.SERVICES.items()
            for region, factor in caiso_reports.REGIONS.items()
        },
        "sld_fcst": {("load_forecast", "CA ISO-TAC", "DAM"): ahead.load_mw}
        | {
            ("load_forecast", area, "DAM"): mw
            for area, mw in by_area(ahead.bus_load_mw, caiso_reports.TAC_AREAS).items()
        },
        "sld_fcst_actual": {("load", "CA ISO-TAC", ""): actual.load_mw}
        | {("load", area, ""): mw for area, mw in by_area(actual.bus_load_mw, caiso_reports.TAC_AREAS).items()},
        "sld_ren_fcst": {
            (f"{kind}_forecast", hub, "DA"): mw
            for kind, buses in (("solar", ahead.bus_solar_mw), ("wind", ahead.bus_wind_mw))
            for hub, mw in by_area(buses, caiso_reports.HUBS).items()
        },
        "ene_slrs": {
            ("scheduled_load", "Caiso_Totals", ""): ahead.load_mw,
            ("scheduled_generation", "Caiso_Totals", ""): ahead.load_mw - ahead.generation_mw["imports"],
            ("scheduled_imports", "Caiso_Totals", ""): ahead.generation_mw["imports"],
            ("scheduled_exports", "Caiso_Totals", ""): np.zeros(len(hours)),
        },
    }
    for feed, made in expected.items():
        found = _read_series(feed, day, now)
        assert found.keys() == made.keys(), feed
        for key, values in made.items():
            assert_series(found[key], hours, values)
    load = _read_series("sld_fcst_actual", day, now)
    whole = np.array(list(load.pop(("load", "CA ISO-TAC", "")).values()))
    np.testing.assert_allclose(sum(np.array(list(area.values())) for area in load.values()), whole, atol=0.03)


@pytest.mark.parametrize("day", DAYS)
def test_the_outlook_says_what_the_system_did(day: date) -> None:
    slots, now = market_days("CAISO", day, day, minutes=5), _midnight(day) + timedelta(days=3)
    fuels = _read_series("outlook_fuelsource", day, now)
    expected = caiso_outlook.fuels(MARKET.states("actual", slots))
    assert len(fuels) == len(expected)
    for name, values in expected.items():
        assert_series(fuels["generation", "", name.lower().replace(" ", "_")], slots, values, digits=0)
    demand = _read_series("outlook_netdemand", day, now)
    expected = caiso_outlook.demands(MARKET, slots)
    for name, key in {
        "Hour ahead forecast": ("load_forecast", "", "hour_ahead"),
        "Current demand": ("load", "", ""),
        "Net demand": ("net_demand", "", ""),
    }.items():
        assert_series(demand[key], slots, expected[name], digits=0)


def test_the_outlook_grows_with_its_day() -> None:
    (before,) = play(OPERATOR, FEED["outlook_fuelsource"], *_whole(PLAIN), _midnight(PLAIN) + timedelta(minutes=5))
    assert before.answer is None
    found = _read_series("outlook_fuelsource", PLAIN, _midnight(PLAIN) + timedelta(minutes=31))
    assert {len(values) for values in found.values()} == {6}


def test_the_atlas_lists_every_priced_node() -> None:
    (publication,) = read(play(OPERATOR, FEED["atl_pnode"], *_whole(PLAIN), _midnight(PLAIN) + timedelta(days=1)))
    nodes = publication.rows.column("node").to_pylist()
    assert nodes == [place.node for place in MARKET.places]


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_every_feed_is_answered_always_with_the_same_bytes(feed: Feed) -> None:
    now = _midnight(PLAIN) + timedelta(days=2, hours=13, minutes=7)
    stretch = (now - timedelta(hours=5), now)
    first, second = (play(CaisoOperator(GridMarket("CAISO", 7, 60)), feed, *stretch, now) for _ in range(2))
    assert first
    assert first == second
    # Until something new is published, a later moment finds the same.
    assert play(OPERATOR, feed, *stretch, now + timedelta(seconds=20)) == first
    for played in first:
        assert played.publications()


def test_names_in_a_zip_are_oasis_s_own() -> None:
    now = _midnight(PLAIN) + timedelta(days=10)
    (played,) = play(OPERATOR, FEED["prc_lmp"], *_whole(PLAIN), now)
    assert played.answer is not None
    assert zipfile.ZipFile(BytesIO(played.answer.content)).namelist() == [
        "20260722_20260723_PRC_LMP_DAM_20260721_13_00_00_v12.csv"
    ]
