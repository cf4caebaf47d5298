"""The simulated operators' manners: keys, limits, conditional requests; and faults that can be had again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from integrations.isos.simulator.exchange import Exchange, Reply
from integrations.isos.simulator.faults import KINDS, Faults, Wanted
from integrations.isos.simulator.manners import MEMBER_KEY
from integrations.isos.simulator.world import simulated_world
from tests.integrations_simulator.markets import SteppedClock, world

NOON = datetime(2026, 6, 15, 17, 1, tzinfo=UTC)
REPORT = "20260615_da_expost_lmp.csv"
TABLE = "MarketPricing/GetLmpConsolidatedTable"
KEY = "ocp-apim-subscription-key"


def ask(exchange: Exchange, source: str, path: str, headers: dict[str, str] | None = None, **params: str) -> Reply:
    return exchange.reply(source, path, params, headers or {})


def test_a_file_comes_with_validators_and_is_not_sent_twice() -> None:
    exchange = world(SteppedClock(NOON))
    first = ask(exchange, "miso-reports", REPORT)
    assert (first.status, first.headers["content-type"]) == (200, "text/csv")
    assert first.headers["last-modified"] == "Sun, 14 Jun 2026 18:05:00 GMT"
    for known in (
        {"if-none-match": first.headers["etag"]},
        {"if-modified-since": first.headers["last-modified"]},
        {"if-none-match": first.headers["etag"], "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ):
        again = ask(exchange, "miso-reports", REPORT, known)
        assert (again.status, again.content) == (304, b"")
    for unknown in ({"if-none-match": '"other"'}, {"if-modified-since": "Sat, 13 Jun 2026 18:05:00 GMT"}):
        assert ask(exchange, "miso-reports", REPORT, unknown).status == 200


def test_what_is_newest_changes_with_the_markets_time() -> None:
    clock = SteppedClock(NOON)
    exchange = world(clock)
    first = ask(exchange, "miso-public-api", TABLE)
    clock.wait(60)
    known = {"if-none-match": first.headers["etag"]}
    assert ask(exchange, "miso-public-api", TABLE, known).status == 304
    clock.wait(300)
    assert ask(exchange, "miso-public-api", TABLE, known).status == 200


def test_sources_say_in_their_own_way_that_there_is_nothing() -> None:
    exchange = world(SteppedClock(NOON))
    gone = ask(exchange, "miso-reports", "20260615_rt_lmp_final.csv")
    assert (gone.status, b"<Code>BlobNotFound</Code>" in gone.content) == (404, True)
    unknown = ask(exchange, "pjm_data_miner", "no_such_report", {KEY: "k"})
    assert (unknown.status, json.loads(unknown.content)["statusCode"]) == (404, 404)
    assert ask(exchange, "nyiso", "x").status == 404


def test_data_miner_wants_a_key_and_counts_its_requests() -> None:
    clock = SteppedClock(NOON)
    exchange = world(clock)
    refused = ask(exchange, "pjm_data_miner", "pnode")
    assert refused.status == 401
    assert "missing subscription key" in json.loads(refused.content)["message"]
    key = {KEY: "no-member"}
    assert [ask(exchange, "pjm_data_miner", "pnode", key).status for _ in range(7)] == [200] * 6 + [429]
    busy = ask(exchange, "pjm_data_miner", "pnode", key)
    assert busy.headers["retry-after"] == "10"
    assert "Try again in 10 seconds" in json.loads(busy.content)["message"]
    assert {ask(exchange, "pjm_data_miner", "pnode", {KEY: MEMBER_KEY}).status for _ in range(100)} == {200}
    clock.wait(10)
    assert [ask(exchange, "pjm_data_miner", "pnode", key).status for _ in range(2)] == [200, 429]


def test_oasis_refuses_in_html_what_comes_too_often() -> None:
    exchange = world(SteppedClock(NOON))
    replies = [ask(exchange, "caiso-oasis", "SingleZip") for _ in range(3)]
    assert replies[2].status == 429
    assert b"Acceptable Use Policy Violation" in replies[2].content
    assert replies[2].headers["retry-after"] == "5"


def test_the_same_seed_is_the_same_market_and_another_one_is_not() -> None:
    answers = [
        ask(simulated_world(seed=seed, nodes=1100, clock=SteppedClock(NOON)), "miso-reports", REPORT).content
        for seed in (3, 3, 4)
    ]
    assert answers[0] == answers[1] != answers[2]


@pytest.mark.parametrize(("seed", "nodes"), [(-1, 1100), (1, 1099)])
def test_a_market_that_cannot_be_is_refused(seed: int, nodes: int) -> None:
    with pytest.raises(ValueError, match=r"seed is -1|1099 nodes are fewer"):
        simulated_world(seed=seed, nodes=nodes, clock=SteppedClock(NOON))


def polls(seed: int) -> list[tuple[str, int]]:
    clock = SteppedClock(NOON)
    exchange = world(clock, seed=seed, rate=0.2)
    for _ in range(120):
        ask(exchange, "miso-public-api", TABLE)
        clock.wait(150)
    return [(fault.kind, int((fault.at_utc - NOON).total_seconds())) for fault in exchange.faults.journal]


def test_faults_at_a_rate_come_again_with_their_seed() -> None:
    first = polls(5)
    assert first == polls(5) != polls(6)
    assert 10 < len(first) < 40
    assert len({kind for kind, _ in first}) > 5


def test_a_listed_fault_comes_as_often_as_it_says_to_whom_it_says() -> None:
    exchange = world(SteppedClock(NOON), "unavailable:miso-reports/*expost*:2", "missing")
    statuses = [ask(exchange, "miso-reports", REPORT).status for _ in range(4)]
    assert statuses == [503, 503, 404, 200]
    assert [(fault.kind, fault.source) for fault in exchange.faults.journal] == [
        ("unavailable", "miso-reports"), ("unavailable", "miso-reports"), ("missing", "miso-reports"),
    ]  # fmt: skip


def test_a_fault_that_nobody_could_see_is_not_injected() -> None:
    exchange = world(SteppedClock(NOON), "restated", "truncated:*:5", "late:*:5")
    assert ask(exchange, "miso-reports", "20260615_rt_lmp_final.csv").status == 404
    assert exchange.faults.journal == [], "there was no file"
    ask(exchange, "miso-reports", REPORT)
    assert [fault.kind for fault in exchange.faults.journal] == ["truncated"], "there were no prices to restate yet"


def test_restated_prices_last_until_something_newer_is_published() -> None:
    clock = SteppedClock(NOON)
    exchange, plain = world(clock, "restated:miso-public-api/*"), world(clock)
    ask(exchange, "miso-public-api", TABLE)
    true = ask(plain, "miso-public-api", TABLE).content
    restated = ask(exchange, "miso-public-api", TABLE).content
    assert restated != true
    clock.wait(100)
    assert ask(exchange, "miso-public-api", TABLE).content == restated
    clock.wait(300)
    assert ask(exchange, "miso-public-api", TABLE).content == ask(plain, "miso-public-api", TABLE).content


def test_what_nobody_asks_for_any_more_is_forgotten_but_not_what_was_restated() -> None:
    clock = SteppedClock(NOON)
    exchange = world(clock, f"restated:miso-reports/{REPORT}")
    first, restated = (ask(exchange, "miso-reports", REPORT).content for _ in range(2))
    assert first != restated
    for number in range(20_000):  # 200 a day
        ask(exchange, "miso-reports", f"{number}.csv")
        clock.wait(432)
    assert len(exchange._memory) < 6_000
    assert len(exchange.faults._asked) == len(exchange._memory)
    assert ask(exchange, "miso-reports", REPORT).content == restated


def test_each_publication_can_be_restated_once() -> None:
    clock = SteppedClock(NOON)
    exchange = world(clock, "restated:miso-public-api/*:9")
    for _ in range(3):
        first, second, third = (ask(exchange, "miso-public-api", TABLE).content for _ in range(3))
        assert first != second == third
        clock.wait(300)
    assert [fault.kind for fault in exchange.faults.journal] == ["restated"] * 3


def test_news_that_are_late_come_ten_minutes_later() -> None:
    clock = SteppedClock(NOON)
    exchange, plain = world(clock, "late:miso-public-api/*"), world(clock)
    old = ask(exchange, "miso-public-api", TABLE).content
    assert old != ask(plain, "miso-public-api", TABLE).content
    clock.wait(590)
    assert ask(exchange, "miso-public-api", TABLE).content == old
    clock.wait(11)
    assert ask(exchange, "miso-public-api", TABLE).content == ask(plain, "miso-public-api", TABLE).content


def test_what_was_there_before_whoever_asks_first_could_have_seen_it_is_not_late() -> None:
    exchange = world(SteppedClock(NOON), "late:miso-reports/*")
    ask(exchange, "miso-reports", REPORT)  # published the day before: the answer of ten minutes ago is the same
    assert exchange.faults.journal == []


@pytest.mark.parametrize("text", ["", "lost", "late:*:0", "late:*:x"])
def test_a_fault_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no kind of fault|is not how often"):
        Wanted.of(text)


def test_every_kind_can_be_listed() -> None:
    assert [Wanted.of(kind) for kind in KINDS] == [Wanted(kind, "*", 1) for kind in KINDS]
    assert Wanted.of("late:miso-*:3") == Wanted("late", "miso-*", 3)
    assert Faults().journal == []


def test_half_a_second_of_the_wall_is_half_a_minute_of_a_fast_market() -> None:
    from infra.clock import Clock

    clock = Clock(NOON, 60.0)
    before, began = clock.now(), clock.seconds()
    assert abs(before - NOON) < timedelta(minutes=10)
    assert clock.wall_seconds(60) == 1.0
    assert clock.seconds() >= began
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=60)
