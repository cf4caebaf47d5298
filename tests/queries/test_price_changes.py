"""Changed prices, held against reading the whole history as it was and as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from infra.clickhouse import ClickHouse
from queries.price_changes import Place, changed_prices, feed_at, feeds_of
from queries.prices import AmbiguousFeed, price_history
from tests.plugins_clickhouse import publish, tick_rows

START = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = [Place("MISO", "DA", node, "Hub") for node in "AB"]
VINTAGES = ("preliminary", "verified", "final")


def history(store: ClickHouse, place: Place, position: int, superseded: dict[int, int]) -> dict[datetime, float]:
    known = [reading for reading, by in superseded.items() if by <= position]
    rows = price_history(store, **place._asdict(), through_position=position, superseded=known)
    return dict(zip(rows["interval_start_utc"].to_pylist(), rows["lmp_usd_per_mwh"].to_pylist(), strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_what_changed_is_what_two_readings_of_the_history_tell(price_store: ClickHouse, seed: int) -> None:
    """Twenty publications at random, some of them read again, and the history read after each of them."""
    random = Random(seed)
    superseded: dict[int, int] = {}
    known: dict[str, tuple[int, dict[str, Any]]] = {}
    for position in range(1, 21):
        again = random.choice([*known, ""]) if position > 4 and random.random() < 0.4 else ""
        if again:
            newest, given = known[again]
            superseded[newest] = position
        else:
            given = {
                "publication_id": f"p{position}", "vintage": random.choice(VINTAGES), "publication_position": position,
            }  # fmt: skip
        rows = tick_rows(
            random.sample("AB", random.randint(1, 2)), START + timedelta(hours=random.randint(0, 6)),
            count=random.randint(1, 4), lmp_usd_per_mwh=random.choice([30.0, 31.0]),
            source_version=random.randint(1, 2),
        )  # fmt: skip
        publish(price_store, position, rows, **given)
        known[given["publication_id"]] = (position, given)

    for since in (0, 7, 15):
        told = changed_prices(price_store, PLACES, since=since, through=20, superseded=superseded)
        for place in PLACES:
            now = history(price_store, place, 20, superseded)
            for position in range(since, 21):
                then = history(price_store, place, position, superseded)
                changed = {start for start, price in then.items() if now.get(start) != price}
                concerning = [t for t in told if t.key.place == place and t.concerns(position)]
                assert sum(t.key.interval_count for t in concerning) == len(changed)
                assert min((t.key.first_start_utc for t in concerning), default=None) == min(changed, default=None)
                assert max((t.key.last_start_utc for t in concerning), default=None) == max(changed, default=None)
                gone = sum(t.key.interval_count for t in concerning if t.by is None)
                assert gone == len(changed - now.keys())


def test_the_feed_is_the_one_that_the_history_is_read_from(price_store: ClickHouse) -> None:
    place = PLACES[0]
    for position, feed, price in ((2, "da_exante_lmp", 30.0), (4, "da_expost_lmp", 31.0), (6, "da_exante_lmp", 32.0)):
        publish(price_store, position, tick_rows(["A"], START, lmp_usd_per_mwh=price), feed=feed)
    for superseded in ({}, {4: 6}, {2: 4}):
        feeds = feeds_of(price_store, PLACES, through=6, superseded=superseded)[place]
        for position in range(7):
            known = [reading for reading, by in superseded.items() if by <= position]
            rows = price_history(price_store, **place._asdict(), through_position=position, superseded=known)
            span = feed_at(place, feeds, position)
            assert (span is None) == (rows.num_rows == 0)
            if span:
                same = price_history(
                    price_store, **place._asdict(), feed=span.feed, through_position=position, superseded=known
                )
                assert rows.to_pylist() == same.to_pylist()
    assert feeds_of(price_store, PLACES, through=6, superseded={})[PLACES[1]] == []


def test_where_nothing_says_which_feed_is_meant_there_is_none(price_store: ClickHouse) -> None:
    place = Place("PJM", "DA", "A", "Hub")
    for position, feed in ((1, "one"), (2, "other")):
        publish(price_store, position, tick_rows(["A"], START), iso="PJM", feed=feed)
    feeds = feeds_of(price_store, [place], through=2, superseded={})[place]
    assert feed_at(place, feeds, 2) is None
    with pytest.raises(AmbiguousFeed):
        price_history(price_store, **place._asdict(), through_position=2)
