"""Which requests bring which stretch of CAISO's feeds, within what OASIS allows."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from integrations.isos.caiso.feeds import has_no_data
from integrations.isos.feed_registry import FEEDS
from integrations.isos.feeds import Request

NOW = datetime(2026, 8, 14, 12, tzinfo=UTC)


def plan(feed: str, start: datetime, end: datetime) -> list[Request]:
    return list(FEEDS[f"caiso/{feed}"].plan(start, end, NOW))


def test_day_ahead_prices_are_asked_for_by_trade_day_also_where_the_clock_changes() -> None:
    start, end = datetime(2025, 11, 1, 7, tzinfo=UTC), datetime(2025, 11, 4, 8, tzinfo=UTC)
    found = plan("prc_lmp", start, end)
    assert [(r.end_utc - r.start_utc).total_seconds() / 3600 for r in found] == [24, 25, 24]
    assert found[0].params["startdatetime"] == "20251101T07:00-0000"
    assert found[1].params["enddatetime"] == "20251103T08:00-0000"
    assert found[0].params["grp_type"] == "ALL"


def test_real_time_prices_of_all_nodes_are_asked_for_hour_by_hour() -> None:
    start = datetime(2026, 8, 1, tzinfo=UTC)
    found = plan("prc_intvl_lmp", start, start + timedelta(hours=3))
    assert [r.path for r in found] == ["SingleZip"] * 3
    assert {r.params["market_run_id"] for r in found} == {"RTM"}


def test_what_oasis_no_longer_serves_singly_is_asked_for_as_a_group() -> None:
    start = datetime(2022, 6, 1, 7, tzinfo=UTC)
    (day,) = plan("prc_lmp", start, start + timedelta(days=1))
    assert (day.path, day.params["groupid"]) == ("GroupZip", "DAM_LMP_GRP")
    assert [r.path for r in plan("prc_intvl_lmp", start, start + timedelta(hours=2))] == ["GroupZip"] * 2


def test_a_query_spans_31_days_at_the_most() -> None:
    start = datetime(2026, 1, 1, 8, tzinfo=UTC)
    found = plan("sld_fcst", start, start + timedelta(days=70))
    lengths = [r.end_utc - r.start_utc for r in found]
    assert max(lengths) <= timedelta(days=31, hours=1)
    assert found[0].start_utc == start
    assert all(a.end_utc == b.start_utc for a, b in pairwise(found))


def test_the_outlook_is_named_by_the_day_that_its_address_tells() -> None:
    start = datetime(2026, 8, 1, 7, tzinfo=UTC)
    (day,) = plan("outlook_fuelsource", start, start + timedelta(days=1))
    assert (day.path, day.name) == ("history/20260801/fuelsource.csv", "20260801_fuelsource.csv")


def test_requests_of_oasis_are_five_seconds_apart() -> None:
    assert FEEDS["caiso/prc_lmp"].source.seconds_between_requests >= 5.0


@pytest.mark.parametrize(
    ("name", "code", "is_empty"),
    [("INVALID_REQUEST.xml", 1000, True), ("INVALID_REQUEST.xml", 1015, False), ("20260310_PRC_LMP.csv", 1000, False)],
)
def test_an_answer_that_says_no_data_is_told_from_others(name: str, code: int, is_empty: bool) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as written:
        written.writestr(name, f"<m:ERROR><m:ERR_CODE>{code}</m:ERR_CODE></m:ERROR>")
    assert has_no_data(packed.getvalue()) is is_empty
    assert has_no_data(b"PK broken") is False
    assert has_no_data(b"<html>") is False
