"""Kafka loses brokers, its active controller among them, or is gone altogether: ingest goes on, the topics catch up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.market_files import write_small_sample
from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import Program
from tests.faults.checks import (
    Readers,
    ingesting,
    long_or_short,
    nothing_lost_or_doubled,
    seconds_until,
)
from tests.faults.conftest import Tell
from tests.faults.kafka_topics import check_topic
from tests.plugins_engines import why_missing
from tests.services.kafka import Kafka, KafkaCluster

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.uses_engine("kafka"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
RUNS = long_or_short(40, 8)
PUBLICATIONS = 8 + 2 * RUNS
GONE_S = long_or_short(180, 20)
LISTS = ("/v1/publications", "/v1/audit")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KafkaCluster]:
    if not Kafka.is_at_hand():
        pytest.skip(why_missing("kafka"))
    started = KafkaCluster(tmp_path / "kafka")
    try:
        started.start()
        yield started
    finally:
        started.kill()


def caught_up(program: Program) -> Callable[[], bool]:
    """Whether the topics have come to the end of the log."""
    query = "SELECT max(c.position) = max(h.position) FROM pg.checkpoint c, log.head h WHERE c.projection = 'topics'"

    def holds() -> bool:
        with psycopg.connect(program.environment["DATABASE_URL"]) as connection:
            return connection.execute(query).fetchone() == (True,)

    return holds


def kill_controller(cluster: KafkaCluster) -> tuple[Kafka, float]:
    """The broker that was killed, and how many seconds later another one was the active controller."""
    victim = cluster.active_controller()
    epoch = victim.became_controller()
    victim.kill()
    return victim, seconds_until(lambda: cluster.active_controller().became_controller() > epoch)


def test_brokers_die_one_after_the_other_the_active_controller_first(
    tmp_path: Path, cluster: KafkaCluster, tell: Tell
) -> None:
    program = program_on_engines(tmp_path / "home", KAFKA_BOOTSTRAP_SERVERS=cluster.servers)
    files = write_small_sample(tmp_path / "files", runs=RUNS)
    kills, slowest_s = long_or_short(3, 1), 0.0
    with program.serve() as server, ingesting(program, files) as end:
        for _ in range(kills):
            time.sleep(1.0)
            victim, elected_s = kill_controller(cluster)
            slowest_s = max(slowest_s, elected_s)
            time.sleep(2.0)
            victim.start()
        end()
        caught_up_s = seconds_until(caught_up(program))
        records, twice = check_topic(server, cluster.servers)
        nothing_lost_or_doubled(server, PUBLICATIONS)
    tell(
        f"{kills} times the active controller of three brokers killed while {PUBLICATIONS} publications came: another "
        f"one within {slowest_s:.1f} s, topics caught up {caught_up_s:.1f} s after the ingest, {records} records, "
        f"{twice} of them twice"
    )


def test_kafka_is_gone_for_long_while_ingest_goes_on(tmp_path: Path, kafka_program: Kafka, tell: Tell) -> None:
    kafka_program.start()
    program = program_on_engines(tmp_path / "home", KAFKA_BOOTSTRAP_SERVERS=kafka_program.servers)
    files = write_small_sample(tmp_path / "files", runs=RUNS)
    with program.serve() as server:
        program.run("ingest", files / "miso")
        kafka_program.kill()
        gone_since_s = time.monotonic()
        with Readers(server, LISTS, clients=2) as readers:
            program.run("ingest", files)
            ingested_s = time.monotonic() - gone_since_s
            assert len(program.json("publications", "list")) == PUBLICATIONS
            time.sleep(max(0.0, GONE_S - (time.monotonic() - gone_since_s)))
            assert not caught_up(program)()
        assert set(readers.statuses) == {200}, readers.said
        kafka_program.start()
        caught_up_s = seconds_until(caught_up(program))
        records, twice = check_topic(server, kafka_program.servers)
        nothing_lost_or_doubled(server, PUBLICATIONS)
    tell(
        f"Kafka gone for {time.monotonic() - gone_since_s - caught_up_s:.0f} s: {PUBLICATIONS} publications in "
        f"{ingested_s:.1f} s meanwhile, {readers.statuses[200]} reads, all answered; topics caught up "
        f"{caught_up_s:.1f} s after it was back, {records} records, {twice} of them twice"
    )
