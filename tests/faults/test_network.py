"""The network between the platform and its stores is cut, slow, silent or breaks off answers, while files come in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.market_files import write_small_sample
from tests.e2e.on_engines import program_on_engines
from tests.faults.checks import Readers, ingesting, long_or_short, nothing_lost_or_doubled
from tests.faults.conftest import Tell
from tests.services.cache import FetchFailed
from tests.services.toxiproxy import Link, Toxiproxy

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
RUNS = long_or_short(40, 4)
PUBLICATIONS = 8 + 2 * RUNS
FAULT_S = long_or_short(20, 3)
ROUNDS = long_or_short(3, 1)
PRICES = "/v1/prices?iso=MISO&start=2026-03-10T05:00Z&end=2026-03-11T05:00Z"

Fault = Callable[[Link], AbstractContextManager[None]]
FAULTS: dict[str, Fault] = {
    "cut": lambda link: link.cut(),
    "slow": lambda link: link.toxic("latency", "downstream", latency=400, jitter=200),
    "silent": lambda link: link.toxic("timeout", "downstream", timeout=0),
    "answers reset, though the request was done": lambda link: link.toxic("reset_peer", "downstream", timeout=20),
    "answers half": lambda link: link.toxic("limit_data", "downstream", bytes=40),
    "requests half": lambda link: link.toxic("limit_data", "upstream", bytes=1000),
}


@pytest.fixture(scope="module")
def toxiproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toxiproxy]:
    started = Toxiproxy(tmp_path_factory.mktemp("toxiproxy"))
    try:
        started.start()
    except FetchFailed as error:
        pytest.skip(f"toxiproxy: not fetched: {error}")
    yield started
    started.remove()


@pytest.mark.parametrize("store", ["clickhouse", "minio"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_network_costs_nothing(tmp_path: Path, toxiproxy: Toxiproxy, store: str, fault: str, tell: Tell) -> None:
    """Between the platform and one of its stores; whoever ingests repeats the command until it ends well."""
    url = os.environ["TEST_CLICKHOUSE_DSN" if store == "clickhouse" else "AWS_ENDPOINT_URL"]
    parts = urlsplit(url)
    assert parts.port is not None
    link = toxiproxy.proxy(f"{store}-{time.monotonic_ns()}", parts.port)
    through = url.replace(f":{parts.port}", f":{link.port}")
    program = program_on_engines(
        tmp_path / "home", **{"CLICKHOUSE_DSN" if store == "clickhouse" else "AWS_ENDPOINT_URL": through}
    )
    files = write_small_sample(tmp_path / "files", runs=RUNS)
    with program.serve() as server, Readers(server, (PRICES, "/v1/publications"), clients=2) as readers:
        with ingesting(program, files) as end:
            for _ in range(ROUNDS):
                time.sleep(0.5)
                with FAULTS[fault](link):
                    time.sleep(FAULT_S)
            began_s = time.monotonic()
            end()
        ended_s = time.monotonic() - began_s
        nothing_lost_or_doubled(server, PUBLICATIONS)
    answers = ", ".join(f"{count} × {status}" for status, count in sorted(readers.statuses.items(), key=str))
    assert set(readers.statuses) <= {200, 503}
    tell(
        f"{store}, {fault}: {FAULT_S} s, {ROUNDS} times; ingest over {ended_s:.1f} s after it; reads: {answers}, "
        f"the slowest {readers.slowest_s:.1f} s"
    )
