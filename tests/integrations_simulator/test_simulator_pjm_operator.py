"""PJM as a simulated operator: pages, filters, versions and limits of Data Miner, and the market's own prices."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.pjm.api import has_no_rows
from integrations.isos.pjm.feeds import FEEDS
from integrations.isos.simulator.grid_market import GridMarket, Run
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.pjm_operator import PjmOperator
from tests.integrations_simulator.playing import assert_same_prices, play, read

MARKET = GridMarket("PJM", 7, 60)
OPERATOR = PjmOperator(MARKET)
BY_NAME = {feed.name: feed for feed in FEEDS}
DAY = timedelta(days=1)
PLAIN, SPRING, AUTUMN = (
    datetime(2026, 6, 15, 4, tzinfo=UTC), datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC),
)  # fmt: skip
ONE_DAY = "06/15/2026 00:00to06/15/2026 23:59"


def ask(report: str, now: datetime, **params: str) -> Any:
    """The answer's JSON, or its text where it is CSV."""
    answer = OPERATOR.answer("pjm_data_miner", report, params, now)
    assert answer is not None
    return answer.content.decode() if params.get("format") == "csv" else json.loads(answer.content)


@pytest.mark.parametrize(("midnight", "hours"), [(PLAIN, 24), (SPRING, 23), (AUTUMN, 25)])
@pytest.mark.parametrize(
    ("name", "run", "minutes", "is_draft", "vintage"),
    [
        ("da_hrl_lmps", "DA", 60, False, "final"),
        ("rt_unverified_hrl_lmps", "RTH", 60, True, "preliminary"),
        ("rt_hrl_lmps", "RTH", 60, False, "verified"),
        ("rt_unverified_fivemin_lmps", "RT5", 5, True, "preliminary"),
        ("rt_fivemin_hrl_lmps", "RT5", 5, False, "verified"),
    ],
)
def test_price_reports_hold_the_markets_prices(
    midnight: datetime, hours: int, name: str, run: Run, minutes: int, is_draft: bool, vintage: str
) -> None:
    # Verified prices are looked at before any of them has been corrected.
    now = midnight + 5 * DAY + timedelta(hours=13)
    # Of five minutes the hours round the change of the clock.
    span = timedelta(hours=hours if minutes == 60 else 4)
    played = play(OPERATOR, BY_NAME[name], midnight, midnight + span, now)
    publications = read(played)
    assert {each.vintage for each in publications} == {vintage}
    day = (midnight + timedelta(hours=12)).date()
    whole = market_days("PJM", day, day, minutes=minutes)
    assert len(whole) * minutes == hours * 60
    count = span // timedelta(minutes=minutes)
    intervals = Intervals(minutes, whole.start_s[:count], whole.end_s[:count])
    block = MARKET.prices(run, intervals, is_draft=is_draft)
    assert_same_prices(publications, block, components="energy congestion loss", has_types=True)


