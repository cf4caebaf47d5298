"""Redis is killed, frozen and back: reads are answered all the while, and never with what was before a command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import Server
from tests.faults.checks import Readers, long_or_short, nothing_lost_or_doubled
from tests.faults.conftest import Tell
from tests.services.redis import Redis

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
EACH_S = long_or_short(10, 3)
ROUNDS = long_or_short(5, 1)
SHOWN = 100
"""Of the newest scenarios: more commands than a page holds may be answered in the time of a long run."""


def test_reads_neither_fail_nor_go_stale_without_redis(tmp_path: Path, redis_program: Redis, tell: Tell) -> None:
    redis_program.start()
    program = program_on_engines(tmp_path / "home", REDIS_URL=redis_program.url)
    defined: list[str] = []
    with program.serve() as server, Readers(server, ("/v1/scenarios", "/v1/audit"), clients=4) as readers:
        read_own_writes(server, defined, EACH_S)
        for _ in range(ROUNDS):
            for fault in faults(redis_program):
                fault()
                read_own_writes(server, defined, EACH_S)
            redis_program.kill()
            redis_program.start()
            read_own_writes(server, defined, EACH_S)
        nothing_lost_or_doubled(server, len(defined))
    redis_program.stop()
    assert set(readers.statuses) == {200}, readers.said
    tell(
        f"Redis killed and frozen {ROUNDS} times for {EACH_S} s each: {len(defined)} commands, each in the very "
        f"next read; {readers.statuses[200]} other reads, all answered, the slowest in {readers.slowest_s:.2f} s"
    )


def faults(redis: Redis) -> list[Callable[[], None]]:
    """Killed, then there again but without an answer."""

    def frozen() -> None:
        redis.start()
        redis.freeze()

    return [redis.kill, frozen]


def read_own_writes(server: Server, defined: list[str], seconds: float) -> None:
    """The list that is read right after a command, at its position, ends with its scenario and those before it."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        name = f"scenario-{uuid4()}"
        body = {"name": name, "growth_per_year": 0.02, "seasonal_weight": 1.0}
        status, said = server.ask("POST", "/v1/commands/define-scenario", body=body)
        assert status == 201, said
        defined.append(name)
        position = json.loads(said)["position"]
        status, said = server.ask("GET", f"/v1/scenarios?sort=-log_position&limit={SHOWN}&wait_for={position}")
        assert status == 200, said
        assert [item["name"] for item in json.loads(said)["items"]] == defined[::-1][:SHOWN]
