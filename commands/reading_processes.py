"""Payloads read in processes of their own: one that takes too long or too much, or takes its process down, is
quarantined.

A thread can't be stopped while it is inside a library, and a hostile file may well keep one there. A process can.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import IO

import msgspec

from commands.reading import Rows, Unreadable
from commands.reading_process import OUT_OF_MEMORY, READY, Order, receive, send
from infra import logs
from infra.metrics import PARSE_SECONDS
from integrations.isos.archives import MAX_MEMBER_BYTES
from integrations.isos.catalogue import Payload

MAX_SECONDS = 120.0
# A file takes some five times its size, and may have that of `MAX_MEMBER_BYTES`.
MAX_MEMORY_BYTES = 8 * MAX_MEMBER_BYTES
MOST_PROCESSES = min(4, os.cpu_count() or 1)
_PIPE_BYTES = 1 << 20  # else files of many MB go over 64 KiB at a time
# pyarrow's allocator else takes a whole GiB for its first few bytes, which counts as if it were used.
_HONEST = {"MIMALLOC_ARENA_EAGER_COMMIT": "0"}

Process = subprocess.Popen[bytes]


class ReadingProcesses:
    """A few processes, started when they are first needed and kept."""

    def __init__(self, max_seconds: float = MAX_SECONDS, max_memory_bytes: int = MAX_MEMORY_BYTES) -> None:
        self._max_seconds = max_seconds
        self._max_memory_bytes = max_memory_bytes
        self._room = threading.BoundedSemaphore(MOST_PROCESSES)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._all: set[Process] = set()
        self._closed = False

    def read(self, payload: Payload) -> Rows | Unreadable:
        """What the payload holds. Raises RuntimeError where no process can be had, or after `close`."""
        started = time.perf_counter()
        with self._room:
            outcome = self._read(payload)
        name = "read" if isinstance(outcome, Rows) else "unreadable"
        PARSE_SECONDS.labels(name).observe(time.perf_counter() - started)
        return outcome

    def close(self) -> None:
        """Ends all processes, in whatever they are."""
        with self._lock:
            self._closed = True
            ending, self._all = self._all, set()
        for process in ending:
            process.kill()
            _reap(process)

    def _read(self, payload: Payload) -> Rows | Unreadable:
        process = self._take()
        order = Order(
            names=payload.names,
            place=payload.place,
            problem=payload.problem,
            sizes=tuple(map(len, payload.contents)),
            correlation_id=logs.correlation_id(),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, order, *payload.contents)  # type: ignore[arg-type]
            answer = receive(process.stdout)  # type: ignore[arg-type]
        except (EOFError, OSError):
            return self._ended(process)
        except BaseException:
            process.kill()  # half a message is of no use to the next reader
            self._ended(process)
            raise
        with self._lock:
            self._idle.append(process)
        return msgspec.msgpack.decode(answer, type=Rows | Unreadable)

    def _take(self) -> Process:
        with self._lock:
            if self._closed:
                raise RuntimeError("the processes that read publications were ended")
            if self._idle:
                return self._idle.pop()
            limits = str(self._max_seconds), str(self._max_memory_bytes)
            command = [sys.executable, "-P", "-m", "commands.reading_process", *limits]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | _HONEST)
            self._all.add(process)
        assert process.stdin is not None
        assert process.stdout is not None
        _widen(process.stdin, process.stdout)
        if process.stdout.read(1) != READY:
            self._ended(process)
            raise RuntimeError("a process to read publications in could not be started")
        return process

    def _ended(self, process: Process) -> Unreadable:
        """Why a process is no more."""
        status = _reap(process)
        with self._lock:
            self._all.discard(process)
            if self._closed:
                raise RuntimeError("the processes that read publications were ended")
        if status == -signal.SIGALRM:
            return Unreadable(f"reading it took longer than {self._max_seconds:g} s, and was stopped")
        too_much = f"takes more than {self._max_memory_bytes >> 20:,} MiB of memory: split it up"
        if status == OUT_OF_MEMORY:
            return Unreadable(f"reading it {too_much}")
        if status == -signal.SIGABRT:  # how libraries in C++ end where nobody would catch their exception
            return Unreadable(f"a library gave up reading it (SIGABRT), most likely because it {too_much}")
        return Unreadable(f"the process that read it came to an end: {_words(status)}")


def _widen(*pipes: IO[bytes]) -> None:
    """Lets more lie in pipes, where the system knows how and this user's have not enough together already."""
    for pipe in pipes:
        with suppress(OSError, AttributeError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _reap(process: Process) -> int:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    return process.wait()


def _words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"
