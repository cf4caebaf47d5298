"""Debian's packages without installing them: downloaded by apt, which checks their signatures, and unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.services.cache import fetched, run


def unpacked(name: str, packages: Sequence[str]) -> Path:
    """A folder of the cache that holds the files of `packages`, laid out as in a root."""
    return fetched(name, lambda folder: _unpack(folder, packages))


def _unpack(folder: Path, packages: Sequence[str]) -> None:
    # Lists and state of its own: neither root nor an earlier `apt-get update` is needed.
    state = folder / "apt"
    (state / "lists" / "partial").mkdir(parents=True)
    (state / "archives" / "partial").mkdir(parents=True)
    own = [
        f"--option=Dir::State::lists={state / 'lists'}",
        f"--option=Dir::Cache={state}",
        "--option=APT::Sandbox::User=",
        "--option=Acquire::Retries=3",
    ]
    run(["apt-get", "--quiet=2", *own, "update"], folder)
    run(["apt-get", "--quiet=2", *own, "download", *packages], folder)
    for package in sorted(folder.glob("*.deb")):
        run(["dpkg-deb", "--extract", str(package), str(folder)], folder)
        package.unlink()
    for file in sorted(state.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    state.rmdir()


def library_path(root: Path) -> str:
    """LD_LIBRARY_PATH for programs below `root` that need libraries of packages unpacked beside them."""
    return ":".join(str(folder) for folder in sorted((root / "usr" / "lib").glob("*-linux-gnu")))
