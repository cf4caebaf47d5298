"""`kill -9` of the API while commands are handled: a client that repeats them finds each done exactly once."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.e2e.program import Program, Server, wait_until
from tests.faults.checks import long_or_short, nothing_lost_or_doubled
from tests.faults.conftest import Tell

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]
KILLS = long_or_short(10, 3)
CLIENTS = 4
SEED = 254


@dataclass
class Client(threading.Thread):
    """Defines one scenario after the other; what got no answer, or a 409 or 503, is sent again with the same key."""

    number: int
    address: str = ""
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)
    token: str = ""

    def __post_init__(self) -> None:
        # Where the test fails with no server up, a client would ask for ever.
        super().__init__(name=f"client {self.number}", daemon=True)

    def __hash__(self) -> int:
        return self.number

    def run(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        with httpx2.Client(headers=headers, timeout=30) as client:  # to make one takes longer than a command
            while not self.over.is_set():
                self._define(client, f"scenario-{self.number}-{len(self.answers)}", str(uuid4()))

    def _define(self, client: httpx2.Client, name: str, key: str) -> None:
        began_s, tries = time.monotonic(), 0
        while True:
            tries += 1
            answer = self._send(client, name, key)
            if answer is not None and answer.status_code in (200, 201):
                break
            if answer is not None and answer.status_code not in (409, 503):
                self.wrong.append(f"{answer.status_code} {answer.text}")
                return
            time.sleep(0.05)
        self.answers[key] = answer.json()
        self.repeated[tries] += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)

    def _send(self, client: httpx2.Client, name: str, key: str) -> httpx2.Response | None:
        body = {"name": name, "growth_per_year": 0.02, "seasonal_weight": 1.0}
        try:
            url = f"{self.address}/v1/commands/define-scenario"
            return client.post(url, json=body, headers={"Idempotency-Key": key})
        except httpx2.TransportError:
            return None


def test_a_command_is_done_once_whenever_the_api_is_killed(on_engines: Program, tell: Tell) -> None:
    moment = random.Random(SEED)
    on_engines.environment["CARBON254_COMMANDS_PER_MINUTE"] = "1000000"
    clients = [Client(number) for number in range(CLIENTS)]
    server = on_engines.serve()
    starts_s: list[float] = []
    try:
        for client in clients:
            client.token = (on_engines.home / "token").read_text().strip()
            client.address = server.address
            client.start()
        for _ in range(KILLS):
            # In the midst of commands, however slow the machine is.
            wanted = answered(clients) + CLIENTS
            wait_until(lambda: answered(clients) >= wanted)  # noqa: B023 - it is called before the next round
            time.sleep(moment.uniform(0, 0.3))
            server.kill()
            began_s = time.monotonic()
            server = on_engines.serve()
            starts_s.append(time.monotonic() - began_s)
            for client in clients:
                client.address = server.address
        time.sleep(0.5)
        for client in clients:
            client.over.set()
        for client in clients:
            client.join(60)
            assert not client.is_alive()
    finally:
        server.kill()
    with on_engines.serve() as last:
        _check(last, clients)
    repeated = sum(count for client in clients for tries, count in client.repeated.items() if tries > 1)
    tell(
        f"{KILLS} kills of the API; {answered(clients)} commands answered, {repeated} of them repeated; back after "
        f"{max(starts_s):.1f} s at most, a client waited {max(c.slowest_s for c in clients):.1f} s at most"
    )


def answered(clients: list[Client]) -> int:
    return sum(len(client.answers) for client in clients)


def _check(server: Server, clients: list[Client]) -> None:
    assert [wrong for client in clients for wrong in client.wrong] == []
    answers = {key: answer for client in clients for key, answer in client.answers.items()}
    assert len(answers) >= CLIENTS * KILLS
    # One event a command, at the position that its client was told, whether at the first try or at a later one.
    told = {answer["position"]: answer["id"] for answer in answers.values()}
    assert len(told) == len(answers)
    assert {int(entry["position"]): entry["target_id"] for entry in server.audit()} == told
    nothing_lost_or_doubled(server, len(answers))
