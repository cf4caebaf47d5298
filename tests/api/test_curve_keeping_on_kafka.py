"""Followed curves by what topics of a real Kafka say: each is built once, whichever worker of the group dies meanwhile.

What the workers are handed is handled here, so that one is killed between what a message brought and its commit.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import Listener
from pathlib import Path
from uuid import uuid4

import pytest

from api.cli.connection import Connection
from api.curve_keeping import Messages, curve_keeper
from api.platform import Platform
from api.wiring import open_platform
from infra.broker import Received, Record
from infra.set_aside import SetAside
from infra.settings import Settings
from projections.topic_messages import TICKS
from tests.api.test_staleness import Desk
from tests.e2e.program import wait_until
from write_model.curves import Curve

pytestmark = [pytest.mark.enable_socket, pytest.mark.uses_engine("kafka")]
FEEDS = {"PJM": "da_hrl_lmps", "MISO": "da_expost_lmp", "CAISO": "PRC_LMP", "ERCOT": "NP4-190-CD"}
PATIENCE_S = 90.0


class Workers:
    """Processes of one group. Each has a keeper of its own here, as it would have in its process."""

    def __init__(self, platform: Platform, servers: str, folder: Path) -> None:
        self._platform = platform
        self._folder = folder
        self._servers = servers
        self._group = f"test.{uuid4().hex}"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.taken: Counter[int] = Counter()
        self.set_aside = SetAside(platform.pool)
        self.set_aside.prepare()
        self.kills = threading.Semaphore(0)  # how many are to be killed with what they handle next

    def start(self) -> None:
        number, socket = len(self.processes), str(self._folder / f"{len(self.processes)}")
        with Listener(socket, "AF_UNIX") as listener:
            arguments = (self._servers, self._group, socket)
            with (self._folder / f"{number}.log").open("w") as log:
                command = [sys.executable, "-m", "tests.api.faust_forwarder", *arguments]
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
            threading.Thread(target=self._serve, args=(number, listener.accept()), daemon=True).start()

    def _serve(self, number: int, pipe: Pipe) -> None:
        messages = Messages(self._platform.log, curve_keeper(self._platform), self.set_aside)
        with pipe, suppress(EOFError, OSError):
            while True:
                topic, received = pipe.recv()
                assert isinstance(received, Received)
                messages.take(topic, received)
                self.taken[number] += 1
                if self.kills.acquire(blocking=False):
                    self.processes[number].kill()
                pipe.send(None)

    def alive(self) -> list[bool]:
        return [process.poll() is None for process in self.processes]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def platform(dsn: str, kafka_servers: str, tmp_path: Path) -> Iterator[Platform]:
    opened = open_platform(Settings(home=tmp_path / "home", database_url=dsn, kafka_bootstrap_servers=kafka_servers))
    yield opened
    opened.close()


@pytest.fixture
def workers(platform: Platform, kafka_servers: str, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(platform, kafka_servers, tmp_path)
    yield made
    made.close()


def test_each_stale_curve_is_built_once_by_a_group(platform: Platform, workers: Workers) -> None:
    with closing(Connection.to_platform(platform)) as api:
        desks = [Desk(platform, api, iso, feed) for iso, feed in FEEDS.items()]
        for desk in desks:
            api.command("follow-curve", {"hub": desk.hub, "scenario": desk.scenario})
        platform.topics.subscription.wait_for(platform.log.head(), PATIENCE_S)  # the topics are there
        price = 30.0

        def fresh() -> bool:
            found = [api.get("/v1/curves", hub=desk.hub, wait_for="head")["items"][0] for desk in desks]
            return all(curve["stale"] is None for curve in found)

        def restate() -> int:
            nonlocal price
            before, price = platform.log.head(), price + 1
            for desk in desks:
                desk.first = desk.publish(price, again=desk.first)
            return before

        def each_was_built_once(before: int) -> None:
            wait_until(fresh)
            built = (r.event for r in platform.log.page(before, 1_000))
            assert Counter(e.shape.hub for e in built if isinstance(e, Curve.Built)) == {d.hub: 1 for d in desks}

        before = restate()
        platform.broker.publish(TICKS, [Record("", b"\xff{", {"message-id": "soon"})])
        workers.start()
        each_was_built_once(before)

        workers.start()
        workers.kills.release()  # what one of them handles next is done, and not committed
        before = restate()
        each_was_built_once(before)
        wait_until(lambda: workers.alive().count(False) == 1)

        (left,) = (number for number, is_alive in enumerate(workers.alive()) if is_alive)
        seen, before = workers.taken[left], restate()
        each_was_built_once(before)
        wait_until(lambda: workers.taken[left] >= seen + len(desks))
        found = workers.set_aside.recent()
        assert found
        assert found.reason == "its header message-id names no position of the log"
