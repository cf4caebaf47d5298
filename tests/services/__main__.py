"""`python -m tests.services [--only NAME]… up | down | status | run COMMAND …`.

An engine that cannot be fetched is told and left out: `up` then ends with 1, `run` runs the command without it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.services.cache import FetchFailed
from tests.services.registry import SERVICES, service
from tests.services.service import Service, StartFailed, free_shift


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("what", choices=("up", "down", "status", "run"))
    parser.add_argument("--only", action="append", choices=tuple(SERVICES), help="this engine; repeatable")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="for `run`: what to run while they are up")
    given = parser.parse_args()
    services = [service(name) for name in given.only or SERVICES]
    if given.what == "run" and "CARBON254_SERVICES_SHIFT" not in os.environ:
        _make_room(services)
    try:
        return _do(given.what, services, given.command)
    except StartFailed as error:
        print(f"StartFailed: {error}", file=sys.stderr)
        return 1


def _make_room(services: Sequence[Service]) -> None:
    """Begins anew with other ports where somebody else listens on the usual ones."""
    if not any(engine.is_running for engine in services) and (far := free_shift()):
        print(f"the usual ports are taken: all are moved by {far}", file=sys.stderr, flush=True)
        os.environ["CARBON254_SERVICES_SHIFT"] = str(far)
        os.execv(sys.executable, [sys.executable, "-m", "tests.services", *sys.argv[1:]])


def _do(what: str, services: Sequence[Service], command: Sequence[str]) -> int:
    match what:
        case "up":
            fetched, missing = _fetch(services)
            _start(fetched)
            for engine in fetched:
                for name, value in engine.environment().items():
                    print(f"export {name}={value}")
            return 1 if missing else 0
        case "down":
            _remove(services)
        case "status":
            for engine in services:
                print(f"{engine.name:12} {'running' if engine.is_running else 'stopped'}")
        case _:
            return _run(services, command)
    return 0


def _run(services: Sequence[Service], command: Sequence[str]) -> int:
    """TEST_ENGINES tells the command what each engine is: `real`, what a stand-in is not, or why it is missing."""
    fetched, missing = _fetch(services)
    try:
        _start(fetched)
        environment = dict(os.environ)
        for engine in fetched:
            environment |= engine.environment()
        kinds = missing | {engine.name: _kind(engine) for engine in fetched}
        environment["TEST_ENGINES"] = json.dumps(kinds)
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        _remove(fetched)


def _fetch(services: Sequence[Service]) -> tuple[list[Service], dict[str, str]]:
    """The engines that are at hand now, and why each other one is not."""
    fetched: list[Service] = []
    missing: dict[str, str] = {}
    for engine in services:
        try:
            engine.fetch()
            fetched.append(engine)
        except FetchFailed as error:
            missing[engine.name] = f"missing: not fetched: {error}"
            print(f"{engine.name}: not fetched: {error}", file=sys.stderr, flush=True)
    return fetched, missing


def _start(services: Sequence[Service]) -> None:
    for engine in services:
        engine.start()
        print(f"{engine.name} is up: {_kind(engine)}", file=sys.stderr, flush=True)


def _kind(engine: Service) -> str:
    return f"stand-in for {engine.stands_in_for}" if engine.stands_in_for else "real"


def _remove(services: Sequence[Service]) -> None:
    for engine in reversed(services):
        engine.remove()


if __name__ == "__main__":
    sys.exit(main())
