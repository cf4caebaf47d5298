"""The workload: the largest real MISO and ERCOT day files, repeated over dates."""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import date, timedelta
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "data" / "iso"
MISO_FILE = SHARED / "miso" / "rt_lmp_final" / "20230101_rt_lmp_final.csv"
ERCOT_FILE = SHARED / "ercot" / "dam_spp_np4-190-cd" / "cdr.00012331.0000000000000000.20220131.122921.DAMSPNP4190.csv"
# Standard time throughout, so that every day of a file that has 24 hours really has 24.
FIRST_DAY = date(2023, 3, 20)


def day_files(days: int) -> list[tuple[str, bytes]]:
    """(name, bytes) of one MISO and one ERCOT file a day."""
    if not MISO_FILE.is_file():
        sys.exit("The benchmark needs the real files of shared/data beside the checkout.")
    miso, ercot = MISO_FILE.read_bytes(), ERCOT_FILE.read_bytes()
    files = []
    for offset in range(days):
        day = FIRST_DAY + timedelta(days=offset)
        dated = re.sub(rb"1/1/2023", f"{day:%m/%d/%Y}".encode(), miso, count=1)
        files.append((f"{day:%Y%m%d}_rt_lmp_final.csv", dated))
        name = f"cdr.00012331.0000000000000000.{day:%Y%m%d}.122921.DAMSPNP4190.csv"
        files.append((name, ercot.replace(b"02/01/2022", f"{day:%m/%d/%Y}".encode())))
    return files


def write_day_files(folder: Path, days: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in day_files(days):
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths


def machine() -> str:
    """One line about where a figure was measured."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cpu = model[1] if model else platform.processor()
    return f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, Python {platform.python_version()}, {platform.system()}"
