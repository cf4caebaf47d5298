"""Which files an `ingest` means: each once, in an order in which a restatement comes after its original."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class FoundFiles:
    """`files` in their order, each with whether it was named singly; what is no file, and what can't be looked at."""

    files: dict[Path, bool] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    _known: dict[tuple[Path, str], Path] = field(default_factory=dict)

    def add(self, path: Path, *, named: bool) -> None:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            self.unreadable.append((path, reason(error)))
            return
        if stat.S_ISREG(mode):
            # A link to a file is a file of its own: its name may tell what it is.
            path = self._known.setdefault((path.parent.resolve(), path.name), path)
            self.files[path] = self.files.get(path, False) or named
        elif stat.S_ISDIR(mode):  # only ever a link to one: folders themselves are walked through
            self.skipped.append({"file": shown(path), "reason": "a link to a folder; name the folder to ingest it"})
        else:
            self.skipped.append({"file": shown(path), "reason": "no regular file but a pipe, socket or device"})


def find_files(paths: list[Path], *, home: Path) -> FoundFiles:
    """Files in the order of `paths`; those of a folder sorted by name, numbers in names as numbers.

    The data folder `home` is walked past: its files are ours, and the token is among them.
    """
    found = FoundFiles()
    for path in paths:
        if path.is_dir():
            for file in _below(path, found, home):
                found.add(file, named=False)
        else:
            found.add(path, named=True)
    return found


def shown(path: Path) -> str:
    """The path as text that every program can read: bytes that are no UTF-8 are written as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def reason(error: OSError) -> str:
    return f"it cannot be read: {error.strerror or error}"


def _below(folder: Path, found: FoundFiles, home: Path) -> list[Path]:
    def failed(error: OSError) -> None:
        found.unreadable.append((Path(error.filename or folder), reason(error)))

    files: list[Path] = []
    own = home.resolve()
    for parent, folders, names in os.walk(folder, onerror=failed):
        if Path(parent).resolve().is_relative_to(own):
            found.skipped.append({"file": shown(Path(parent)), "reason": "the data folder of 254Carbon itself"})
            folders.clear()
            continue
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        files += [Path(parent, name) for name in names + links]
    return sorted(files, key=_order)


def _order(path: Path) -> list[list[str | int]]:
    """`x.csv` before `x (1).csv`, and `x_v2.csv` before `x_v12.csv`."""
    name, dot, suffix = path.name.partition(".")
    # Texts and numbers take turns, so that like is only ever compared with like.
    return [
        [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", text)]
        for text in (*path.parent.parts, name, dot + suffix)
    ]
