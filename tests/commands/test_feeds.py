"""Running a feed: what is known is not asked for again, and what a source gets wrong is seen."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from api.platform import Platform
from commands.feeds import FeedRun, run_feed
from integrations.isos.errors import unreadable
from integrations.isos.feeds import Feed, Request, Source
from integrations.isos.http import Fetched, FetchFailed, Validators
from tests.commands.test_bus import caller
from tests.e2e.market_files import miso_name, miso_text

FIRST = date(2026, 2, 1)
HOURS = timedelta(hours=1)


def midnight(day: date) -> datetime:
    """When a market day of MISO begins: it keeps Eastern Standard Time."""
    return datetime(day.year, day.month, day.day, 5, tzinfo=UTC)


def plan(start_utc: datetime, end_utc: datetime, _: datetime) -> Sequence[Request]:
    days = (end_utc - start_utc).days
    return [daily(start_utc.date() + timedelta(days=day)) for day in range(days)]


def daily(day: date) -> Request:
    name = miso_name("da_expost_lmp", day)
    return Request(name, name, midnight(day), midnight(day) + 24 * HOURS)


class Operator:
    """Serves a file a day; `wrong` replaces what it serves for a name, `down` refuses it."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.asked: list[str] = []
        self.down: set[str] = set()
        self.wrong: dict[str, bytes] = {}
        self.price = 20
        self.knows_versions = True

    def __call__(self, feed: Feed, request: Request, known: Validators) -> Fetched:
        self.asked.append(request.name)
        if request.name in self.down:
            raise FetchFailed(f"operator.test answered 404 for {request.path}", lasting=True)
        text = miso_text("da_expost_lmp", {self.node: [self.price] * 24}, request.start_utc.date())
        content = self.wrong.get(request.name, text.encode())
        etag = str(hash(content)) if self.knows_versions else None
        return Fetched(None if etag and known.etag == etag else content, Validators(etag=etag))


def feed(**changes: object) -> Feed:
    given: dict[str, object] = {
        "iso": "MISO", "name": f"test_{uuid4().hex}", "title": "day-ahead", "dataset": "prices", "market": "DA",
        "source": Source("operator", "http://operator.test", 0.0), "plan": plan, "cadence": timedelta(days=1),
        "freshness_target": timedelta(days=1), "settled_after": timedelta(days=3), "licence": "public",
    }  # fmt: skip
    return Feed(**(given | changes))  # type: ignore[arg-type]


def run(platform: Platform, wanted: Feed, operator: Operator, days: int = 3) -> FeedRun:
    return run_feed(
        wanted,
        midnight(FIRST),
        midnight(FIRST) + timedelta(days=days),
        tools=platform.bus.tools,
        dispatch=platform.bus.dispatch,
        fetch=operator,
        caller=caller(),
        progress=lambda _, __: None,
    )


