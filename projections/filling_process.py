"""A process that fills some tables of a long build (this module run by itself), while its starter fills the others.

Python runs one thread of a process at a time, and making rows out of events is most of the work of a build.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from infra.errors import PlatformError
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.memory import collect_seldom
from infra.postgres import open_pool
from projections import curves, instruments, ppas, publications, quality
from projections.filling import Span, Tables, fill
from projections.relational import RelationalProjection

# They are half of the work of all, and need nothing but events of a few kinds.
_APART = {module.PROJECTION.name: module.PROJECTION for module in (instruments, curves, ppas, quality, publications)}
_REMEDY = "Try again; `carbon254 doctor` says more."


class _Work(msgspec.Struct):
    dsn: str
    names: list[str]
    tables: Tables
    span: Span


def can_go_apart(projection: RelationalProjection) -> bool:
    """Whether a process of its own can fill the projection's tables."""
    return _APART.get(projection.name) is projection


class FillingProcess:
    """A process that fills the tables of some projections; use it in a `with`, whose end is the end of it."""

    def __init__(self, dsn: str, projections: Sequence[RelationalProjection], tables: Tables, span: Span) -> None:
        """`dsn` leads to the database with the log and the tables."""
        self._position = span.after
        # -P: a folder named `infra` where the user happens to stand must not be taken for ours.
        command = [sys.executable, "-P", "-m", __name__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        work = _Work(dsn, [projection.name for projection in projections], tables, span)
        assert self._process.stdin
        with suppress(BrokenPipeError), self._process.stdin as stdin:  # of one that has ended already `reach` tells
            stdin.write(msgspec.json.encode(work).decode())

    def __enter__(self) -> FillingProcess:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdout
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()

    def reach(self, position: int) -> None:
        """Returns when the process has come to a position. Raises PlatformError when it never will."""
        assert self._process.stdout
        while self._position < position:
            said = self._process.stdout.readline()
            if not said.strip().isdigit():
                raise PlatformError(f"Read models could not be built: {said.strip() or 'a process ended'}", _REMEDY)
            self._position = int(said)


def main() -> None:
    """Does the work that stands on the standard input, and writes the positions that it comes to, a line each."""
    collect_seldom()
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=_Work)
    try:
        with open_pool(work.dsn, most=2) as pool:  # one to read, one to write
            log, projections = EventLog(PostgresRecorder(pool)), [_APART[name] for name in work.names]
            for position in fill(pool, log, projections, work.tables, work.span):
                print(position, flush=True)
    except BrokenPipeError:
        sys.exit(1)  # whoever started this is gone
    except Exception as error:  # whatever it is, it is told there
        print(" ".join(f"{type(error).__name__}: {error}".split()), flush=True)


if __name__ == "__main__":
    main()
