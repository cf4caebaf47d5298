"""The platform as many processes: one service each, projectors and workers, and the keys that they share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.common import AsJson
from api.cli.listening import in_url, listening, server_of
from api.cli.output import err, say, show_json
from infra.errors import WrongUsage
from infra.settings import Settings

if TYPE_CHECKING:
    from api.platform import Duties, Platform
    from api.services import Service

FEEDS, SEALS, CURVES = "feeds", "seals", "curves"
QUEUES = (FEEDS, SEALS, CURVES)
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]


def serve_service(name: str, port: int | None) -> None:
    """Runs one service until it is told to end."""
    from api.platform import ANSWERING
    from api.services import service_named

    _run(service_named(name), port, ANSWERING)


def projector(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="This one alone, such as `prices` or `topics`; repeatable."),
    ] = None,
    port: Port = None,
) -> None:
    """Keep the read models up with the log: one projector at a time for each, others stand by and take over."""
    from api.platform import Duties
    from api.services import PROJECTOR_PORT, Service
    from api.wiring import projector_names

    names = projector_names()
    if unknown := sorted(set(only or ()) - set(names)):
        raise WrongUsage(f"There is nothing to project named {', '.join(unknown)}", f"Known: {', '.join(names)}.")
    _run(Service("projector", PROJECTOR_PORT), port, Duties(projections=frozenset(only or names)))


def worker(
    queue: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="`feeds`, `seals` or `curves`; repeatable. Default: all.")
    ] = None,
    feed: Annotated[
        list[str] | None, typer.Option(metavar="FEED", help="Fetch this feed; repeatable. Default: all.")
    ] = None,
    port: Port = None,
) -> None:
    """Do what is due by itself: fetch feeds, seal the log, build followed curves. Any number of workers share it."""
    from api.platform import Duties
    from api.services import WORKER_PORT, Service

    queues = set(queue or QUEUES)
    if unknown := sorted(queues - set(QUEUES)):
        raise WrongUsage(f"There is no queue {', '.join(unknown)}", f"The queues are {', '.join(QUEUES)}.")

    def poll(platform: Platform) -> None:
        from commands.polling import ALL
        from commands.shared_polling import start_shared_polling

        poller = start_shared_polling(
            platform.feeds, platform.bus.tools, platform.bus.dispatch, feed or [ALL], platform.clock, platform.turns
        )
        platform.closers.append(poller.stop)
        say(f"Polling {len(poller.feed_ids)} feeds, in turns with other workers.", err)

    duties = Duties(feeds=FEEDS in queues, seals=SEALS in queues, curves=CURVES in queues)
    _run(Service("worker", WORKER_PORT), port, duties, poll if duties.feeds else None)


def new_keys(as_json: AsJson = False) -> None:
    """Make the keys that all processes of a platform share, as settings. Keep them as you keep passwords."""
    import secrets

    from infra.seals import public_key_of

    seal_key = secrets.token_bytes(32)
    keys = {
        "CARBON254_TOKEN": secrets.token_urlsafe(32),
        "CARBON254_CURSOR_KEY": secrets.token_hex(32),
        "CARBON254_SEAL_KEY": seal_key.hex(),
        "CARBON254_SEAL_PUBLIC_KEY": public_key_of(seal_key),
    }
    if as_json:
        show_json(keys)
    else:
        print(*(f"{name}={key}" for name, key in keys.items()), sep="\n")
    say("CARBON254_SEAL_KEY is for workers that seal; the others need the public one alone.", err)


def _run(service: Service, port: int | None, duties: Duties, begin: Callable[[Platform], None] | None = None) -> None:
    from api.app import create_service
    from api.wiring import join_platform
    from infra import logs, tracing

    settings = Settings()
    with listening(settings.host, service.port if port is None else port) as listener:
        logs.configure()
        platform = join_platform(settings, duties)
        try:
            server = server_of(create_service(platform, service), platform)
            if begin:
                begin(platform)
            host, bound = listener.getsockname()[:2]
            say(f"Serving http://{in_url(host)}:{bound} as {service.name}")
            with tracing.exporting(platform.code_version), contextlib.suppress(KeyboardInterrupt, SystemExit):
                server.run(sockets=[listener])
        finally:
            platform.close()
    err.print("Stopped.")
