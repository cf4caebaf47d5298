"""Where seals are kept: in a folder, or, where many processes share nothing but the engines, among the objects.

The files' names order them: the longer ago, the smaller.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from infra.objects import Objects


class SealFiles(Protocol):
    """Files by name, each written once and whole."""

    def names(self) -> Sequence[str]:
        """All of them, sorted."""

    def newest(self, known: str | None) -> str | None:
        """The last of the names; `known` is what it was before."""

    def read(self, name: str) -> bytes | None:
        """None where there is no such file. Raises OSError, PlatformError."""

    def write(self, name: str, content: bytes) -> None:
        """The file is kept when this returns. Raises OSError, PlatformError."""


class SealFolder:
    """Files that this process alone writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self) -> Sequence[str]:
        return sorted(file.name for file in self._folder.glob("*.json"))

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

    def write(self, name: str, content: bytes) -> None:
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
    """Files below `seals/` of the object store, which another process may write."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def names(self) -> Sequence[str]:
        return [path.removeprefix(_PREFIX) for path in self._objects.list_files(_PREFIX)]

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

    def write(self, name: str, content: bytes) -> None:
        self._objects.write_file(_PREFIX + name, content)


_PREFIX = "seals/"
