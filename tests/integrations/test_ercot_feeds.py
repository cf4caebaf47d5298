"""Which requests bring which stretch of ERCOT's feeds: lists of documents, and what they lead to."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.ercot.feeds import documents_of
from integrations.isos.errors import UnreadablePublication
from integrations.isos.feed_registry import FEEDS
from integrations.isos.feeds import AgedOut, Request
from integrations.isos.http import Fetcher

NOW = datetime(2025, 3, 13, 18, 30, tzinfo=UTC)


def plan(feed: str, start: datetime, end: datetime, now: datetime = NOW) -> Request:
    (request,) = FEEDS[f"ercot/{feed}"].plan(start, end, now)
    return request


def entry(name: str, doc_id: int, published: str = "2025-03-13T12:55:09-05:00") -> dict[str, Any]:
    document = {"ConstructedName": name, "DocID": str(doc_id), "PublishDate": published}
    return {"Document": document}


def answer(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"ListDocsByRptTypeRes": {"DocumentList": list(entries)}}).encode()


def follow(feed: str, request: Request, content: bytes) -> Sequence[Request]:
    return FEEDS[f"ercot/{feed}"].follow(request, content)


def test_a_report_is_asked_for_by_its_list() -> None:
    request = plan("wind_power", NOW - timedelta(hours=3), NOW)
    assert request.key == "misapp/servlets/IceDocListJsonWS?reportTypeId=13028"
    assert request.is_list


@pytest.mark.shared
def test_a_list_leads_to_the_csv_documents_of_the_stretch_oldest_first(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot/mis_document_list"
    content = gzip.decompress(min(folder.iterdir()).read_bytes())
    everything = json.loads(content)["ListDocsByRptTypeRes"]["DocumentList"]
    twins = [found["Document"] for found in everything if found["Document"]["ConstructedName"].endswith("_csv.zip")]
    assert len(documents_of("list", content)) == len(twins) == 180

    start, end = datetime(2025, 3, 13, 12, tzinfo=UTC), datetime(2025, 3, 13, 15, tzinfo=UTC)
    expected = sorted(
        (datetime.fromisoformat(found["PublishDate"]), found["DocID"], found["ConstructedName"])
        for found in twins
        if start <= datetime.fromisoformat(found["PublishDate"]) < end
    )
    found = follow("wind_power", plan("wind_power", start, end), content)
    assert [(request.params["doclookupId"], request.name) for request in found] == [row[1:] for row in expected]
    assert len(found) == 3
    assert {request.path for request in found} == {"misdownload/servlets/mirDownload"}
    assert found[0].start_utc < expected[0][0] < found[0].end_utc
    assert follow("wind_power", found[0], b"PK") == ()


def test_documents_of_what_was_cleared_or_measured_are_chosen_by_what_they_hold() -> None:
    """From the specification: day-ahead prices come out around noon of the day before."""
    names = [f"cdr.00012331.0000000000000000.202503{day}.123229.DAMSPNP4190_csv.zip" for day in (10, 11, 12)]
    content = answer(*(entry(name, number) for number, name in enumerate(names)))
    day = datetime(2025, 3, 12, 5, tzinfo=UTC)
    request = plan("dam_spp", day + timedelta(hours=9), day + timedelta(hours=10))
    assert names[1] in [found.name for found in follow("dam_spp", request, content)]
    assert names[2] not in [found.name for found in follow("dam_spp", request, content)]
    for found in follow("dam_spp", request, content):
        assert found.end_utc + FEEDS["ercot/dam_spp"].settled_after <= NOW  # a document is never asked for again

    disclosed = "ext.00013052.0000000000000000.20250410.030000.60_Day_SCED_Disclosure.zip"
    content = answer(entry(disclosed, 1, "2025-04-10T03:00:00-05:00"))
    now = datetime(2025, 4, 11, tzinfo=UTC)
    february = datetime(2025, 2, 9, 6, tzinfo=UTC)
    request = plan("sced_disclosure", february, february + timedelta(days=1), now)
    assert [found.name for found in follow("sced_disclosure", request, content)] == [disclosed]
    request = plan("sced_disclosure", february + timedelta(days=30), february + timedelta(days=31), now)
    assert follow("sced_disclosure", request, content) == []


def test_retries_and_the_repeated_hour_are_put_in_the_order_of_publication() -> None:
    """From the specification: the list's stamps of the second pass had the first one's offset; names say `xhr`."""
    report = "cdr.00012300.0000000000000000"
    first = f"{report}.20241103.010526269.LMPSROSNODENP6788_20241103_010515_csv.zip"
    second = f"{report}.20241103.010526269xhr.LMPSROSNODENP6788_20241103_010515xhr_csv.zip"
    retry = f"{report}.20241103.011026269.LMPSROSNODENP6788_retry_20241103_010515_csv.zip"
    wrong = "2024-11-03T01:05:26-05:00"
    content = answer(*(entry(name, number, wrong) for number, name in enumerate((second, retry, first))))
    start = datetime(2024, 11, 3, 5, tzinfo=UTC)
    request = plan("sced_lmp", start, start + timedelta(hours=4), start + timedelta(hours=5))
    assert [found.name for found in follow("sced_lmp", request, content)] == [first, retry, second]


def test_years_of_history_are_chosen_by_the_year_in_their_name() -> None:
    names = [f"rpt.00013060.0000000000000000.DAMLZHBSPP_{year}.zip" for year in (2023, 2024, 2025)]
    content = answer(*(entry(name, number) for number, name in enumerate(names)))
    request = plan("dam_lzhb_spp", datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC))
    assert [found.name for found in follow("dam_lzhb_spp", request, content)] == [names[1]]


def test_what_is_no_list_is_refused_and_one_entry_stands_by_itself() -> None:
    one = json.dumps({"ListDocsByRptTypeRes": {"DocumentList": entry("a_csv.zip", 1)}}).encode()
    assert [found.doc_id for found in documents_of("list", one)] == ["1"]
    assert documents_of("list", b'{"ListDocsByRptTypeRes": {"DocumentList": null}}') == []
    for content in (b"<html>", b"{}", b"[]", answer({"Document": {}}), answer(entry("a_csv.zip", 1, "today"))):
        with pytest.raises(UnreadablePublication, match="no list of documents"):
            documents_of("list", content)


def test_what_is_no_longer_listed_is_said_before_anything_is_asked() -> None:
    with pytest.raises(AgedOut, match="lists report 12301 from 2025-03-06"):
        plan("rtm_spp", NOW - timedelta(days=8), NOW)
    with pytest.raises(AgedOut, match="lists report 12331"):
        plan("dam_spp", NOW - timedelta(days=40), NOW)
    assert plan("sced_disclosure", NOW - timedelta(days=1500), NOW).is_list
    assert plan("dam_lzhb_spp", NOW - timedelta(days=4000), NOW).is_list
    with pytest.raises(AgedOut, match="serves only what is newest"):
        plan("dashboard_fuel_mix", NOW - timedelta(days=9), NOW - timedelta(days=8))


def test_a_dashboard_is_one_request_around_now() -> None:
    request = plan("dashboard_demand", NOW - timedelta(hours=1), NOW)
    assert (request.path, request.is_list) == ("system-wide-demand.json", False)
    assert request.start_utc < NOW < request.end_utc


@pytest.mark.shared
def test_recorded_payloads_come_through_the_fetcher(shared_data: Path) -> None:
    """The real list and a real document, as the source would answer."""
    folder = shared_data / "iso/ercot"
    listed = gzip.decompress(min((folder / "mis_document_list").iterdir()).read_bytes())
    document = (folder / "mis_reports/wind_specific_reportid.zip").read_bytes()

    def serve(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("IceDocListJsonWS") and request.url.params["reportTypeId"] == "13028":
            return httpx2.Response(200, content=listed)
        assert request.url.params["doclookupId"].isdigit()
        return httpx2.Response(200, content=document)

    client = httpx2.Client(transport=httpx2.MockTransport(serve))
    fetcher = Fetcher(client, sleep=lambda _: None)
    feed = FEEDS["ercot/wind_power"]
    request = plan("wind_power", datetime(2025, 3, 13, 17, tzinfo=UTC), NOW)
    content = fetcher.fetch(feed.source, request).content
    assert content is not None
    (found,) = feed.follow(request, content)
    answered = fetcher.fetch(feed.source, found).content
    assert answered is not None
    (payload,) = survey(found.name, answered, named=True).payloads
    publication = parse(payload)
    assert publication.feed == "wind_power"
    starts = publication.rows["interval_start_utc"].to_pylist()
    assert found.start_utc < min(starts) < max(starts) < found.end_utc
