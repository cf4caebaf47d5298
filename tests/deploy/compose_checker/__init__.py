"""compose's own model of a compose file, as a program: built by `python -m tests.deploy.compose_checker`."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.services.cache import cache_folder, fetched, is_fetched, run

_SOURCE = Path(__file__).parent
_VERSION = "compose-go-2.16.2"


def checker() -> Path | None:
    """The program, where it was built before."""
    return cache_folder() / _VERSION / "compose_checker" if is_fetched(_VERSION) else None


def build() -> Path:
    """Raises FetchFailed. Go's checksum database vouches for what it is built from, as do the sums in `go.sum`."""
    return fetched(_VERSION, _build) / "compose_checker"


def _build(folder: Path) -> None:
    source = folder / "source"
    source.mkdir()
    for name in ("main.go", "go.mod", "go.sum"):
        shutil.copy(_SOURCE / name, source / name)
    run(["go", "build", "-o", str(folder / "compose_checker"), "."], source)
