"""`python -m tests.services [--only NAME]… up | down | status | run COMMAND …`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.services.cache import FetchFailed
from tests.services.registry import SERVICES
from tests.services.service import Service, StartFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("what", choices=("up", "down", "status", "run"))
    parser.add_argument("--only", action="append", choices=tuple(SERVICES), help="this engine; repeatable")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="for `run`: what to run while they are up")
    given = parser.parse_args()
    services = [SERVICES[name](_folder()) for name in given.only or SERVICES]
    try:
        return _do(given.what, services, given.command)
    except (FetchFailed, StartFailed) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _do(what: str, services: Sequence[Service], command: Sequence[str]) -> int:
    match what:
        case "up":
            _start(services)
            for service in services:
                for name, value in service.environment().items():
                    print(f"export {name}={value}")
        case "down":
            _remove(services)
        case "status":
            for service in services:
                print(f"{service.name:12} {'running' if service.is_running else 'stopped'}")
        case _:
            try:
                _start(services)
                environment = dict(os.environ)
                for service in services:
                    environment |= service.environment()
                return subprocess.run(command, env=environment, check=False).returncode
            finally:
                _remove(services)
    return 0


def _start(services: Sequence[Service]) -> None:
    for service in services:
        service.start()
        print(f"{service.name} is up", file=sys.stderr, flush=True)


def _remove(services: Sequence[Service]) -> None:
    for service in reversed(services):
        service.remove()


def _folder() -> Path:
    """Where the engines keep their files: one place a user, so that a later command finds them."""
    return Path(tempfile.gettempdir()) / f"carbon254-services-{os.getuid()}"


if __name__ == "__main__":
    sys.exit(main())
