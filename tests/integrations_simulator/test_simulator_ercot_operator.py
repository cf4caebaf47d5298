"""ERCOT as simulated, seen through its connector."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from integrations.isos.ercot.clock import CENTRAL
from integrations.isos.ercot.feeds import DOCUMENT_PATH, FEEDS, LIST_PATH
from integrations.isos.feeds import Feed
from integrations.isos.simulator import ercot, ercot_fundamentals
from integrations.isos.simulator.ercot_dashboards import FUELS
from integrations.isos.simulator.ercot_operator import ErcotOperator, written
from integrations.isos.simulator.ercot_prices import adders, bus_of, is_node, services
from integrations.isos.simulator.fundamentals import by_area
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.market import PriceBlock
from integrations.isos.simulator.operator import Answer
from integrations.isos.simulator.places import Place
from integrations.isos.simulator.shapes import Floats
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import assert_same_prices, assert_series, cut, play, read, series, within

SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 22)
DAYS = [PLAIN, SPRING, AUTUMN]
FEED = {feed.name: feed for feed in FEEDS}
MARKET = GridMarket("ERCOT", 7, 70)
OPERATOR = ErcotOperator(MARKET)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=CENTRAL).astimezone(UTC)


def _whole(day: date) -> tuple[datetime, datetime]:
    return _midnight(day), _midnight(day + timedelta(days=1))


def _night(day: date) -> tuple[datetime, datetime]:
    """The first four hours, with the one that is skipped or repeated."""
    return _midnight(day), _midnight(day) + timedelta(hours=4)


def _brought(feed: str, start: datetime, end: datetime) -> list[ParsedPublication]:
    """What a feed brings of a stretch, asked for on the day after; every document says when it came out."""
    played = play(OPERATOR, FEED[feed], start, end, end + timedelta(days=2))
    for one in played:
        for publication in one.publications():
            assert one.answer is not None
            assert publication.published_at == one.answer.published_at_utc.replace(microsecond=0)
            assert publication.gaps.num_rows == 0
    return within(read(played), start, end)


def _runs(day: date) -> Intervals:
    return ercot.sced_runs(MARKET.seed, day)


def _by_bus(block: PriceBlock) -> PriceBlock:
    nodes = block.only(is_node)
    return replace(nodes, places=tuple(Place(bus_of(place), "bus", place.role) for place in nodes.places))


@pytest.mark.parametrize("day", DAYS)
def test_every_price_comes_back_as_the_market_made_it(day: date) -> None:
    ahead = MARKET.prices("DA", market_days("ERCOT", day, day, minutes=60))
    quarters = MARKET.prices("RT15", market_days("ERCOT", day, day, minutes=15))
    runs = MARKET.prices("RT5", _runs(day))
    expected = {
        "dam_spp": (ahead.only(ercot.named_once), False),
        "dam_bus_lmp": (_by_bus(ahead), True),
        "rtm_spp": (quarters, True),
        "sced_lmp": (runs.only(ercot.named_once), False),
        "sced_bus_lmp": (_by_bus(runs), True),
    }
    for feed, (block, has_types) in expected.items():
        stretch = _whole(day) if FEED[feed].market == "DA" else _night(day)
        publications = _brought(feed, *stretch)
        assert {(found.feed, found.market) for found in publications} == {(feed, FEED[feed].market)}
        assert_same_prices(publications, cut(block, *stretch), components="", has_types=has_types)


def _series_of(feed: str, start: datetime, end: datetime) -> dict[tuple[str, ...], dict[int, float]]:
    publications = _brought(feed, start, end)
    if FEED[feed].dataset == "ancillary":
        return series(publications, "product", "area", value="price_usd_per_mw")
    return series(publications, "series", "area", "category", value="value")


def _during(intervals: Intervals, start: datetime, end: datetime) -> slice:
    first, last = np.searchsorted(intervals.start_s, [start.timestamp(), end.timestamp()]).tolist()
    return slice(first, last)


@pytest.mark.parametrize("day", DAYS)
def test_reserves_and_load_are_what_the_system_says(day: date) -> None:
    hours, quarters = (market_days("ERCOT", day, day, minutes=minutes) for minutes in (60, 15))
    runs = _runs(day)
    actual = MARKET.states("actual", hours)

    def prices(of: Mapping[str, Floats]) -> Mapping[Any, Floats]:
        return {(product, ""): values for product, values in of.items()}

    def load(zones: tuple[str, ...]) -> Mapping[Any, Floats]:
        by_zone = {("load", zone, ""): mw for zone, mw in by_area(actual.bus_load_mw, zones).items()}
        return {("load", "", ""): actual.load_mw} | by_zone

    expected: Mapping[str, tuple[Intervals, Mapping[Any, Floats]]] = {
        "dam_mcpc": (hours, prices(services(MARKET.states("day_ahead", hours)))),
        "rtm_mcpc": (quarters, prices(services(MARKET.states("actual", quarters)))),
        "sced_mcpc": (runs, prices(services(MARKET.states("actual", runs)))),
        "load_by_weather_zone": (hours, load(ercot_fundamentals.WEATHER_ZONES)),
        "load_by_zone": (hours, load(ercot_fundamentals.ZONES)),
        "system_demand": (quarters, {("load", "", ""): MARKET.states("actual", quarters).load_mw}),
    }
    for feed, (intervals, made) in expected.items():
        stretch = _whole(day) if intervals is hours else _night(day)
        found, asked = _series_of(feed, *stretch), _during(intervals, *stretch)
        assert found.keys() == made.keys(), feed
        for key, values in made.items():
            assert_series(found[key], intervals[asked], values[asked])


def _adders(
    feed: str, start: datetime, end: datetime, value: str = "price_usd_per_mwh"
) -> dict[tuple[str, ...], dict[int, float]]:
    return series(_brought(feed, start, end), "adder", value=value)


@pytest.mark.parametrize("day", [date(2025, 11, 2), SPRING, AUTUMN])
def test_the_system_lambda_is_the_price_of_energy(day: date) -> None:
    energy = cut(MARKET.prices("RT5", _runs(day)), *_night(day))
    for feed in ("sced_system_lambda", "sced_price_adders"):
        found = _adders(feed, *_night(day))["SYSTEM_LAMBDA",]
        assert_series(found, energy.intervals, energy.energy[:, 0] / 100)


def test_until_co_optimization_the_reserve_demand_curve_adds_to_prices() -> None:
    day = date(2025, 6, 26)
    stretch = _midnight(day) + timedelta(hours=22), _midnight(day) + timedelta(hours=23)
    quarters, runs = market_days("ERCOT", day, day, minutes=15), _runs(day)
    made, asked = adders(MARKET.states("actual", runs)), _during(runs, *stretch)
    prices, reserves = (_adders("sced_price_adders", *stretch, value) for value in ("price_usd_per_mwh", "reserve_mw"))
    assert prices.keys() == {("SYSTEM_LAMBDA",), ("RTORPA",), ("RTOFFPA",), ("RTORDPA",)}
    assert made["RTORPA"][asked].max() > 50, "little is spare this evening"
    for name, reserve in (("RTORPA", "RTOLCAP"), ("RTOFFPA", "RTOFFCAP")):
        assert_series(prices[name,], runs[asked], made[name][asked])
        assert_series(reserves[name,], runs[asked], made[reserve][asked])
    assert_series(reserves["SYSTEM_LAMBDA",], runs[asked], made["PRC"][asked])

    block = MARKET.prices("RT15", quarters)
    adder = np.rint(made["RTORPA"].reshape(-1, 3).mean(axis=1) * 100).astype(np.int64)
    with_adder = replace(block, energy=block.energy + adder[:, np.newaxis])
    assert_same_prices(_brought("rtm_spp", *stretch), cut(with_adder, *stretch), components="", has_types=True)
    assert _brought("rtm_mcpc", *stretch) == _brought("sced_mcpc", *stretch) == []


def test_since_co_optimization_reserves_have_real_time_prices() -> None:
    midnight = _midnight(date(2025, 12, 5))
    before, after = (midnight - timedelta(hours=1), midnight), (midnight, midnight + timedelta(hours=1))
    assert {("RTORPA",), ("RTRDPA",)} & _adders("sced_price_adders", *before).keys() == {("RTORPA",)}
    found = _adders("sced_price_adders", *after)
    assert {("RTORPA",), ("RTRDPA",)} & found.keys() == {("RTRDPA",)}
    assert set(found["RTRDPA",].values()) == {0.0}
    assert _brought("sced_mcpc", *before) == []
    assert len(_series_of("sced_mcpc", *after)["REGUP", ""]) == 12


@pytest.mark.parametrize("day", DAYS)
def test_forecasts_are_issued_each_hour(day: date) -> None:
    """Each document is of the hours around it; what it says of the day is what was forecast for it."""
    now = _midnight(day) + timedelta(hours=7)
    hours = market_days("ERCOT", day, day, minutes=60)
    ahead, actual = (MARKET.states(view, hours) for view in ("day_ahead", "actual"))
    expected: Mapping[str, Mapping[Any, Floats]] = {
        "load_forecast_by_zone": {("load_forecast", "", ""): ahead.load_mw}
        | {
            ("load_forecast", zone, ""): mw
            for zone, mw in by_area(ahead.bus_load_mw, ercot_fundamentals.FORECAST_ZONES).items()
        },
        "load_forecast_by_weather_zone_by_model": {
            ("load_forecast", zone, model): factor * mw
            for model, factor in ercot_fundamentals.MODELS.items()
            for zone, mw in (
                by_area(ahead.bus_load_mw, ercot_fundamentals.FORECAST_WEATHER_ZONES) | {"": ahead.load_mw}
            ).items()
        },
        "wind_power": {
            ("wind_forecast", area, category): factor * mw
            for area, mw in {
                "": ahead.wind_mw,
                **{f"LZ_{zone}": mw for zone, mw in by_area(ahead.bus_wind_mw, ercot_fundamentals.WIND_ZONES).items()},
            }.items()
            for category, factor in {"STWPF": 1.0, "COP_HSL": 0.97, "WGRPP": 0.85}.items()
        },
        "solar_power": {
            ("solar_forecast", "", category): factor * ahead.solar_mw
            for category, factor in {"STPPF": 1.0, "COP_HSL": 0.97, "PVGRPP": 0.85}.items()
        },
    }
    for feed, made in expected.items():
        played = play(OPERATOR, FEED[feed], now - timedelta(hours=3), now, now)
        assert len(played) == 3, feed
        newest = played[-1].publications()[0]
        assert newest.published_at is not None
        issued = {row["issued_at"] for row in newest.rows.to_pylist()} - {None}
        assert issued == {newest.published_at}
        found = series(within([newest], *_whole(day)), "series", "area", "category", value="value")
        for key, values in made.items():
            assert_series(found[key], hours, values)
        measured = {key for key in found if not key[0].endswith("forecast")}
        assert {key[0] for key in found if key not in measured} == {key[0] for key in made}
        for kind in ("wind", "solar"):
            if (kind, "", "") in measured:
                passed = hours[: len(found[kind, "", ""])]
                assert 5 <= len(passed) <= 7, "the hours of the day that have passed"
                assert_series(found[kind, "", ""], passed, actual.generation_mw[kind][: len(passed)])
                available = actual.wind_mw if kind == "wind" else actual.solar_mw
                assert_series(found[f"{kind}_available", "", ""], passed, available[: len(passed)])


@pytest.mark.parametrize("day", DAYS)
def test_dashboards_say_what_the_system_does(day: date) -> None:
    now = _midnight(day + timedelta(days=1)) - timedelta(minutes=3)
    hours, slots = (market_days("ERCOT", day, day, minutes=minutes) for minutes in (60, 5))
    actual, ahead = MARKET.states("actual", slots), MARKET.states("day_ahead", hours)

    def dashboard(feed: str) -> dict[tuple[str, ...], dict[int, float]]:
        played = play(OPERATOR, FEED[feed], now - timedelta(hours=1), now, now)
        return series(within(read(played), *_whole(day)), "series", "area", "category", value="value")

    mix, telemetry = dashboard("dashboard_fuel_mix"), replace(slots[1:], start_s=slots.start_s[1:] - 4)
    assert len(mix) == len(FUELS)
    for name, fuel in FUELS.items():
        found = mix["generation", "", name.lower().replace(" ", "_")]
        # Telemetry of tomorrow's first minutes is of today by its stamp.
        assert_series(found, telemetry, actual.generation_mw[fuel][1:], digits=3)

    passed = int((slots.end_s <= now.timestamp() // 300 * 300).sum())
    net = dashboard("dashboard_storage")
    assert_series(net["battery", "", ""], slots[:passed], actual.generation_mw["battery"][:passed], digits=3)

    demand = dashboard("dashboard_demand")
    assert_series(demand["load_forecast", "", "day_ahead"], hours, ahead.load_mw, digits=3)
    of_hours = MARKET.states("actual", hours).load_mw
    assert_series(demand["load", "", ""], hours[:-1], of_hours[:-1], digits=3)

    supply = dashboard("dashboard_supply")
    assert_series(supply["load", "", ""], slots[:passed], actual.load_mw[:passed], digits=3)
    assert len(supply["load_forecast", "", ""]) == len(slots) - passed


def test_the_map_of_settlement_points_names_every_resource_node() -> None:
    now = _midnight(PLAIN) + timedelta(days=20)
    played = play(OPERATOR, FEED["settlement_points"], now - timedelta(days=7), now, now)
    (publication,) = read(played)
    rows = publication.rows.to_pylist()
    nodes = {place.node for place in MARKET.places if is_node(place)}
    assert {row["node"] for row in rows if row["node_type"] == "RN"} == nodes
    assert {row["node"] for row in rows if row["node_type"] == "bus"} == {f"{node}_B1" for node in nodes}
    assert {row["node"] for row in rows if row["node_type"] == "LZ"} <= set(ercot_fundamentals.LOAD_ZONES)


def _documents(number: int, now: datetime) -> list[dict[str, str]]:
    answer = OPERATOR.answer("ercot-mis", LIST_PATH, {"reportTypeId": str(number)}, now)
    assert answer is not None
    found = json.loads(answer.content)["ListDocsByRptTypeRes"]["DocumentList"]
    entries = found if isinstance(found, list) else [found] if found else []
    return [entry["Document"] for entry in entries]


def _download(doc_id: str, now: datetime) -> Answer | None:
    return OPERATOR.answer("ercot-mis", DOCUMENT_PATH, {"doclookupId": doc_id}, now)


@pytest.mark.parametrize("number", [12331, 12301, 12300, 14836, 13028, 10008, 13051])
def test_a_document_is_there_from_its_publication_until_it_expires(number: int) -> None:
    now = _midnight(AUTUMN) + timedelta(days=2)
    documents = _documents(number, now)
    published = [datetime.fromisoformat(document["PublishDate"]) for document in documents]
    assert published == sorted(published, reverse=True)
    assert len({document["DocID"] for document in documents}) == len(documents)
    newest, oldest = documents[0], documents[-1]
    for document in (newest, oldest):
        out = datetime.fromisoformat(document["PublishDate"]).astimezone(UTC)
        gone = datetime.fromisoformat(document["ExpiredDate"]).astimezone(UTC) + timedelta(seconds=1)
        assert _download(document["DocID"], out) is None, "the milliseconds are still to come"
        assert _download(document["DocID"], out + timedelta(seconds=1)) is not None
        assert _download(document["DocID"], gone - timedelta(seconds=1)) is not None
        assert _download(document["DocID"], gone) is None
        assert document["DocID"] not in {found["DocID"] for found in _documents(number, out)}
        assert document["DocID"] in {found["DocID"] for found in _documents(number, out + timedelta(seconds=1))}
        assert document["DocID"] not in {found["DocID"] for found in _documents(number, gone)}


def test_lists_are_as_long_as_reports_are_kept() -> None:
    now = _midnight(PLAIN) + timedelta(hours=20)
    assert 5 * 288 < len(_documents(12300, now)) <= 6 * 288
    assert 7 * 96 < len(_documents(12301, now)) <= 8 * 96
    assert 31 <= len(_documents(12331, now)) <= 33
    assert len(_documents(24891, _midnight(date(2025, 11, 2)))) == 0


def test_what_is_not_there_is_nothing() -> None:
    now = _midnight(PLAIN)
    for number in ("13053", "x", "", "99999999999999999999"):
        assert OPERATOR.answer("ercot-mis", LIST_PATH, {"reportTypeId": number}, now) is None
    document = _documents(12331, now)[0]["DocID"]
    for doc_id in (
        "",
        "x",
        "12331",
        f"{document[:-1]}x",
        f"{int(document) + 1}",
        "9" * 40,
        "123310",
        f"13053{document[5:]}",
    ):
        assert _download(doc_id, now) is None, doc_id
    assert OPERATOR.answer("ercot-mis", "elsewhere", {}, now) is None
    assert OPERATOR.answer("ercot-dashboards", "daily-prc.json", {}, now) is None


@pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.name)
def test_every_feed_is_answered_always_with_the_same_bytes(feed: Feed) -> None:
    now = _midnight(PLAIN) + timedelta(days=6, hours=13, minutes=4)
    stretch = (now - timedelta(hours=5), now)
    if feed.name in {"settlement_points", "load_by_zone", "load_by_weather_zone"}:  # few documents
        stretch = (now - timedelta(days=6), now)
    if feed.name.endswith("disclosure"):
        stretch = (stretch[0] - timedelta(days=62), stretch[1] - timedelta(days=62))
    if feed.cadence == timedelta(days=7) and feed.name != "settlement_points":  # a history is short in January
        now = datetime(2026, 1, 12, 15, tzinfo=UTC)
        stretch = (now - timedelta(days=5), now)
    found = []
    for _ in range(2):
        written.cache_clear()
        found.append(play(ErcotOperator(GridMarket("ERCOT", 7, 70)), feed, *stretch, now))
    assert found[0]
    assert found[0] == found[1]
    for played in found[0]:
        assert played.publications()
