"""The simulated markets, for the verbs that serve them, write their files or run the platform on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from infra.clock import Clock
from infra.errors import PlatformError
from infra.settings import Settings
from integrations.isos.simulator import SampleMarket, write_sample

if TYPE_CHECKING:
    from integrations.isos.simulator.server import SimulatorServer


def open_simulator(
    *, seed: int, nodes: int, clock: Clock, port: int = 0, rate: float = 0.0, faults: Sequence[str] = ()
) -> SimulatorServer:
    """A server of the four simulated markets, not started yet.

    `rate` is the share of requests that get a fault, `faults` a list of them (`kind:where:times`). Raises PlatformError
    for what cannot be, and where the port is taken.
    """
    # Only now: no other verb needs the market's mathematics and its server.
    from integrations.isos.simulator.faults import Faults, Wanted
    from integrations.isos.simulator.server import SimulatorServer
    from integrations.isos.simulator.world import simulated_world

    try:
        wanted = [Wanted.of(text) for text in faults]
        world = simulated_world(seed=seed, nodes=nodes, clock=clock, faults=Faults(seed, rate, wanted))
    except ValueError as error:
        raise PlatformError(f"The simulator cannot be started: {error}", "`carbon254 simulate --help`") from error
    return SimulatorServer(world, port)


def simulated_settings(settings: Settings, simulator: SimulatorServer) -> Settings:
    """The settings with which feeds are asked of the simulator."""
    keys = {source: SecretStr(key) for source, key in simulator.source_keys.items()}
    asked = {"sources": simulator.base_urls, "source_keys": keys, "source_keys_dir": None}
    return settings.model_copy(update=asked)


def write_sample_files(folder: Path, *, day: date | None, seed: int) -> SampleMarket:
    """A simulated day of four ISOs (the last that is over where none is given), and what the main job needs besides."""
    return write_sample(folder, day=day or last_day(datetime.now(UTC)), seed=seed)


def last_day(now_utc: datetime) -> date:
    """The last day that is over in each of the markets: CAISO's ends last."""
    return now_utc.astimezone(ZoneInfo("America/Los_Angeles")).date() - timedelta(days=1)