def test_pages_follow_each_other_and_make_up_the_whole() -> None:
    now, range_ept = PLAIN + DAY, {"datetime_beginning_ept": ONE_DAY}
    whole = ask("da_hrl_lmps", now, rowCount="50000", **range_ept)
    assert whole["totalRows"] == len(whole["items"]) == 24 * 60
    assert [link["rel"] for link in whole["links"]] == ["self", "metadata"]
    pages, start = [], 1
    while True:
        page = ask("da_hrl_lmps", now, rowCount="500", startRow=str(start), **range_ept)
        pages += page["items"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        start += 500
        assert f"startRow={start}" in following[0]
        assert following[0].startswith("https://api.pjm.com/api/v1/da_hrl_lmps?")
    assert start == 1001
    assert pages == whole["items"]
    assert ask("da_hrl_lmps", now, rowCount="500", startRow="1441", **range_ept)["items"] == []


def test_both_formats_say_the_same() -> None:
    asked = {"rowCount": "50000", "datetime_beginning_ept": ONE_DAY}
    rows = []
    for number, suffix in enumerate(("json", "csv")):
        answer = OPERATOR.answer("pjm_data_miner", "da_hrl_lmps", asked | {"format": suffix}, PLAIN + DAY)
        assert answer is not None
        found = survey(f"da_hrl_lmps.{suffix}", answer.content, named=True)
        rows.append(parse(found.payloads[0]).rows.to_pylist())
        assert number or answer.media_type == "application/json"
    assert rows[0] == rows[1]


def test_filters_and_fields() -> None:
    now, asked = PLAIN + DAY, {"datetime_beginning_ept": ONE_DAY, "rowCount": "50000"}
    hub = ask("da_hrl_lmps", now, pnode_id="51288", **asked)
    assert {item["pnode_name"] for item in hub["items"]} == {"WESTERN HUB"}
    assert hub["totalRows"] == 24
    two = ask("da_hrl_lmps", now, pnode_id="51288;51217", **asked)
    assert two["totalRows"] == 48
    zones = ask("da_hrl_lmps", now, type="zone", fields="pnode_name,total_lmp_da", **asked)
    assert {frozenset(item) for item in zones["items"]} == {frozenset({"pnode_name", "total_lmp_da"})}
    assert zones["totalRows"] == 3 * 24


def test_corrected_hours_are_there_in_both_versions() -> None:
    asked = {"datetime_beginning_ept": "06/01/2026 00:00to06/30/2026 23:59", "pnode_id": "51288", "rowCount": "50000"}
    before = ask("rt_hrl_lmps", datetime(2026, 6, 10, 12, tzinfo=UTC), **asked)["items"]
    after = ask("rt_hrl_lmps", datetime(2026, 7, 20, tzinfo=UTC), **asked)["items"]
    assert {item["version_nbr"] for item in before} == {1}
    second = {item["datetime_beginning_utc"]: item for item in after if item["version_nbr"] == 2}
    assert 10 < len(second) < 80
    assert len(after) == 30 * 24 + len(second)
    for item in after:
        is_replaced = item["version_nbr"] == 1 and item["datetime_beginning_utc"] in second
        assert item["row_is_current"] is not is_replaced
    current = ask("rt_hrl_lmps", datetime(2026, 7, 20, tzinfo=UTC), row_is_current="TRUE", **asked)
    assert current["totalRows"] == 30 * 24


def test_what_is_not_out_yet_is_an_empty_answer() -> None:
    for report, out in (
        ("da_hrl_lmps", datetime(2026, 6, 14, 17, 30, tzinfo=UTC)),
        ("rt_hrl_lmps", datetime(2026, 6, 19, 12, 20, tzinfo=UTC)),
    ):
        params = {"datetime_beginning_ept": ONE_DAY, "rowCount": "50000"}
        early = OPERATOR.answer("pjm_data_miner", report, params, out - timedelta(seconds=1))
        assert early is not None
        assert has_no_rows(early.content)
        there = OPERATOR.answer("pjm_data_miner", report, params, out)
        assert there is not None
        assert there.published_at_utc == out
        assert not has_no_rows(there.content)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"rowCount": "50001"}, "rowCount"),
        ({"startRow": "0"}, "startRow"),
        ({"hour": "3"}, "Unknown parameter: hour"),
        ({"datetime_beginning_ept": "2026-06-15"}, "no range"),
        ({"datetime_beginning_ept": "12/31/2025 00:00to01/01/2026 23:59"}, "cross a year"),
        ({"datetime_beginning_ept": "06/14/2024 00:00to06/17/2024 23:59"}, "boundary"),
        ({"datetime_beginning_ept": "06/01/2024 00:00to06/01/2024 23:59", "type": "hub"}, "no filter"),
    ],
)
def test_what_data_miner_does_not_take_is_400(params: dict[str, str], said: str) -> None:
    answer = OPERATOR.answer("pjm_data_miner", "da_hrl_lmps", params, datetime(2026, 6, 16, 12, tzinfo=UTC))
    assert answer is not None
    assert answer.status == 400
    assert said in answer.content.decode()


def test_a_report_that_there_is_not_is_not_there() -> None:
    assert OPERATOR.answer("pjm_data_miner", "sync_pri_dsr_reserve", {}, PLAIN) is None


@pytest.mark.parametrize(
    "name",
    [
        "gen_by_fuel", "inst_load", "hrl_load_metered", "wind_gen", "solar_gen", "load_frcstd_7_day", "pnode",
        "ancillary_services", "da_ancillary_services",
    ],
)  # fmt: skip
def test_reports_of_the_system_are_read(name: str) -> None:
    now = PLAIN + timedelta(hours=15)
    start = PLAIN - (0 if name in ("load_frcstd_7_day", "pnode", "inst_load", "gen_by_fuel") else 1) * DAY
    publications = read(play(OPERATOR, BY_NAME[name], start, start + timedelta(hours=10), now))
    assert publications
    assert all(len(each.rows) for each in publications)


def test_generation_by_fuel_adds_up_to_the_load() -> None:
    now = PLAIN + DAY
    items = ask("gen_by_fuel", now, datetime_beginning_ept=ONE_DAY, rowCount="50000")["items"]
    by_hour: dict[str, float] = {}
    for item in items:
        by_hour[item["datetime_beginning_utc"]] = by_hour.get(item["datetime_beginning_utc"], 0.0) + item["mw"]
    load = MARKET.states("actual", market_days("PJM", PLAIN.date(), PLAIN.date(), minutes=60)).load_mw
    np.testing.assert_allclose(list(by_hour.values()), load[: len(by_hour)], atol=0.02)


def test_ancillary_prices_bear_pjms_products() -> None:
    now = PLAIN + 2 * DAY
    for name, market in (("ancillary_services", "RTH"), ("da_ancillary_services", "DA")):
        (publication,) = read(play(OPERATOR, BY_NAME[name], PLAIN, PLAIN + DAY, now))
        assert (publication.feed, publication.market) == (name, market)
        rows = publication.rows.to_pylist()
        assert {(row["product"], row["area"]) for row in rows} == {("REG", "RTO"), ("SR", "RTO"), ("NSR", "RTO")}
        assert all(row["price_usd_per_mw"] > 0 for row in rows)
