"""A process that forks once for each life, with everything imported and nothing opened yet: a life costs no start-up.

It reads one JSON order a line: `{"live": {...}}` starts a life and answers its pid, `{"wait": pid}` answers how it
ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


class Forker:
    """Starts `module`, which calls `serve`, and gives it orders."""

    def __init__(self, module: str, folder: Path) -> None:
        self._errors = (folder / "stderr").open("w+")
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )

    def live(self, order: dict[str, Any]) -> int:
        """The pid of a new life."""
        return self._ask({"live": order})

    def end_of(self, pid: int) -> int:
        """The exit code, once it has ended; what a signal did is negative."""
        return self._ask({"wait": pid})

    def said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def close(self) -> None:
        self._process.communicate(timeout=90)
        self._errors.close()

    def _ask(self, order: dict[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def die_in(seconds: float) -> None:
    """Ends this process so, as `kill -9` does: by its own clock, since another process may look too late."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()


def serve(live: Callable[[dict[str, Any]], None]) -> None:
    """Carries out the orders on standard input; a life is a call of `live` in a process of its own."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if not pid:
            _live(live, order["live"])
        print(pid, flush=True)


def _live(live: Callable[[dict[str, Any]], None], order: dict[str, Any]) -> None:
    code = 1
    try:
        live(order)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
