"""The channel `prices`: a snapshot, then every publication in the order of the log, and again from a position."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from api.platform import Platform
from api.stream import beginnings
from tests.api.stream.clients import Client, prices
from tests.api.stream.publishing import FIVE_MINUTES, START, publish


def test_a_snapshot_and_the_updates_after_it(platform: Platform, client: Client) -> None:
    nodes = ["A.1", "A.2", "A.3"]
    publish(platform, nodes, 20.0, feed="snapshots")
    newest = publish(platform, nodes, 21.0, feed="snapshots", start=START + FIVE_MINUTES)
    # Older than what is there: it changes no latest price.
    head = publish(platform, nodes, 1.0, feed="snapshots", start=START - FIVE_MINUTES)
    platform.wait_for(head)
    seq = client.subscribe(nodes=["A.1", "A.3", "ABSENT"], feed="snapshots")
    snapshot = client.next("snapshot")
    assert snapshot["seq"] == seq >= newest
    assert prices(snapshot) == {"A.1": 21.0, "A.3": 21.0}
    (batch,) = snapshot["batches"]
    assert batch["log_position"] == newest
    assert batch["columns"]["interval_start_utc"] == ["2026-03-15T05:05:00Z"] * 2
    assert batch["columns"]["ghg_usd_per_mwh"] is None

    previous = seq
    for step in range(2, 5):
        publish(platform, ["OTHER"], 5.0, feed="snapshots")
        position = publish(platform, nodes, 20.0 + step, feed="snapshots", start=START + step * FIVE_MINUTES)
        update = client.next("update")
        assert (update["id"], update["seq"], update["prev_seq"]) == ("a", position, previous)
        assert (update["conflated"], update["more"]) == (0, False)
        assert prices(update) == {"A.1": 20.0 + step, "A.3": 20.0 + step}
        previous = position


def test_a_final_price_is_not_hidden_by_a_late_preliminary_one(platform: Platform, client: Client) -> None:
    publish(platform, ["F"], 30.0, feed="vintages", vintage="final")
    platform.wait_for(publish(platform, ["F"], 29.0, feed="vintages"))
    client.subscribe(feed="vintages")
    snapshot = client.next("snapshot")
    assert prices(snapshot) == {"F": 30.0}
    assert snapshot["batches"][0]["vintage"] == "final"


def test_filters_by_iso_market_and_feed(platform: Platform, client: Client) -> None:
    client.subscribe("all", nodes=["X"])
    client.next("snapshot")
    client.subscribe("market", nodes=["X"], market="DA")
    client.next("snapshot")
    client.subscribe("feed", nodes=["X"], feed="da_expost_lmp")
    client.next("snapshot")
    publish(platform, ["X"], 1.0, iso="PJM")
    publish(platform, ["X"], 2.0, market="RTH", feed="rt_lmp_final")
    assert client.next("update")["id"] == "all"
    publish(platform, ["X"], 3.0, market="DA", feed="da_exante_lmp")
    assert {client.next("update")["id"] for _ in range(2)} == {"all", "market"}
    publish(platform, ["X"], 4.0, market="DA", feed="da_expost_lmp")
    updates = [client.next("update") for _ in range(3)]
    assert {u["id"]: prices(u) for u in updates} == {name: {"X": 4.0} for name in ("all", "market", "feed")}


def test_resuming_from_a_sequence_number_misses_nothing(platform: Platform, client: Client) -> None:
    client.subscribe("before", feed="resumed")
    client.next("snapshot")
    positions = [publish(platform, ["R"], float(n), feed="resumed") for n in range(4)]
    assert [client.next("update")["seq"] for _ in positions] == positions
    assert client.subscribe("again", feed="resumed", from_seq=positions[0]) == positions[0]
    again = [client.next("update") for _ in positions[1:]]
    assert [(u["id"], u["prev_seq"], u["seq"]) for u in again] == [
        ("again", earlier, later) for earlier, later in pairwise(positions)
    ]
    live = publish(platform, ["R"], 9.0, feed="resumed")
    updates = [client.next("update") for _ in range(2)]
    assert {(u["id"], u["prev_seq"], u["seq"]) for u in updates} == {
        (id, positions[-1], live) for id in ("before", "again")
    }


def test_too_far_behind_it_starts_anew(platform: Platform, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginnings, "MOST_REPLAYED_PUBLICATIONS", 2)
    positions = [publish(platform, ["B"], float(n), feed="behind") for n in range(4)]
    platform.wait_for(positions[-1])
    client.send(type="subscribe", id="b", channel="prices", filters={"iso": "MISO", "feed": "behind"}, from_seq=0)
    reset = client.next("reset")
    assert (reset["from_seq"], reset["id"]) == (0, "b")
    assert client.next("subscribed")["seq"] == reset["seq"]
    assert client.next("snapshot")["seq"] == reset["seq"]


def test_large_updates_come_in_parts(platform: Platform, client: Client) -> None:
    nodes = [f"N{number}" for number in range(12_000)]
    client.subscribe(feed="large")
    assert client.next("snapshot")["batches"] == []
    position = publish(platform, nodes, 7.0, feed="large")
    parts = [client.next("update") for _ in range(3)]
    assert [(u["seq"], u["more"]) for u in parts] == [(position, True), (position, True), (position, False)]
    found = [node for part in parts for batch in part["batches"] for node in batch["columns"]["node"]]
    assert sorted(found) == sorted(nodes)


def test_publications_are_told_without_rows(platform: Platform, client: Client) -> None:
    seq = client.subscribe(channel="publications", feed="events")
    position = publish(platform, ["E"], 1.0, feed="events")
    update = client.next("update")
    assert (update["prev_seq"], update["seq"]) == (seq, position)
    assert update["publication"]["log_position"] == position
    assert (update["publication"]["dataset"], update["publication"]["row_count"]) == ("prices", 1)


def test_after_unsubscribing_nothing_comes(platform: Platform, client: Client) -> None:
    client.subscribe("x", feed="ended", channel="publications")
    client.subscribe("y", feed="ended", channel="publications")
    client.send(type="unsubscribe", id="x")
    assert client.next("unsubscribed")["id"] == "x"
    publish(platform, ["E"], 1.0, feed="ended")
    assert client.next("update")["id"] == "y"
    client.send(type="unsubscribe", id="x")
    assert client.next("error")["code"] == "unknown_id"


def test_a_look_back_bounds_the_snapshot_of_all_nodes_only(platform: Platform, client: Client) -> None:
    publish(platform, ["OLD"], 1.0, iso="ERCOT", feed="old", start=START - timedelta(days=30))
    platform.wait_for(publish(platform, ["NEW"], 2.0, iso="ERCOT", feed="old"))
    client.subscribe("all", iso="ERCOT")
    assert prices(client.next("snapshot")) == {"NEW": 2.0}
    client.subscribe("named", iso="ERCOT", nodes=["OLD", "NEW"])
    assert prices(client.next("snapshot")) == {"NEW": 2.0, "OLD": 1.0}
