"""Small price files in the operators' own layouts, written inline so that a test knows every number in them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from integrations.isos.simulator import SampleMarket, write_sample

DAY = date(2026, 3, 10)
_MISO_TITLES = {
    "da_expost_lmp": "Day Ahead Market ExPost LMPs",
    "rt_lmp_final": "Realtime Market LMPs",
    "rt_lmp_prelim": "Realtime Market LMPs",
}
_PJM_HEADER = (
    "datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,voltage,equipment,type,zone,"
    "system_energy_price_rt,total_lmp_rt,congestion_price_rt,marginal_loss_price_rt,row_is_current,version_nbr"
)


def miso_name(report: str, day: date = DAY) -> str:
    return f"{day:%Y%m%d}_{report}.csv"


def miso_text(report: str, prices: Mapping[str, Sequence[object]], day: date = DAY) -> str:
    """A daily report: node -> 24 prices in $/MWh (any text is written as it is)."""
    lines = [_MISO_TITLES[report], f"{day:%m/%d/%Y}", "", ",,,All Hours-Ending are Eastern Standard Time (EST)"]
    lines.append(",".join(["Node", "Type", "Value", *(f"HE {hour}" for hour in range(1, 25))]))
    for node, values in prices.items():
        for kind, cells in (("LMP", values), ("MCC", [0] * 24), ("MLC", [0] * 24)):
            lines.append(",".join([node, "Hub", kind, *map(str, cells)]))
    return "\n".join(lines) + "\n"


def write_miso(folder: Path, report: str, prices: Mapping[str, Sequence[object]], day: date = DAY) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / miso_name(report, day)
    file.write_text(miso_text(report, prices, day))
    return file


def pjm_text(prices_usd_per_mwh: Sequence[float], *, version: int, day: date = DAY, node: str = "WESTERN HUB") -> str:
    """Real-time hourly prices from the beginning of a day (in daylight saving time)."""
    lines = [_PJM_HEADER]
    for hour, price in enumerate(prices_usd_per_mwh):
        eastern = datetime(day.year, day.month, day.day) + timedelta(hours=hour)
        times = ",".join(f"{moment:%m/%d/%Y %I:%M:%S %p}" for moment in (eastern + timedelta(hours=4), eastern))
        lines.append(f"{times},51288,{node},,,HUB,,{price:.6f},{price:.6f},0.000000,0.000000,True,{version}")
    return "\r\n".join(lines) + "\r\n"


def first_members(archive: Path, count: int) -> None:
    """Leaves only the first members in an archive, so that a day of five-minute files does not take all day."""
    with zipfile.ZipFile(archive) as whole:
        members = [(name, whole.read(name)) for name in whole.namelist()[:count]]
    rezip(archive, members, zipfile.ZIP_STORED)


def rezip(archive: Path, members: Iterable[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(archive, "w", compression) as written:
        for name, content in members:
            written.writestr(name, content)


def write_small_sample(folder: Path, *, runs: int, day: date = DAY) -> Path:
    """The simulator's day, but only the first `runs` files of each of ERCOT's real-time feeds; its price folder."""
    keep_runs(write_sample(folder, day=day, seed=254), runs)
    return folder / "prices"


def keep_runs(sample: SampleMarket, runs: int) -> None:
    """Drops all but the first `runs` files of each of ERCOT's real-time feeds, which are hundreds of publications."""
    for file in sample.price_files:
        if file.name.startswith(("NP6-905", "NP6-788")):
            first_members(file, runs)
