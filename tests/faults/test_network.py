"""The network between the platform and its stores is cut, slow, silent or breaks off answers, while files come in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.market_files import DAY, write_small_sample
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
FAULT_S = long_or_short(25, 2)  # a client of S3 tries again for 20 s

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
def test_a_bad_network_costs_nothing(tmp_path: Path, toxiproxy: Toxiproxy, store: str, tell: Tell) -> None:
    """Between the platform and one of its stores; whoever ingests repeats the command until it ends well."""
    setting = "CLICKHOUSE_DSN" if store == "clickhouse" else "AWS_ENDPOINT_URL"
    url = os.environ[f"TEST_{setting}" if store == "clickhouse" else setting]
    port = urlsplit(url).port
    assert port is not None
    link = toxiproxy.proxy(store, port)
    program = program_on_engines(tmp_path / "home", **{setting: url.replace(f":{port}", f":{link.port}")})
    publications = 0
    with program.serve() as server:
        for number, (name, fault) in enumerate(FAULTS.items()):
            day = DAY + number * timedelta(days=1)
            files = write_small_sample(tmp_path / str(number), runs=RUNS, day=day)
            prices = f"/v1/prices?iso=ERCOT&start={day}T05:00Z&end={day + timedelta(days=1)}T05:00Z"
            publications += 8 + 2 * RUNS
            with Readers(server, (prices, "/v1/publications"), clients=2) as readers:
                with ingesting(program, files) as end:
                    time.sleep(0.3)
                    with fault(link):
                        time.sleep(FAULT_S)
                    began_s = time.monotonic()
                    end()
                ended_s = time.monotonic() - began_s
            assert set(readers.statuses) <= {200, 503}, (name, readers.said)
            assert len(program.json("publications", "list")) == publications
            answers = ", ".join(f"{count} × {status}" for status, count in sorted(readers.statuses.items(), key=str))
            tell(
                f"{store}, {name}: {FAULT_S} s; ingest over {ended_s:.1f} s after it; "
                f"reads: {answers}, the slowest {readers.slowest_s:.1f} s"
            )
        nothing_lost_or_doubled(server, publications)
