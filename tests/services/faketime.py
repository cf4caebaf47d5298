"""Debian's libfaketime: a clock of its own for one process, which can be set while that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.services.debian import unpacked


class FakeClock:
    """The wall clock of the programs that get `environment`; what counts seconds (the monotonic one) goes on."""

    def __init__(self, folder: Path) -> None:
        """Raises FetchFailed where Debian's packages cannot be had."""
        root = unpacked("debian-faketime", ("libfaketime",))
        (self._library,) = root.glob("usr/lib/*/faketime/libfaketime.so.1")
        self._setting = folder / "clock"
        self.shift(0)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._setting),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def shift(self, seconds: int) -> None:
        """So far from the real time, from now on."""
        self._setting.write_text(f"{seconds:+}\n")
