"""The log as digests: stored rows read page by page and hashed, by two processes where there are many.

Hashing is most of the work of verifying a log, and it holds Python's lock. So a long log is read by helper processes
(this module run by itself), which hand over the few bytes of each event that its verification needs.
"""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import IO, Any

import msgspec
import psycopg
from psycopg.rows import TupleRow

from infra.errors import PlatformError

PAGE = 2000
WORTH_PROCESSES = 20_000
"""Below so many events, starting processes takes longer than what they save."""

_ROWS = b"""
SELECT position, stream_id::text, uuid_send(stream_id), version, name, metadata, payload, recorded_at
FROM log.events WHERE position > %s AND position <= %s ORDER BY position
"""
_ROWS_WITH_GAPS = _ROWS + b"LIMIT %s"
_LENGTH_BYTES = 8
_PROCESSES = 2
_PIPE_BYTES = 2**20


class DigestedPage(msgspec.Struct, array_like=True):
    """The events at the positions after `after`, each as 32 bytes of `digests`, 16 of `streams`, and so on.

    `previous_hashes` are what the events carry. `misplaced` is the index of the first event that does not stand right
    behind the one before it; `untied` of the first whose metadata cannot be read or says another time than its column.
    """

    after: int
    digests: bytes
    streams: bytes
    versions: list[int]
    previous_hashes: list[str]
    misplaced: int | None
    untied: int | None


class Tie(msgspec.Struct, gc=False):
    """The fields of an event's metadata that tie it to its place."""

    previous_hash: str
    recorded_at: datetime


class _Work(msgspec.Struct):
    """Which pages a process reads: those that begin after `first`, `first + step`, … and before `until`."""

    dsn: str
    first: int
    step: int
    until: int


_read_tie = msgspec.json.Decoder(Tie).decode


def event_digest(stream: str, version: int, name: str, metadata: bytes, payload: bytes) -> bytes:
    """SHA-256 over stream, version, name and the stored bytes.

    The length of the metadata stands before it, so that no byte can pass from one part to the other unseen.
    """
    header = f"{stream}\0{version}\0{name}\0{len(metadata)}\0".encode()
    return hashlib.sha256(b"".join((header, metadata, payload))).digest()


def digested_pages(dsn: str, until: int) -> Iterator[DigestedPage]:
    """Pages of PAGE positions each, in order, up to position `until`.

    Raises PlatformError when the log cannot be read.
    """
    if until < WORTH_PROCESSES:
        yield from _pages(_Work(dsn, 0, PAGE, until))
        return
    with ExitStack() as stack:
        step = _PROCESSES * PAGE
        readers = [stack.enter_context(_Reader(_Work(dsn, i * PAGE, step, until))) for i in range(_PROCESSES)]
        for number in range(-(-until // PAGE)):
            yield readers[number % _PROCESSES].next_page()


def digested_pages_with_gaps(dsn: str, until: int, events: int, through: int) -> Iterator[DigestedPage]:
    """As `digested_pages`, in this process, of a log whose first `events` events stand anywhere up to `through`."""
    with psycopg.connect(dsn, application_name="carbon254 audit") as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        cursor = connection.cursor(binary=True)
        count, position = 0, 0
        while rows := cursor.execute(_ROWS_WITH_GAPS, (position, until, PAGE)).fetchall():
            ordinals = [count + i if row[0] <= through else row[0] - through + events for i, row in enumerate(rows, 1)]
            numbered = [(ordinal, *row[1:]) for ordinal, row in zip(ordinals, rows, strict=True)]
            yield digested(count, numbered)
            count, position = count + len(rows), rows[-1][0]


class _Reader:
    """A process that reads and hashes its share of the pages; it waits while nobody takes them."""

    def __init__(self, work: _Work) -> None:
        # -P: a folder named `infra` where the user happens to stand must not be taken for ours.
        command = [sys.executable, "-P", "-m", __name__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin
        assert self._process.stdout
        self._pages = self._process.stdout
        _widen(self._pages)
        with self._process.stdin as stdin:
            stdin.write(msgspec.msgpack.encode(work))

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._pages.close()
        self._process.terminate()
        self._process.wait()

    def next_page(self) -> DigestedPage:
        size = int.from_bytes(self._pages.read(_LENGTH_BYTES), "big")
        if not size:
            raise PlatformError(
                "The event log could not be read to its end.", "Try again; `carbon254 doctor` says more."
            )
        found = msgspec.msgpack.decode(self._pages.read(size), type=DigestedPage | str)
        if isinstance(found, str):
            raise PlatformError(f"The event log could not be read: {found}", "Try again; `carbon254 doctor` says more.")
        return found


def _widen(pipe: IO[bytes]) -> None:
    """Lets the process be some pages ahead of us, where the system can."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # more than this user may have; it works without, only more slowly
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _pages(work: _Work) -> Iterator[DigestedPage]:
    with psycopg.connect(work.dsn, application_name="carbon254 audit") as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        # Without statistics, as of a log just restored, the planner would sort what the index has in order.
        connection.execute("SET enable_bitmapscan = off")
        cursor = connection.cursor(binary=True)
        for after in range(work.first, work.until, work.step):
            rows = cursor.execute(_ROWS, (after, min(after + PAGE, work.until))).fetchall()
            yield digested(after, rows)


def digested(after: int, rows: Sequence[TupleRow]) -> DigestedPage:
    """One page of rows (position, stream as text and as bytes, version, name, metadata, payload, time) as digests."""
    if not rows:
        return DigestedPage(after, b"", b"", [], [], None, None)
    # Column by column: a loop over whole rows is half as fast.
    positions, texts, streams, versions, names, metadata, payloads, times = zip(*rows, strict=True)
    digests = map(event_digest, texts, versions, names, metadata, payloads)
    ties = _ties(metadata)
    return DigestedPage(
        after=after,
        digests=b"".join(digests),
        streams=b"".join(streams),
        versions=list(versions),
        previous_hashes=[tie.previous_hash for tie in ties],
        misplaced=_first_difference(positions, range(after + 1, after + 1 + len(rows))),
        untied=_first_difference([tie.recorded_at for tie in ties], times),
    )


def _ties(metadata: Sequence[bytes]) -> list[Tie]:
    """What ties each event to its place, up to the first that cannot be read."""
    ties: list[Tie] = []
    with suppress(ValueError):  # what was read before it is kept
        ties.extend(map(_read_tie, metadata))
    return ties


def _first_difference(found: Sequence[Any], expected: Sequence[Any]) -> int | None:
    """The first index at which two sequences differ, the shorter one's end included."""
    if list(found) == list(expected):
        return None
    same = (i for i, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other)
    return next(same, min(len(found), len(expected)))


def _write(pages: IO[bytes], page: DigestedPage | str) -> None:
    content = msgspec.msgpack.encode(page)
    pages.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    pages.write(content)
    pages.flush()


def main() -> None:
    """Reads its work from stdin and writes pages, each after its length, to stdout."""
    gc.disable()  # nothing here has cycles, and searching for them costs a tenth of the time
    work = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Work)
    try:
        try:
            for page in _pages(work):
                _write(sys.stdout.buffer, page)
        except psycopg.Error as error:
            _write(sys.stdout.buffer, str(error).strip())
    except BrokenPipeError:  # whoever asked has seen enough
        os._exit(0)


if __name__ == "__main__":
    main()
