"""`python -m tests.services [--only NAME]… up | down | status | run COMMAND …`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.services.cache import FetchFailed
from tests.services.registry import SERVICES, service
from tests.services.service import Service, StartFailed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("what", choices=("up", "down", "status", "run"))
    parser.add_argument("--only", action="append", choices=tuple(SERVICES), help="this engine; repeatable")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="for `run`: what to run while they are up")
    given = parser.parse_args()
    services = [service(name) for name in given.only or SERVICES]
    try:
        return _do(given.what, services, given.command)
    except (FetchFailed, StartFailed) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def _do(what: str, services: Sequence[Service], command: Sequence[str]) -> int:
    match what:
        case "up":
            _start(services)
            for engine in services:
                for name, value in engine.environment().items():
                    print(f"export {name}={value}")
        case "down":
            _remove(services)
        case "status":
            for engine in services:
                print(f"{engine.name:12} {'running' if engine.is_running else 'stopped'}")
        case _:
            try:
                _start(services)
                environment = dict(os.environ)
                for engine in services:
                    environment |= engine.environment()
                return subprocess.run(command, env=environment, check=False).returncode
            finally:
                _remove(services)
    return 0


def _start(services: Sequence[Service]) -> None:
    for engine in services:
        engine.start()
        kind = f"stands in for {engine.stands_in_for}" if engine.stands_in_for else "real"
        print(f"{engine.name} is up: {kind}", file=sys.stderr, flush=True)


def _remove(services: Sequence[Service]) -> None:
    for engine in reversed(services):
        engine.remove()


if __name__ == "__main__":
    sys.exit(main())
