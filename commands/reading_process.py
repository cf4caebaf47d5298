"""The process in which payloads are read: whatever it is doing, it can be ended. A program of its own.

Usage: python -P -m commands.reading_process SECONDS BYTES
Standard input brings payloads, standard output takes what was read (see `Order` and `send`). The end of the input ends
the process, so that it outlives nobody. A payload that takes longer than SECONDS ends it too, by the system's alarm,
which needs no help of an interpreter that is deep inside a library; and so does one for which BYTES of memory are too
few, because what is left of it in memory would count against the next.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

import msgspec
import pyarrow as pa

from commands.reading import Rows, Unreadable, read_payload
from infra import logs
from integrations.isos.catalogue import Payload

READY = b"+"
OUT_OF_MEMORY = 71
"""The exit code of a process that needed more memory than it may have."""
_LENGTH_BYTES = 8


class Order(msgspec.Struct, frozen=True):
    """A payload to read; the contents follow it one after the other, each of the size that stands here."""

    names: tuple[str, ...]
    place: str
    problem: str
    sizes: tuple[int, ...]
    correlation_id: str | None


def send(sink: BinaryIO, message: msgspec.Struct, *contents: bytes) -> None:
    """One message: its length, itself as msgpack, and the contents as they are."""
    encoded = msgspec.msgpack.encode(message)
    sink.write(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
    for content in contents:
        sink.write(content)
    sink.flush()


def receive(source: BinaryIO) -> bytes:
    """The next message. Raises EOFError where there is none, or not the whole of it."""
    return read_exactly(source, int.from_bytes(read_exactly(source, _LENGTH_BYTES), "big"))


def read_exactly(source: BinaryIO, count: int) -> bytes:
    found = source.read(count)
    if len(found) < count:
        raise EOFError
    return found


def main() -> None:
    """Reads payload after payload until the input ends."""
    seconds, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A terminal or a service manager sends these to us too; the owner decides, by closing our input.
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    logs.configure()
    source = sys.stdin.buffer
    # What a library might print must not get among the messages.
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # pyarrow looks for pandas when it is given its first array: seconds that are no part of reading a payload.
    pa.array([0.0])
    # Memory of its own that it may write to: what libraries reserve or map of files costs nothing.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    sink.write(READY)
    sink.flush()
    try:
        while _serve(source, sink, seconds):
            pass
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BrokenPipeError:
        os._exit(1)  # the owner is gone, and so is whoever would read of it


def _serve(source: BinaryIO, sink: BinaryIO, seconds: float) -> bool:
    """Reads one payload; False where the input has ended."""
    try:
        order = msgspec.msgpack.decode(receive(source), type=Order)
        contents = tuple(read_exactly(source, size) for size in order.sizes)
    except EOFError:
        return False
    signal.setitimer(signal.ITIMER_REAL, seconds)
    outcome = _read(Payload(order.names, contents, order.place, order.problem), order.correlation_id)
    signal.setitimer(signal.ITIMER_REAL, 0)
    send(sink, outcome)
    return True


def _read(payload: Payload, correlation_id: str | None) -> Rows | Unreadable:
    with logs.bound(**{"correlation_id": correlation_id} if correlation_id else {}):
        return read_payload(payload)


if __name__ == "__main__":
    main()
