"""Where fetched engines lie, and how they get there: whole or not at all, tried again where a registry stumbles."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    stop_after_delay,
    stop_any,
    wait_exponential,
)

TRIES = 3
_PATIENCE_S = 1_200.0
"""For everything that one process fetches; CARBON254_FETCH_S names another."""
_began_s = time.monotonic()


class FetchFailed(Exception):
    """A registry did not give what was asked for. The text ends with what it said."""


class NotInstalled(FetchFailed):
    """A program that fetches, or that the engine runs on, is missing; trying again mends nothing."""


def cache_folder() -> Path:
    """CARBON254_SERVICES_CACHE, or `carbon254-services` in the user's cache folder: outside any checkout."""
    named = os.environ.get("CARBON254_SERVICES_CACHE")
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "carbon254-services"
    return Path(named) if named else usual


def is_fetched(name: str) -> bool:
    """Whether the cache has the folder `name`."""
    return (cache_folder() / name).is_dir()


def fetched(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache; `fill` puts its contents into an empty one where it is not there yet.

    `name` says the version, so that another version is another folder.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    print(f"fetching {name} …", file=sys.stderr, flush=True)
    partial = folder.with_name(f"{name}.partial")
    for state in Retrying(
        stop=stop_any(stop_after_attempt(TRIES), stop_after_delay(max(0.0, _left_s()))),
        wait=wait_exponential(multiplier=2, max=30),
        retry=retry_if_exception_type(FetchFailed) & retry_if_not_exception_type(NotInstalled),
        before_sleep=_say,
        reraise=True,
    ):
        with state:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            fill(partial)
    partial.rename(folder)
    return folder


def need(program: str) -> None:
    """Raises NotInstalled where a program is not on this machine."""
    if shutil.which(program) is None:
        raise NotInstalled(f"{program} is not installed on this machine")


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs a program that fetches, in `folder`. Raises FetchFailed with the end of what it said."""
    need(command[0])
    if (left_s := _left_s()) <= 0:
        raise FetchFailed(f"there was no time left for {command[0]}: fetching may take {_patience_s():.0f} s in all")
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True,
            timeout=left_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise FetchFailed(f"{command[0]} gave no answer in {left_s:.0f} s") from error
    if done.returncode:
        raise FetchFailed(f"{' '.join(command[:3])} failed: {(done.stdout + done.stderr).strip()[-2000:]}")


def check_sha256(file: Path, expected: str) -> None:
    """Raises FetchFailed where a file is another one than was pinned."""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != expected:
        raise FetchFailed(f"{file.name} has the SHA-256 {found}, expected is {expected}")


def _patience_s() -> float:
    return float(os.environ.get("CARBON254_FETCH_S") or _PATIENCE_S)


def _left_s() -> float:
    return _began_s + _patience_s() - time.monotonic()


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    print(f"  {error}; once more", file=sys.stderr, flush=True)
