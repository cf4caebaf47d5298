"""Requests to operators: paced, retried, cut off, conditional, and not fooled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import httpx2
import pytest

from integrations.isos.feeds import Request, Source
from integrations.isos.http import ATTEMPTS, FAILURES_UNTIL_OPEN, OPEN_FOR_S, Fetcher, FetchFailed, Validators
from tests.uncollected import count_of, no_collector

DAY = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = Request("file.csv", "file.csv", DAY, DAY)
SOURCE = Source("source", "http://operator.test", seconds_between_requests=5.0)

Handler = Callable[[httpx2.Request], httpx2.Response]


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


def fetcher(handler: Handler, clock: Clock, **options: object) -> Fetcher:
    client = httpx2.Client(transport=httpx2.MockTransport(handler))
    return Fetcher(client, sleep=clock.sleep, clock=clock, **options)  # type: ignore[arg-type]


def answers(*given: httpx2.Response) -> Handler:
    left = list(given)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_requests_start_no_closer_than_the_source_allows() -> None:
    clock, starts = Clock(), list[float]()

    def handle(_: httpx2.Request) -> httpx2.Response:
        starts.append(clock.now)
        return httpx2.Response(200, content=b"x")

    asking = fetcher(handle, clock)
    for _ in range(3):
        asking.fetch(SOURCE, REQUEST)
    assert starts == [1000.0, 1005.0, 1010.0]


def test_a_busy_source_is_asked_again_when_it_says() -> None:
    clock = Clock()
    asking = fetcher(
        answers(httpx2.Response(429, headers={"retry-after": "17"}), httpx2.Response(200, content=b"x")), clock
    )
    assert asking.fetch(SOURCE, REQUEST).content == b"x"
    assert 17.0 in clock.slept


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html><body>Acceptable Use Policy Violation</body></html>", "an HTML page came with status 200"),
        (b"", "the answer is empty"),
        (b"PK\x05\x06" + bytes(18), "an empty zip"),
    ],
)
def test_what_is_no_file_is_seen_for_what_it_is(content: bytes, reason: str) -> None:
    with pytest.raises(FetchFailed, match=reason) as failed:
        fetcher(answers(httpx2.Response(200, content=content)), Clock()).fetch(SOURCE, REQUEST)
    assert "source, file.csv" in str(failed.value)


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    def whole(_: httpx2.Request) -> httpx2.Response:
        calls.append(1)
        size = "1" if len(calls) > 1 else "100"
        return httpx2.Response(200, content=b"x", headers={"content-length": size})

    calls: list[int] = []
    assert fetcher(whole, Clock()).fetch(SOURCE, REQUEST).content == b"x"
    assert len(calls) == 2


def test_a_missing_file_is_not_asked_for_again() -> None:
    calls: list[int] = []

    def missing(_: httpx2.Request) -> httpx2.Response:
        calls.append(1)
        return httpx2.Response(404)

    with pytest.raises(FetchFailed, match=r"operator\.test answered 404 for /file\.csv") as failed:
        fetcher(missing, Clock()).fetch(SOURCE, REQUEST)
    assert failed.value.lasting
    assert len(calls) == 1


def test_a_source_that_is_down_is_left_alone_for_a_while_and_then_tried_again() -> None:
    clock, calls, down = Clock(), list[int](), [True]

    def handle(_: httpx2.Request) -> httpx2.Response:
        calls.append(1)
        if down[0]:
            raise httpx2.ConnectError("refused")
        return httpx2.Response(200, content=b"x")

    asking = fetcher(handle, clock)
    with pytest.raises(FetchFailed, match="ConnectError refused"):
        asking.fetch(SOURCE, REQUEST)
    assert len(calls) == ATTEMPTS == FAILURES_UNTIL_OPEN
    with pytest.raises(FetchFailed, match="left alone for"):
        asking.fetch(SOURCE, REQUEST)
    assert len(calls) == ATTEMPTS
    down[0] = False
    clock.now += OPEN_FOR_S
    assert asking.fetch(SOURCE, REQUEST).content == b"x"


def test_what_is_known_already_is_not_sent_again() -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("if-none-match") == '"1"':
            return httpx2.Response(304)
        return httpx2.Response(200, content=b"x", headers={"etag": '"1"'})

    asking = fetcher(handle, Clock())
    first = asking.fetch(SOURCE, REQUEST)
    assert first.validators == Validators(etag='"1"')
    assert asking.fetch(SOURCE, REQUEST, first.validators).content is None


def test_a_key_goes_into_its_header_and_nowhere_else() -> None:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, content=b"x")

    keyed = Source("keyed", "http://operator.test", 0.0, key_header="Ocp-Apim-Subscription-Key")
    fetcher(handle, Clock(), keys={"keyed": "secret"}).fetch(keyed, REQUEST)
    assert seen[0].headers["ocp-apim-subscription-key"] == "secret"
    assert "secret" not in str(seen[0].url)
    with pytest.raises(FetchFailed, match="wants an API key"):
        fetcher(handle, Clock()).fetch(keyed, REQUEST)


def test_another_base_url_takes_the_place_of_the_sources_own() -> None:
    seen: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(str(request.url))
        return httpx2.Response(200, content=b"x")

    request = Request("/api/x", "x", DAY, DAY, params={"a": "1"})
    fetcher(handle, Clock(), base_urls={"source": "http://127.0.0.1:9/sim/"}).fetch(SOURCE, request)
    assert seen == ["http://127.0.0.1:9/sim/api/x?a=1"]


def test_tries_that_went_wrong_are_told_with_what_came_in_the_end() -> None:
    page = httpx2.Response(200, content=b"<html><body>maintenance</body></html>")
    busy, good = httpx2.Response(429, headers={"retry-after": "1"}), httpx2.Response(200, content=b"x")
    fetched = fetcher(answers(page, busy, good), Clock()).fetch(SOURCE, REQUEST)
    assert [trouble.kind for trouble in fetched.troubles] == ["error_page", "too_many_requests"]
    with pytest.raises(FetchFailed) as failed:
        fetcher(answers(httpx2.Response(503), httpx2.Response(404)), Clock()).fetch(SOURCE, REQUEST)
    assert (failed.value.is_absent, [trouble.kind for trouble in failed.value.troubles]) == (True, ["server_error"])


def test_a_body_that_never_ends_is_given_up() -> None:
    def dribble() -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b"x"

    given = [httpx2.Response(200, content=dribble()), httpx2.Response(200, content=b"whole")]
    fetched = fetcher(answers(*given), Clock(), patience_s=1.0).fetch(SOURCE, REQUEST)
    assert (fetched.content, [trouble.kind for trouble in fetched.troubles]) == (b"whole", ["too_slow"])


def test_a_pace_that_is_set_replaces_the_sources_own() -> None:
    clock = Clock()
    asking = fetcher(answers(httpx2.Response(200, content=b"x")), clock, paces={"source": 0.5})
    for _ in range(3):
        asking.fetch(SOURCE, REQUEST)
    assert clock.slept == [0.5, 0.5]


@pytest.mark.parametrize(("status", "claimed"), [(404, "1"), (503, "1"), (200, "9")], ids=["absent", "down", "cut off"])
def test_what_had_come_of_a_failed_request_is_let_go_of_at_once(status: int, claimed: str) -> None:
    asking = fetcher(lambda _: httpx2.Response(status, headers={"content-length": claimed}, content=b"x"), Clock())
    with no_collector():
        before = count_of(httpx2.Response, FetchFailed)
        for _ in range(3):
            with suppress(FetchFailed):
                asking.fetch(SOURCE, REQUEST)
        assert count_of(httpx2.Response, FetchFailed) == before
