"""Where seals are kept: in a folder, or, where many processes share nothing but the engines, among the objects.

The files' names order them: the longer ago, the smaller.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from infra.errors import PlatformError
from infra.objects import Objects


class SealFiles(Protocol):
    """Files by name, each written once and whole."""

    def names(self, after: int = 0) -> Sequence[str]:
        """Sorted, those of the seals that end behind an ordinal."""

    def newest(self, known: str | None) -> str | None:
        """The last of the names; `known` is what it was before."""

    def read(self, name: str) -> bytes | None:
        """None where there is no such file. Raises OSError, PlatformError."""

    def write(self, name: str, content: bytes, follows: int) -> None:
        """The file of the seal that follows an ordinal; it is kept when this returns.

        Raises SealedElsewhere where another one follows that ordinal already, OSError and PlatformError.
        """


class SealedElsewhere(PlatformError):
    """Another process has sealed the same events; the chain goes on behind its seal."""


class SealFolder:
    """Files that this process alone writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self, after: int = 0) -> Sequence[str]:
        return sorted(file.name for file in self._folder.glob("*.json") if file.name >= _first_behind(after))

    def newest(self, known: str | None) -> str | None:
        # A folder of a year holds too many files to be listed every second.
        if known and (self._folder / known).exists():
            return known
        names = self.names()
        return names[-1] if names else None

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes, follows: int) -> None:  # noqa: ARG002 - nobody else writes here
        """A power cut must not leave a seal half written: it would look like one that was tampered with."""
        file = self._folder / name
        new = file.with_suffix(".new")
        with new.open("wb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        new.rename(file)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class SealObjects:
    """Files below `seals/` of the object store, which another process may write.

    What follows an ordinal is settled by the first to write it below `sealed/`, whole, so that a process which lost its
    claim without knowing cannot fork the chain, and one that dies in between is completed by the next.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def names(self, after: int = 0) -> Sequence[str]:
        # A list of a year's seals is thousands of requests; what follows an ordinal is mostly one.
        first = _PREFIX + _first_behind(after) if after else None
        return [path.removeprefix(_PREFIX) for path in self._objects.list_files(_PREFIX, after=first)]

    def newest(self, known: str | None) -> str | None:
        later = self._objects.list_files(_PREFIX, after=_PREFIX + known if known else None)
        if later:
            return later[-1].removeprefix(_PREFIX)
        if known and self._objects.has_file(_PREFIX + known):
            return known
        names = self.names() if known else ()
        return names[-1] if names else None

    def read(self, name: str) -> bytes | None:
        return self._objects.read_file(_PREFIX + name)

    def write(self, name: str, content: bytes, follows: int) -> None:
        settled = f"{_SETTLED}{follows:016d}"
        wanted = name.encode() + b"\n" + content
        if (found := self._objects.settle_file(settled, wanted)) != wanted:
            their_name, _, their_content = found.partition(b"\n")
            self._objects.settle_file(_PREFIX + their_name.decode(), their_content)
            raise SealedElsewhere(
                f"What follows event {follows} has been sealed by another process as {their_name.decode()}.",
                "Nothing need be done: the next seal follows that one.",
            )
        self._objects.settle_file(_PREFIX + name, content)


_PREFIX, _SETTLED = "seals/", "sealed/"


def name_of(last_ordinal: int, sha256: str) -> str:
    """The name of a seal's file."""
    return f"{last_ordinal:016d}-{sha256}.json"


def _first_behind(ordinal: int) -> str:
    """What the names of all seals that end behind an ordinal are greater than, and no other's."""
    return f"{ordinal + 1:016d}" if ordinal else ""
