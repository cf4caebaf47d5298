"""`carbon254 serve`: the platform in one process."""

from __future__ import annotations

import contextlib
import shlex
import socket
from typing import Annotated

import typer

from api.cli.listening import in_url, listening, server_of
from api.cli.output import err, say
from api.cli.processes import serve_service
from api.cli.simulate import Nodes, Simulation, simulation_of
from infra.data_folder import DataFolder
from infra.errors import PlatformError, WrongUsage
from infra.settings import Settings


def serve(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one. Default: CARBON254_PORT or 8000.")
    ] = None,
    sample: Annotated[
        bool, typer.Option(help="Where the data folder is empty, show the main job on sample data first.")
    ] = False,
    poll: Annotated[
        list[str] | None, typer.Option(metavar="FEED", help="Fetch this feed by its cadence; repeatable, or `all`.")
    ] = None,
    simulated: Annotated[
        bool, typer.Option(help="Run simulated markets and fetch them; only into an empty folder or their own.")
    ] = False,
    service: Annotated[
        str | None, typer.Option(metavar="NAME", help="One of the services of a platform of many processes.")
    ] = None,
    nodes: Nodes = None,
    speed: Annotated[float, typer.Option(min=0.1, max=600, help="How fast simulated time goes.")] = 1.0,
) -> None:
    """Serve the API on this machine: the whole platform, on loopback only; or, with --service, one part of it."""
    if service is not None:
        if sample or poll or simulated:
            raise WrongUsage(
                "--sample, --poll and --simulated are of the whole platform in one process, and --service is a part",
                "Leave one or the other out; `carbon254 worker` fetches feeds.",
            )
        serve_service(service, port)
        return
    # What serves is imported only here and below: no other verb needs it, and a client should start quickly.
    from api.security import LOOPBACK_HOSTS

    settings = Settings()
    if in_url(settings.host) not in LOOPBACK_HOSTS:
        raise PlatformError(
            f"CARBON254_HOST is {settings.host}, but the API is served on loopback only",
            "Set it to 127.0.0.1, and put a proxy with TLS in front to serve others.",
        )
    with (
        listening(settings.host, settings.port if port is None else port) as listener,
        contextlib.ExitStack() as markets,
    ):
        simulation = None
        if simulated and DataFolder.may_simulate(settings.home):
            simulation = markets.enter_context(simulation_of(settings, nodes=nodes, speed=speed))
        elif simulated:
            say(f"{settings.home} holds other data: no simulated market is mixed with it, and none is run.", err)
            say("For simulated markets name an empty folder in CARBON254_HOME.", err)
        _serve(settings, listener, sample=sample, polled=poll or [], simulation=simulation)


def _serve(
    settings: Settings, listener: socket.socket, *, sample: bool, polled: list[str], simulation: Simulation | None
) -> None:
    from api.app import create_app
    from api.cli.connection import Connection
    from api.cli.markets_shown import MarketsShown
    from api.cli.sample import show_main_job
    from api.curve_keeping import keep_curves
    from api.wiring import open_platform
    from commands.polling import start_polling
    from infra import logs, tracing

    platform = simulation.open_platform() if simulation else open_platform(settings)
    try:
        if sample and platform.log.head():
            say(f"{settings.home} holds {platform.log.head():,} events already: no sample is shown.", err)
        elif sample:
            with Connection.to_platform(platform) as connection:
                show_main_job(connection)
        # Only now: what the sample shows is for people, and its requests need no log.
        logs.configure()
        host, port = listener.getsockname()[:2]
        address = f"http://{in_url(host)}:{port}"
        server = server_of(create_app(platform), platform)
        platform.folder.publish_address(address)
        say(f"\nServing {address}  (Ctrl-C stops)")
        places = {"API page": f"{address}/docs", "data": settings.home, "token": settings.home / "token"}
        say(f"Tokens: {platform.identity.description}", err)
        for what, where in places.items():
            say(f"  {what:9} {where}")
        token = shlex.quote(str(settings.home / "token"))
        say(f'Try: curl -s -H "Authorization: Bearer $(cat {token})" {address}/v1/curves')
        if simulation:
            polled = polled or list(simulation.polled)
            say(simulation.description, err)
        elif platform.folder.is_simulated:
            say("This folder holds SIMULATED markets. To go on with them: --simulated.", err)
        if polled:
            poller = start_polling(platform.feeds, platform.bus.tools, platform.bus.dispatch, polled, platform.clock)
            platform.closers.append(poller.stop)
            say(f"Polling {len(poller.feed_ids)} feeds.", err)
        keep_curves(platform)
        if simulation:
            shown = MarketsShown(platform)
            shown.start()
            platform.closers.append(shown.stop)
        # Signals end the server; whatever they raise afterwards has been heeded by then.
        with tracing.exporting(platform.code_version), contextlib.suppress(KeyboardInterrupt, SystemExit):
            server.run(sockets=[listener])
    finally:
        platform.close()
    err.print("Stopped.")
