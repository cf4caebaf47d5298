"""A platform and a real Kafka that goes and comes back: nothing waits for it, and it catches up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from api.cli.connection import Connection
from api.platform import Platform
from api.wiring import open_platform
from infra.broker import Received
from infra.kafka import KafkaBroker
from infra.settings import Settings
from tests.api.stream.publishing import publish
from tests.e2e.program import wait_until
from tests.projections.test_topics import TICKS, ids, take
from tests.services.kafka import Kafka

pytestmark = pytest.mark.enable_socket


@contextmanager
def opened(home: Path, dsn: str, kafka: Kafka) -> Iterator[Platform]:
    platform = open_platform(Settings(home=home, database_url=dsn, kafka_bootstrap_servers=kafka.servers))
    try:
        yield platform
    finally:
        platform.close()


def all_of(kafka: Kafka, count: int) -> list[Received]:
    """The first so many records of the topic of prices, and whatever came with them."""
    broker = KafkaBroker(kafka.servers)
    try:
        reader = broker.read_from(TICKS, {})
        try:
            return [*take(reader, count), *reader.next(1.0)]
        finally:
            reader.close()
    finally:
        broker.close()


def test_kafka_gone_holds_nobody_up_and_then_catches_up(tmp_path: Path, dsn: str, kafka_program: Kafka) -> None:
    kafka = kafka_program
    kafka.stop()
    expected: list[str] = []

    def publish_one(platform: Platform, price: float) -> int:
        """Returns its position, when all read models have come to it."""
        position = publish(platform, ["N"], price)
        platform.wait_for(position)
        expected.append(f"{position}/1")
        return position

    with opened(tmp_path / "home", dsn, kafka) as platform:
        for price in range(3):
            publish_one(platform, float(price))
            assert platform.topics.subscription.checkpoint == 0
        wait_until(lambda: platform.topics.subscription.failure is not None)
        with Connection.to_platform(platform) as api:
            (finding,) = api.run(api.request("GET", "/v1/doctor")).json()["findings"]
            metrics = api.run(api.request("GET", "/metrics")).text
        assert 'carbon254_subscription_up{subscription="topics"} 0.0' in metrics
        assert finding["problem"].startswith("the topics are not published")
        assert kafka.servers in finding["problem"]

        kafka.start()
        platform.topics.subscription.wait_for(platform.log.head(), patience_s=120.0)
        assert ids(all_of(kafka, 3)) == expected, "what came while it was gone, once and in order"

        kafka.freeze()  # connections stand, and nothing answers
        for price in range(3, 6):
            assert publish_one(platform, float(price)) > platform.topics.subscription.checkpoint
        kafka.stop()
        kafka.start()
        platform.topics.subscription.wait_for(platform.log.head(), patience_s=120.0)
        found = ids(all_of(kafka, 6))
        assert list(dict.fromkeys(found)) == expected, "perhaps twice, but in order and none missing"

    with opened(tmp_path / "home", dsn, kafka) as platform:
        publish_one(platform, 9.0)
        platform.topics.subscription.wait_for(platform.log.head(), patience_s=120.0)
        assert ids(all_of(kafka, len(found) + 1)) == [*found, expected[-1]], "it goes on behind its checkpoint"
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("SELECT position FROM pg.checkpoint WHERE projection = 'topics'").fetchall()
        assert rows == [(platform.log.head(),)]
