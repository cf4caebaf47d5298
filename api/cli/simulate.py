"""`carbon254 simulate`: the four operators, simulated, over HTTP; and what `serve --simulated` takes from it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.common import AsJson
from api.cli.output import err, out, say
from infra.clock import Clock
from infra.errors import WrongUsage
from infra.settings import Settings

if TYPE_CHECKING:
    from api.platform import Platform

SEED = 254
DEFAULT_PORT = 8254
DEFAULT_NODES = 1_200

Nodes = Annotated[
    int | None, typer.Option(min=1, help=f"Priced places in all. Default: {DEFAULT_NODES}; the full size is 18500.")
]

# What is new at least every hour, and tomorrow's prices. Left out is what is only played by the real operators.
_POLLED = (
    "miso/rt_five_min_lmp", "miso/fuel_mix", "miso/total_load", "miso/wind_forecast", "miso/solar_forecast",
    "miso/da_expost_lmp", "miso/rt_lmp_prelim", "pjm/rt_unverified_fivemin_lmps", "pjm/rt_unverified_hrl_lmps",
    "pjm/inst_load", "pjm/gen_by_fuel", "pjm/load_frcstd_7_day", "pjm/da_hrl_lmps", "caiso/prc_intvl_lmp",
    "caiso/prc_rtpd_lmp", "caiso/prc_lmp", "caiso/sld_fcst_actual", "caiso/outlook_fuelsource",
    "caiso/outlook_netdemand", "ercot/sced_lmp", "ercot/rtm_spp", "ercot/dam_spp", "ercot/sced_price_adders",
    "ercot/dashboard_fuel_mix", "ercot/dashboard_demand",
)  # fmt: skip


@dataclass(frozen=True)
class Simulation:
    """Simulated markets in this process, and the platform that fetches them."""

    server: Any
    settings: Settings
    clock: Clock
    nodes: int
    polled: tuple[str, ...] = _POLLED

    @property
    def description(self) -> str:
        speed = f", {self.clock.speed:g} times as fast as the clock on the wall" if self.clock.speed != 1 else ""
        return (
            f"SIMULATED markets of MISO, CAISO, PJM and ERCOT with {self.nodes:,} nodes at {self.server.address}"
            f"{speed}: no price here is real."
        )

    def open_platform(self) -> Platform:
        from api.wiring import open_platform

        return open_platform(self.settings, clock=self.clock, is_simulated=True)


@contextlib.contextmanager
def simulation_of(settings: Settings, *, nodes: int | None, speed: float) -> Iterator[Simulation]:
    """Simulated markets on a free port, from now on. Raises WrongUsage."""
    from api.simulated_markets import open_simulator, simulated_settings

    clock, count = Clock(speed=speed), nodes or DEFAULT_NODES
    with open_simulator(seed=SEED, nodes=count, clock=clock) as server:
        yield Simulation(server, simulated_settings(settings, server), clock, count)


def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = DEFAULT_PORT,
    speed: Annotated[str, typer.Option(help="How fast the market's time goes: 60x.")] = "1x",
    start: Annotated[
        str | None, typer.Option("--from", help="When it starts: 2026-03-08T05:00Z. Default: now.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same prices.")] = SEED,
    nodes: Nodes = None,
    faults: Annotated[
        list[str] | None,
        typer.Option(metavar="FAULT", help="A rate such as 0.01, or KIND[:GLOB[:TIMES]] as docs/simulator.md says."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run simulated markets of the four operators, in their own formats, on loopback. No price of them is real."""
    from api.simulated_markets import open_simulator

    clock = Clock(_moment(start), _speed(speed))
    listed = [text for text in faults or [] if _rate(text) is None]
    rate = max((_rate(text) or 0.0 for text in faults or []), default=0.0)
    count = nodes or DEFAULT_NODES
    with open_simulator(seed=seed, nodes=count, clock=clock, port=port, rate=rate, faults=listed) as server:
        _describe(server, clock, count, as_json)
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            while True:
                time.sleep(1.0)  # a signal that the system gave to another thread is seen between two of these
        injected = server.faults()
    if as_json:
        out.print_json(json.dumps({"faults": injected}))
    count_said = "1 fault was" if len(injected) == 1 else f"{len(injected)} faults were"
    say(f"Stopped; {count_said} injected.", err)


def _describe(server: Any, clock: Clock, nodes: int, as_json: bool) -> None:
    if as_json:
        described = {"address": server.address, "sources": server.base_urls, "source_keys": server.source_keys}
        typer.echo(json.dumps(described))
        return
    say(f"export CARBON254_SOURCES='{json.dumps(server.base_urls)}'")
    say(f"export CARBON254_SOURCE_KEYS='{json.dumps(server.source_keys)}'")
    say(f"SIMULATED markets with {nodes:,} nodes at {server.address}: no price here is real.", err)
    say(f"Their time: {clock.now():%Y-%m-%d %H:%M:%SZ}, {clock.speed:g}x. Ctrl-C stops.", err)


def _rate(text: str) -> float | None:
    try:
        rate = float(text)
    except ValueError:
        return None
    if not 0 <= rate <= 1:
        raise WrongUsage(f"--faults {text} is no share of requests", "Give a number from 0 to 1.")
    return rate


def _speed(text: str) -> float:
    try:
        speed = float(text.lower().removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100_000:
        raise WrongUsage(f"--speed {text} is no speed", "Give a number of times, such as 60x.")
    return speed


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise WrongUsage(f"--from {text} is no time with an offset", "Give one such as 2026-03-08T05:00Z.")
    return moment