def test_what_is_settled_is_not_asked_for_again(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N1")
    first = run(platform, wanted, operator)
    assert (first.requests, first.fetched, first.publications, first.failed) == (3, 3, 3, [])
    head = platform.log.head()
    again = run(platform, wanted, operator)
    assert (again.known, again.fetched, len(operator.asked)) == (3, 0, 3)
    assert platform.log.head() == head


def test_what_may_still_change_is_asked_for_with_its_validators(platform: Platform) -> None:
    wanted, operator = feed(settled_after=timedelta(days=100_000)), Operator("N2")
    run(platform, wanted, operator)
    head = platform.log.head()
    unchanged = run(platform, wanted, operator)
    assert (unchanged.unchanged, platform.log.head()) == (3, head)
    operator.price = 21
    assert run(platform, wanted, operator).fetched == 3
    assert platform.log.head() == head + 6


def test_one_missing_file_does_not_stop_the_others_and_is_asked_for_next_time(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N3")
    missing = miso_name("da_expost_lmp", FIRST + timedelta(days=1))
    operator.down.add(missing)
    first = run(platform, wanted, operator)
    assert (first.fetched, [f["request"] for f in first.failed]) == (2, [missing])
    operator.down.clear()
    assert run(platform, wanted, operator).fetched == 1


def test_a_run_that_breaks_off_goes_on_where_it_was(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N4")

    def breaking(feed: Feed, request: Request, known: Validators) -> Fetched:
        if len(operator.asked) == 2:
            raise KeyboardInterrupt
        return operator(feed, request, known)

    with pytest.raises(KeyboardInterrupt):
        run(platform, wanted, breaking)  # type: ignore[arg-type]
    assert run(platform, wanted, operator).known == 2
    assert len(operator.asked) == 3


def test_yesterdays_file_under_todays_name_is_a_failure(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N5")
    today = miso_name("da_expost_lmp", FIRST + timedelta(days=1))
    operator.wrong[today] = miso_text("da_expost_lmp", {"N5": [20] * 24}, FIRST).encode()
    found = run(platform, wanted, operator)
    assert [entry["request"] for entry in found.failed] == [today]
    assert "which is not the stretch asked for" in found.failed[0]["reason"]


def test_hours_of_a_forecast_do_not_pass_for_load_that_came(platform: Platform) -> None:
    """The last five minutes of load end at 08:35 UTC; the forecast beside them ends with the day."""
    hours = [{"Forecast": {"HourEnding": str(hour), "LoadForecast": "61000"}} for hour in range(1, 25)]
    loads = [{"Load": {"Time": f"03:{minute}", "Value": "60000"}} for minute in (25, 30)]
    answer = {"RefId": "01-Feb-2026 - Interval 03:35 EST", "MediumTermLoadForecast": hours, "FiveMinTotalLoad": loads}
    operator = Operator("N10")
    operator.wrong[miso_name("da_expost_lmp", FIRST)] = json.dumps({"LoadInfo": answer}).encode()
    found = run(platform, feed(dataset="fundamentals", market=""), operator, days=1)
    assert (found.publications, found.newest_interval_end_utc) == (1, datetime(2026, 2, 1, 8, 35, tzinfo=UTC))


def test_a_file_that_cannot_be_read_is_quarantined_and_counted(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N6")
    operator.wrong[miso_name("da_expost_lmp", FIRST)] = b"<Error><Code>BlobNotFound</Code></Error>"
    found = run(platform, wanted, operator)
    assert (found.publications, found.quarantined) == (2, 1)


def test_pages_are_followed_to_the_end(platform: Platform) -> None:
    def only_first(start_utc: datetime, _: datetime, __: datetime) -> Sequence[Request]:
        return [daily(start_utc.date())]

    def next_day(request: Request, _: bytes) -> Sequence[Request]:
        following = request.start_utc.date() + timedelta(days=1)
        return [daily(following)] if following < FIRST + timedelta(days=4) else []

    wanted, operator = feed(plan=only_first, follow=next_day), Operator("N7")
    assert run(platform, wanted, operator).fetched == 4
    assert run(platform, wanted, operator).known == 4


def test_a_list_is_asked_for_each_time_and_what_it_leads_to_once(platform: Platform) -> None:
    operator = Operator("N6")
    listed = Request("list", "list.json", midnight(FIRST), midnight(FIRST) + timedelta(days=1), is_list=True)
    operator.wrong["list.json"] = b"a list"

    def follow(request: Request, content: bytes) -> Sequence[Request]:
        if not request.is_list:
            return ()
        if content != b"a list":
            raise unreadable(request.name, "no list")
        return plan(request.start_utc, request.end_utc, request.end_utc)

    wanted = feed(plan=lambda *_: [listed], follow=follow)
    first = run(platform, wanted, operator)
    assert (first.requests, first.fetched, first.publications, first.quarantined) == (2, 2, 1, 0)
    again = run(platform, wanted, operator)
    assert (again.known, again.unchanged, again.fetched) == (1, 1, 0)
    operator.wrong["list.json"] = b"<html>"
    refused = run(platform, wanted, operator)
    assert (refused.quarantined, [found["reason"] for found in refused.failed]) == (0, ["operator, list.json: no list"])


def test_an_answer_that_says_there_is_nothing_is_no_broken_file(platform: Platform) -> None:
    wanted = feed(is_empty=lambda content: content == b"nothing", freshness_target=timedelta(days=100_000))
    operator = Operator("N8")
    day = midnight(FIRST).date()
    operator.wrong[daily(day).name] = b"nothing"
    found = run(platform, wanted, operator)
    assert (found.publications, found.quarantined, found.awaited, found.failed) == (2, 0, 1, [])
    overdue = run(platform, feed(is_empty=lambda content: content == b"nothing"), operator)
    assert [entry["request"] for entry in overdue.failed] == [daily(day).name]
    assert "nothing for it, or nothing yet" in overdue.failed[0]["reason"]


def test_what_was_quarantined_is_asked_for_until_it_is_mended(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N9")
    name = miso_name("da_expost_lmp", FIRST)
    operator.wrong[name] = b"<Error><Code>BlobNotFound</Code></Error>"
    first = run(platform, wanted, operator)
    assert (first.quarantined, first.damaged) == (1, 1)
    again = run(platform, wanted, operator)
    assert (again.known, again.unchanged, again.damaged) == (2, 1, 0), "the same bytes are not sent again"
    del operator.wrong[name]
    mended = run(platform, wanted, operator)
    assert (mended.fetched, mended.publications) == (1, 1)
    assert run(platform, wanted, operator).known == 3


def test_damage_is_news_until_the_same_comes_again(platform: Platform) -> None:
    wanted, operator = feed(), Operator("N10")
    operator.knows_versions = False
    name = miso_name("da_expost_lmp", FIRST)
    operator.wrong[name] = b"<Error><Code>BlobNotFound</Code></Error>"
    assert [run(platform, wanted, operator).damaged for _ in range(2)] == [1, 0]
    operator.wrong[name] = b"<Error><Code>ServerBusy</Code></Error>"
    assert [run(platform, wanted, operator).damaged for _ in range(2)] == [1, 0]


def test_nothing_that_was_let_in_stays_in_memory(platform: Platform) -> None:
    """A feed asks for years, and memory would fill with what nobody asks for again."""
    wanted, operator, remembered = feed(), Operator("N11"), platform.bus.tools.uploads.remembered_bytes
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for number in (1, 2):
            day = FIRST + timedelta(days=number)
            written.writestr(miso_name("da_expost_lmp", day), miso_text("da_expost_lmp", {"N11": [number] * 24}, day))
    operator.wrong[miso_name("da_expost_lmp", FIRST + timedelta(days=1))] = archive.getvalue()
    operator.wrong[miso_name("da_expost_lmp", FIRST + timedelta(days=2))] = b"<Error><Code>BlobNotFound</Code></Error>"
    found = run(platform, wanted, operator)
    assert (found.publications, found.quarantined) == (3, 1)
    assert platform.bus.tools.uploads.remembered_bytes == remembered
