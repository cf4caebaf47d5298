"""A disk of a few megabytes for one process: a tmpfs in a namespace of its own, for which nobody needs to be root."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


def is_possible() -> bool:
    """Whether this machine lets its users have such namespaces."""
    done = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)
    return done.returncode == 0


def on_small_disk(command: Sequence[str], folder: Path, size_bytes: int) -> list[str]:
    """The argument list that runs `command` with an empty disk of that size at `folder`, which exists."""
    return [*_UNSHARE, "sh", "-c", _SCRIPT, "small-disk", str(size_bytes), str(folder), *command]


def seen_by(pid: int, path: Path) -> Path:
    """What a process in a namespace of its own sees at `path`, for whoever is outside."""
    return Path(f"/proc/{pid}/root{path}")


_UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
