"""How long it takes to tell who calls. Run: python -m tests.benchmarks.authentication"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from api.platform import LOCAL_PRINCIPAL, Platform
from api.wiring import open_platform
from commands.api_keys import IssueApiKey
from commands.message import Caller
from infra.principal import Principal
from infra.settings import Settings
from projections.live_credentials import CURRENT_FOR_S
from tests.benchmarks.files import machine

ROUNDS = 20_000
TOKENS = 1_000
TARGET_US = 100.0


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        platform = open_platform(Settings(home=Path(folder) / "home", database_url=None))
        try:
            asyncio.run(_measure(platform))
        finally:
            platform.close()


async def _measure(platform: Platform) -> None:
    """One caller after the other, and apart from that what one of them waits for each quarter of a second."""
    key = _key(platform)
    tokens = [_token(platform, f"actor-{number}") for number in range(TOKENS)]
    await _timed(platform, "a token for the first time", tokens)
    await _timed(platform, "a token that was checked before", [tokens[n % TOKENS] for n in range(ROUNDS)])
    await _timed(platform, "an API key", [key] * ROUNDS)
    await _timed(platform, "the folder's token", [platform.token] * ROUNDS)
    await _timed_catching_up(platform)


async def _timed(platform: Platform, what: str, credentials: list[str]) -> None:
    times_us = []
    for credential in credentials:
        started = time.perf_counter()
        await platform.authenticator.authenticate(credential)
        times_us.append((time.perf_counter() - started) * 1e6)
    times_us.sort()
    print(f"{what:32} mean {statistics.mean(times_us):6.1f} µs, median {statistics.median(times_us):6.1f} µs, "
          f"99.9th percentile {times_us[int(len(times_us) * 0.999)]:8.1f} µs of {len(times_us):,} "
          f"(target {TARGET_US:.0f} µs when known)")  # fmt: skip


async def _timed_catching_up(platform: Platform) -> None:
    times_us = []
    for _ in range(40):
        await asyncio.sleep(CURRENT_FOR_S)
        started = time.perf_counter()
        await platform.credentials.be_current()
        times_us.append((time.perf_counter() - started) * 1e6)
    print(f"asking the log what was revoked, once each {CURRENT_FOR_S} s: median {statistics.median(times_us):.0f} µs, "
          f"slowest {max(times_us):.0f} µs")  # fmt: skip


def _key(platform: Platform) -> str:
    command_id = uuid4()
    caller = Caller("local", "local-operator", command_id, command_id, command_id, LOCAL_PRINCIPAL)
    answer = platform.bus.dispatch(IssueApiKey(name="benchmark", roles=("reader",)), caller)
    assert answer.secret is not None
    return answer.secret


def _token(platform: Platform, actor: str) -> str:
    assert platform.identity.issuer is not None
    principal = Principal("local", actor, frozenset({"reader"}))
    return platform.identity.issuer.mint(principal, timedelta(hours=1))[0]


if __name__ == "__main__":
    main()
