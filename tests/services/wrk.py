"""Debian's wrk, which puts load on an HTTP server: a tool, fetched as the engines are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.services.debian import library_path, unpacked

_PACKAGES = ("wrk", "libluajit-5.1-2", "libluajit2-5.1-2")


@dataclass(frozen=True)
class Wrk:
    """The program, ready to be run."""

    program: Sequence[str]
    environment: Mapping[str, str]

    @classmethod
    def fetched(cls) -> Wrk:
        """Raises FetchFailed where Debian's packages cannot be had."""
        root = unpacked("debian-wrk", _PACKAGES)
        return cls([str(root / "usr" / "bin" / "wrk")], {**os.environ, "LD_LIBRARY_PATH": library_path(root)})
