"""What processes hold in memory, as the kernel counts it. Linux only."""

from __future__ import annotations

import ctypes
import os
import sys
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.clickhouse import ClickHouse

_PROC = Path("/proc")
_MEBIBYTE_KIB = 1024
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Memory:
    """Mebibytes of this process, of the processes in which it has payloads read, and of the PostgreSQL that it started.

    `anonymous_mib` is what the process asked for; the rest of `resident_mib` are pages of files, such as libraries,
    which are read in once they are needed. `private_mib` are all of the servers' processes together without
    `buffers_mib`, the pages of tables that they share. `readers_mib` is what the readers asked for.
    """

    resident_mib: float
    anonymous_mib: float
    readers_mib: float
    private_mib: float
    buffers_mib: float


@dataclass(frozen=True)
class Held:
    """What the allocators of this process hold, in mebibytes: what the columnar engine counts as its own; what its
    allocator has of the system for that, in use or not yet given back; what is in use of the C library's. And how many
    thousand objects Python has, among them those of which nobody knows any more and the collector does not yet.
    """

    engine_mib: float
    engine_resident_mib: float
    c_mib: float
    thousand_objects: float


def held_now(store: ClickHouse) -> Held:
    """Of a platform whose columnar engine is embedded."""
    (engine,) = store.query_arrow(
        """SELECT (SELECT value FROM system.metrics WHERE metric = 'MemoryTracking') AS counted,
                  toInt64(extract(stats, 'resident: ([0-9]+)')) AS resident FROM system.jemalloc_stats"""
    ).to_pylist()
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = _MallInfo2
    in_c: _MallInfo2 = library.mallinfo2()
    return Held(
        engine["counted"] / _MEBIBYTE,
        engine["resident"] / _MEBIBYTE,
        (in_c.uordblks + in_c.hblkhd) / _MEBIBYTE,
        sys.getallocatedblocks() / 1000,
    )


class _MallInfo2(ctypes.Structure):
    """As mallinfo(3) says: `uordblks` are bytes in use, `hblkhd` those with a mapping of their own."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip
    uordblks: int
    hblkhd: int


def memory_now() -> Memory:
    own, others = _fields(_PROC / "self" / "status"), _descendants(os.getpid())
    servers = [_proportional(pid) for pid in others if _name(pid) == "postgres"]
    readers = [_proportional(pid) for pid in others if "commands.reading_process" in _arguments(pid)]
    shared = sum(server.get("Pss_Shmem", 0) for server in servers)
    every = sum(server.get("Pss", 0) for server in servers)
    read = sum(reader.get("Pss_Anon", 0) for reader in readers)
    kibibytes = (own["VmRSS"], own["RssAnon"], read, every - shared, shared)
    return Memory(*(each / _MEBIBYTE_KIB for each in kibibytes))


def _fields(file: Path) -> dict[str, int]:
    """The lines `Name:  1234 kB` of a file, in kibibytes."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) == 3 and words[2] == "kB"}


def _proportional(pid: int) -> dict[str, int]:
    """A page that several processes share counts in parts."""
    with suppress(OSError):  # it may have ended meanwhile
        return _fields(_PROC / str(pid) / "smaps_rollup")
    return {}


def _name(pid: int) -> str:
    with suppress(OSError):
        return (_PROC / str(pid) / "comm").read_text().strip()
    return ""


def _arguments(pid: int) -> list[str]:
    with suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_text().split("\0")
    return []


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                # The name, in parentheses, may have spaces and parentheses of its own.
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                children[int(parent)].append(int(folder.name))
    found, pending = [], [root]
    while pending:
        pending += (own := children[pending.pop()])
        found += own
    return found
