"""A process that applies a share of the events of a long build (this module run by itself), beside its starter.

Python runs one thread of a process at a time, and making rows out of events is most of the work of a build. Each event
is read by one process alone, for all projections that take it.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from importlib import import_module

import msgspec

import write_model
from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_recorder import PostgresRecorder, Share
from infra.event_store import recorded_events
from infra.memory import collect_seldom
from infra.postgres import open_pool
from projections import audit, curves, instruments, ppas, publications, quality, scenarios
from projections.filling import Span, Tables, fill
from projections.relational import RelationalProjection
from write_model.base import EVENTS

# What they write of a stream depends on nothing but its own events: it does not matter who else is at work.
_BY_STREAM = {
    module.PROJECTION.name: module.PROJECTION
    for module in (audit, curves, instruments, ppas, publications, quality, scenarios)
}
_REMEDY = "Try again; `carbon254 doctor` says more."


class _Work(msgspec.Struct):
    dsn: str
    projections: list[str]
    tables: Tables
    span: Span
    share: Share


def is_by_stream(projection: RelationalProjection) -> bool:
    """Whether several processes can fill the projection's tables, each with streams of its own."""
    return _BY_STREAM.get(projection.name) is projection


def names_to_share(projections: Collection[RelationalProjection]) -> tuple[str, ...]:
    """The names of the events that only such projections take, where that is so of all events of their streams.

    A stream is one process's: who has its later events must know that an earlier one was set aside.
    """
    takers = {name: [each for each in projections if each.takes(kind)] for name, kind in EVENTS.items()}
    others = {_aggregate(name) for name, taking in takers.items() if not all(map(is_by_stream, taking))}
    return tuple(name for name, taking in takers.items() if taking and _aggregate(name) not in others)


def _aggregate(name: str) -> str:
    """Whose event it is, and so in what streams it stands."""
    return EVENTS[name].__qualname__.partition(".")[0]


class FillingProcess:
    """A process that applies a share of the events to some projections; gives the positions that it comes to.

    Use it in a `with`, whose end is the end of it.
    """

    def __init__(
        self, dsn: str, projections: Sequence[RelationalProjection], tables: Tables, span: Span, share: Share
    ) -> None:
        """`dsn` leads to the database with the log and the tables."""
        # -P: a folder named `infra` where the user happens to stand must not be taken for ours.
        command = [sys.executable, "-P", "-m", __name__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        work = _Work(dsn, [projection.name for projection in projections], tables, span, share)
        assert self._process.stdin
        with suppress(BrokenPipeError), self._process.stdin as stdin:  # of one that has ended already `__next__` tells
            stdin.write(msgspec.json.encode(work).decode())

    def __enter__(self) -> FillingProcess:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdout
        self._process.stdout.close()
        self._process.terminate()
        self._process.wait()

    def __iter__(self) -> FillingProcess:
        return self

    def __next__(self) -> int:
        """The position that the process has come to next. Raises PlatformError when there is none."""
        assert self._process.stdout
        said = self._process.stdout.readline().strip()
        if not said.isdigit():
            raise PlatformError(f"Read models could not be built: {said or 'a process ended'}", _REMEDY)
        return int(said)


def main() -> None:
    """Does the work that stands on the standard input, and writes the positions that it comes to, a line each."""
    collect_seldom()
    _know_all_events()
    work = msgspec.json.decode(sys.stdin.buffer.read(), type=_Work)
    try:
        with open_pool(work.dsn, most=2) as pool:  # one to read, one to write
            recorder, projections = PostgresRecorder(pool), [_BY_STREAM[name] for name in work.projections]

            def read(after: int, limit: int) -> Sequence[RecordedEvent]:
                return recorded_events(recorder.select_share(after, limit, work.share))

            for position in fill(pool, read, projections, work.tables, work.span):
                print(position, flush=True)
    except BrokenPipeError:
        sys.exit(1)  # whoever started this is gone
    except Exception as error:  # whatever it is, it is told there
        print(" ".join(f"{type(error).__name__}: {error}".split()), flush=True)


def _know_all_events() -> None:
    """The audit takes events of every kind, and a kind is known once its module was imported."""
    for module in pkgutil.iter_modules(write_model.__path__):
        import_module(f"{write_model.__name__}.{module.name}")


if __name__ == "__main__":
    main()
