"""What stands on the topic of prices, against what the log says."""

from __future__ import annotations

from collections import defaultdict

from infra.broker import Received
from infra.kafka import KafkaBroker
from tests.e2e.program import Server
from tests.projections.test_topics import TICKS, take


def published(servers: str, positions: set[int]) -> list[Received]:
    """Every record of the topic, read until all of these positions were seen."""
    broker = KafkaBroker(servers)
    try:
        reader = broker.read_from(TICKS, {})
        try:
            found: list[Received] = []
            while {position_of(each) for each in found} != positions:
                found += take(reader, 1)
            return [*found, *reader.next(1.0)]
        finally:
            reader.close()
    finally:
        broker.close()


def position_of(received: Received) -> int:
    return int(received.record.headers["message-id"].partition("/")[0])


def check_topic(server: Server, servers: str) -> tuple[int, int]:
    """Every publication is there, in the order of the log within a feed; returns how many records, and how many twice.

    A record that comes again has the same id, by which a reader passes it over.
    """
    positions = {int(entry["position"]) for entry in server.audit() if entry["event"] == "publication.ingested"}
    found = published(servers, positions)
    by_key: dict[str, list[str]] = defaultdict(list)
    for each in sorted(found, key=lambda r: (r.partition, r.offset)):
        by_key[each.record.key].append(each.record.headers["message-id"])
    once = {key: list(dict.fromkeys(ids)) for key, ids in by_key.items()}
    for ids in once.values():
        assert [_order(one) for one in ids] == sorted(_order(one) for one in ids)
    distinct = sum(map(len, once.values()))
    return distinct, len(found) - distinct


def _order(message_id: str) -> tuple[int, int]:
    position, _, part = message_id.partition("/")
    return int(position), int(part)
