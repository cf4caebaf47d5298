"""Simulated markets end to end: one program plays the operators, another fetches them, and prices can be queried."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.e2e.program import Program, wait_until

pytestmark = pytest.mark.enable_socket

FEEDS = {
    "MISO": "miso/rt_five_min_lmp",
    "CAISO": "caiso/prc_intvl_lmp",
    "PJM": "pjm/rt_unverified_fivemin_lmps",
    "ERCOT": "ercot/sced_lmp",
}
HUBS = {"MISO": "INDIANA.HUB", "CAISO": "TH_SP15_GEN-APND", "PJM": "WESTERN HUB", "ERCOT": "HB_HOUSTON"}


@contextmanager
def simulating(folder: Path, *options: object) -> Iterator[dict[str, Any]]:
    """`carbon254 simulate` on a free port; yields what it says of itself."""
    program = Program(folder / "simulator")
    process = program.start("simulate", "--port", 0, "--json", *options)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        yield {"stopped": process.stdout.read(), "said": process.stderr.read() if process.stderr else ""}
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
