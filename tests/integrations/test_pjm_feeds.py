"""Which requests bring which stretch of PJM's feeds, and how an answer's further pages are asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.feed_registry import FEEDS
from integrations.isos.feeds import AgedOut, Request
from integrations.isos.http import Fetcher
from integrations.isos.pjm.api import DATA_MINER, further_pages, has_no_rows
from integrations.isos.pjm.feeds import FEEDS as PJM_FEEDS
from integrations.isos.pjm.feeds import FIVE_MINUTE_DAYS, HOURLY_DAYS
from integrations.isos.pjm.reports import REPORTS
from integrations.isos.pjm.tables import PAGE_ROWS

EASTERN = ZoneInfo("America/New_York")
NOW = datetime(2026, 8, 14, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def eastern(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=EASTERN).astimezone(UTC)


def plan(feed: str, start: datetime, end: datetime, now: datetime = NOW) -> list[Request]:
    return list(FEEDS[f"pjm/{feed}"].plan(start, end, now))


def ranges(feed: str, start: datetime, end: datetime, now: datetime = NOW) -> list[str]:
    return [request.params["datetime_beginning_ept"] for request in plan(feed, start, end, now)]


def test_all_nodes_of_a_day_come_in_two_hours_a_request() -> None:
    start = eastern(2026, 8, 10)
    found = plan("da_hrl_lmps", start, start + DAY)
    assert len(found) == 12
    assert found[0].path == "da_hrl_lmps"
    assert found[0].name == "da_hrl_lmps_20260810T0000_20260810T0200.json"
    assert found[0].params == {
        "rowCount": "50000",
        "startRow": "1",
        "datetime_beginning_ept": "08/10/2026 00:00to08/10/2026 01:59",
    }
    assert (found[0].start_utc, found[-1].end_utc) == (start, start + DAY)
    assert all(one.end_utc == other.start_utc for one, other in pairwise(found))


def test_five_minute_prices_come_in_ten_minutes_a_request() -> None:
    start = eastern(2026, 8, 13, 10, 3)
    assert ranges("rt_unverified_fivemin_lmps", start, start + timedelta(minutes=10)) == [
        "08/13/2026 10:00to08/13/2026 10:09",
        "08/13/2026 10:10to08/13/2026 10:19",
    ]


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 8), 23), ((2025, 11, 2), 25)])
@pytest.mark.parametrize("feed", ["da_hrl_lmps", "rt_fivemin_hrl_lmps"])
def test_the_days_of_the_clock_change_are_covered_whole(feed: str, day: tuple[int, int, int], hours: int) -> None:
    start = eastern(*day)
    found = plan(feed, start, start + timedelta(hours=hours))
    covered = {
        request.start_utc + step * timedelta(minutes=5)
        for request in found
        for step in range((request.end_utc - request.start_utc) // timedelta(minutes=5))
    }
    assert covered == {start + step * timedelta(minutes=5) for step in range(12 * hours)}
    assert len({request.key for request in found}) == len(found)


def test_the_same_stretch_is_the_same_requests_however_it_is_cut() -> None:
    start = eastern(2026, 8, 1)
    for feed in ("rt_hrl_lmps", "inst_load", "wind_gen"):
        whole = {request.key for request in plan(feed, start, start + 10 * DAY)}
        parts = {request.key for day in range(10) for request in plan(feed, start + day * DAY, start + (day + 1) * DAY)}
        assert whole == parts
        assert whole == {request.key for request in plan(feed, start, start + 10 * DAY, NOW + timedelta(minutes=7))}


@pytest.mark.parametrize("feed", [feed.name for feed in PJM_FEEDS if feed.source is DATA_MINER])
def test_no_range_crosses_a_year_or_the_archive(feed: str) -> None:
    archived_days = getattr(FEEDS[f"pjm/{feed}"].plan, "archived_after_days", None)
    if archived_days is None:
        assert feed in ("load_frcstd_7_day", "pnode")
        return
    assert archived_days in (FIVE_MINUTE_DAYS, HOURLY_DAYS)
    kept = getattr(FEEDS[f"pjm/{feed}"].plan, "kept_days", None)
    boundary = (NOW.astimezone(EASTERN) - archived_days * DAY).date()
    start = NOW - (kept * DAY if kept else (archived_days + 400) * DAY)
    end = min(NOW, start + 800 * DAY) if "lmps" not in feed else start + 2 * DAY
    stretches = [
        (start, end),
        (eastern(boundary.year, boundary.month, boundary.day) - DAY, NOW - (archived_days - 2) * DAY),
    ]
    for first, last in stretches[: 1 if kept else 2]:
        for request in plan(feed, first, last):
            (text,) = [value for name, value in request.params.items() if name.endswith("_ept")]
            begins, ends = (datetime.strptime(part, "%m/%d/%Y %H:%M") for part in text.split("to"))
            assert begins.year == ends.year
            assert (begins.date() < boundary) == (ends.date() < boundary)
            assert "fields" not in request.params


def test_the_month_in_which_the_archive_begins_is_cut_in_two() -> None:
    boundary = (NOW.astimezone(EASTERN) - HOURLY_DAYS * DAY).date()
    assert (boundary.year, boundary.month, boundary.day) == (2024, 8, 13)
    assert ranges("wind_gen", eastern(2024, 7, 1), eastern(2024, 9, 30)) == [
        "07/01/2024 00:00to07/31/2024 23:59",
        "08/01/2024 00:00to08/12/2024 23:59",
        "08/13/2024 00:00to08/31/2024 23:59",
        "09/01/2024 00:00to09/30/2024 23:59",
    ]


def test_what_is_not_published_yet_is_not_asked_for() -> None:
    tomorrow = eastern(2026, 8, 15)
    assert plan("rt_unverified_hrl_lmps", tomorrow, tomorrow + DAY) == []
    before, after = eastern(2026, 8, 14, 13, 29), eastern(2026, 8, 14, 13, 30)
    assert plan("da_hrl_lmps", tomorrow, tomorrow + DAY, before) == []
    assert len(plan("da_hrl_lmps", tomorrow, tomorrow + DAY, after)) == 12


def test_what_is_no_longer_kept_is_said_before_anything_is_asked() -> None:
    with pytest.raises(AgedOut, match=r"rt_unverified_fivemin_lmps is kept for 15 days: since 2026-07-30"):
        plan("rt_unverified_fivemin_lmps", NOW - 16 * DAY, NOW)
    with pytest.raises(AgedOut, match="load_frcstd_7_day has no past"):
        plan("load_frcstd_7_day", NOW - 9 * DAY, NOW - 8 * DAY)


def test_a_report_of_the_present_is_one_request_that_never_settles() -> None:
    (request,) = plan("load_frcstd_7_day", NOW, NOW + DAY)
    assert request.params == {"rowCount": "50000", "startRow": "1"}
    assert (request.start_utc, request.end_utc) == (eastern(2026, 8, 14), eastern(2026, 8, 21))
    (nodes,) = plan("pnode", NOW, NOW + timedelta(minutes=1))
    assert nodes.end_utc + FEEDS["pjm/pnode"].settled_after > NOW


def test_workbooks_are_named_by_delivery_year() -> None:
    found = plan("rpm_bra_results", datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    assert [request.path for request in found] == [
        "-/media/DotCom/markets-ops/rpm/rpm-auction-info/2024-2025/2024-2025-base-residual-auction-results.xlsx",
        "-/media/DotCom/markets-ops/rpm/rpm-auction-info/2025-2026/2025-2026-base-residual-auction-results.xlsx",
        "-/media/DotCom/markets-ops/rpm/rpm-auction-info/2026-2027/2026-2027-bra-results.xlsx",
    ]
    assert found[0].start_utc == eastern(2024, 6, 1)
    (parameters,) = plan("rpm_planning_parameters", eastern(2026, 6, 1), eastern(2026, 6, 2))
    assert parameters.name == "2026-2027-planning-period-parameters-for-base-residual-auction.xlsx"


def answer(count: int, total: int | None, *links: str) -> bytes:
    content = {
        "links": [{"rel": rel, "href": "https://api.pjm.com/api/v1/x"} for rel in links],
        "items": [{"a": 1}] * count,
    }
    return json.dumps(content if total is None else content | {"totalRows": total}).encode()


REQUEST = Request("x", "x_1.json", NOW, NOW, {"rowCount": "50000", "startRow": "1"})


def test_the_pages_after_the_first() -> None:
    pages = further_pages(REQUEST, answer(2, 120_001))
    assert [(page.name, page.params["startRow"]) for page in pages] == [
        ("x_1_page2.json", "50001"),
        ("x_1_page3.json", "100001"),
    ]
    again = further_pages(pages[0], answer(2, 120_001))
    assert [page.key for page in again] == [pages[1].key]
    assert further_pages(REQUEST, answer(2, 50_000)) == []
    assert further_pages(REQUEST, answer(0, 0)) == []


def test_pages_where_the_answer_does_not_say_how_many_rows_there_are() -> None:
    (page,) = further_pages(REQUEST, answer(2, None, "self", "next"))
    assert page.params["startRow"] == "50001"
    assert further_pages(REQUEST, answer(2, None, "self")) == []
    assert len(further_pages(REQUEST, json.dumps([{}] * PAGE_ROWS).encode())) == 1
    assert further_pages(REQUEST, b"[{}]") == []
    assert further_pages(REQUEST, b"[{") == []


def test_every_report_has_a_feed_and_every_feed_is_in_the_docs() -> None:
    names = {feed.name for feed in PJM_FEEDS}
    assert names == {report.name for report in REPORTS} | {
        "da_ancillary_services",
        "rpm_bra_results",
        "rpm_planning_parameters",
    }
    section = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text().partition("## PJM besides hourly LMPs")[2]
    section = section.partition("\n## ")[0]
    for name in names - {"da_hrl_lmps", "rt_hrl_lmps"}:
        assert f"`{name}`" in section, name


@pytest.mark.shared
def test_a_recorded_answer_is_fetched_page_by_page_with_the_key_and_read(shared_data: Path) -> None:
    recorded = json.loads(min((shared_data / "iso/pjm/rt_marginal_value").iterdir()).read_text())
    items, asked = recorded["items"], list[httpx2.Request]()

    def serve(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        first = int(request.url.params["startRow"]) - 1
        page = recorded | {"items": items[first : first + int(request.url.params["rowCount"])]}
        return httpx2.Response(200, json=page)

    client = httpx2.Client(transport=httpx2.MockTransport(serve))
    fetcher = Fetcher(client, keys={DATA_MINER.name: "secret"}, sleep=lambda _: None)
    (request,) = plan("rt_marginal_value", eastern(2024, 9, 2), eastern(2024, 9, 3))
    waiting = [
        Request(request.path, request.name, request.start_utc, request.end_utc, {**request.params, "rowCount": "300"})
    ]
    rows = 0
    for one in waiting:
        content = fetcher.fetch(DATA_MINER, one).content
        assert content is not None
        waiting += [page for page in further_pages(one, content) if page.key not in {known.key for known in waiting}]
        (payload,) = survey(one.name, content, named=True).payloads
        publication = parse(payload)
        assert publication.feed == "rt_marginal_value"
        rows += publication.rows.num_rows
    assert rows == len(items) == 578
    assert [request.url.params["startRow"] for request in asked] == ["1", "301"]
    assert str(asked[0].url).startswith("https://api.pjm.com/api/v1/rt_marginal_value?rowCount=300&startRow=1&")
    assert {request.headers["ocp-apim-subscription-key"] for request in asked} == {"secret"}


@pytest.mark.parametrize(
    ("content", "is_empty"),
    [
        (b'{"links":[{"rel":"self","href":"https://api.pjm.com/api/v1/x"}],"items":[],"totalRows":0}', True),
        (b'{"items": [ ], "totalRows": 0}', True),
        (b"[]", True),
        (b'{"items":[],"totalRows":7}', False),
        (b'{"items":[{"a":[]}],"totalRows":1}', False),
        (b"<html></html>", False),
    ],
)
def test_an_answer_without_rows_is_told_from_others(content: bytes, is_empty: bool) -> None:
    assert has_no_rows(content) is is_empty
