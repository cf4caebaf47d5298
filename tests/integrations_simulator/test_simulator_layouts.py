"""The simulated files beside real ones: the same names, preamble, header, line ends and spelling of every column."""

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from integrations.isos.simulator import caiso, ercot, miso, pjm
from integrations.isos.simulator.files import SimulatedFile
from integrations.isos.simulator.market import SimulatedMarket

DAY = date(2026, 6, 15)
pytestmark = pytest.mark.shared

_STAMP = r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:00:00 [AP]M"
_GMT = r"\d{4}-\d\d-\d\dT\d\d:(?:00|15|30|45):00-00:00"
_NODE = r"[^,]+"
_SHORT = r"-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?"  # no zeros that don't count
_TYPE = "(?:LMP,LMP_PRC|MCC,LMP_CONG_PRC|MCE,LMP_ENE_PRC|MCL,LMP_LOSS_PRC|MGHG,LMP_GHG_PRC)"


def _miso_line(price: str) -> str:
    return rf"[^,]+,(?:Gennode|Loadzone|Hub|Interface),(?:LMP|MCC|MLC)(?:,{price}){{24}}"


def _pjm_line(energy: str) -> str:
    return rf"{_STAMP},{_STAMP},\d+,[^,]+,[^,]*,[^,]*,[A-Z_]+,[A-Z]*,{energy}(?:,-?\d+\.\d{{6}}){{3}},True,\d"


def _ercot_name(report: str, content: str) -> str:
    return rf"cdr\.{report}\.0{{16}}\.\d{{8}}\.\d{{6}}\.{content}\.csv"


# file: where the real ones lie, how the CSV is called, how many lines precede the header, how a line reads
LAYOUTS: dict[str, tuple[str, str, int, str]] = {
    "miso da": (
        "miso/da_expost_lmp/*.csv",
        r"\d{8}_da_expost_lmp\.csv",
        4,
        _miso_line(r"-?(?:0|[1-9]\d*|(?:[1-9]\d*)?\.\d?[1-9])"),
    ),
    "miso rt": (
        "miso/rt_lmp_final/2019*.csv.gz",
        r"\d{8}_rt_lmp_final\.csv",
        4,
        _miso_line(r"-?\d+\.\d\d"),
    ),
    "caiso da": (
        "caiso/prc_lmp_dam/*",
        r"\d{8}_\d{8}_PRC_LMP_DAM_\d{8}_\d\d_\d\d_\d\d_v1\.csv",
        0,
        rf"{_GMT},{_GMT},\d{{4}}-\d\d-\d\d,(?:[1-9]|1\d|2[0-5]),0,({_NODE}),\1,\1,DAM,{_TYPE},\1,ALL,1,{_SHORT},\d+",
    ),
    "caiso rt": (
        "caiso/prc_rtpd_lmp/*",
        r"\d{8}_\d{8}_PRC_RTPD_LMP_RTPD_\d{8}_\d\d_\d\d_\d\d_v2\.csv",
        0,
        rf"{_GMT},{_GMT},\d{{4}}-\d\d-\d\d,[0-2]\d,({_NODE}),\1,\1,RTPD,{_TYPE},\1,ALL,1,{_SHORT},[1-4],\d+",
    ),
    "pjm da": ("pjm/da_hrl_lmps/*", r"da_hrl_lmps\S*\.csv", 0, _pjm_line(r"-?\d+\.\d\d")),
    "pjm rt": ("pjm/rt_hrl_lmps/*", r"rt_hrl_lmps\S*\.csv", 0, _pjm_line(r"-?\d+\.\d{6}")),
    "ercot da": (
        "ercot/dam_spp_np4-190-cd/*",
        _ercot_name("00012331", "DAMSPNP4190"),
        0,
        rf"\d\d/\d\d/\d{{4}},(?:0[1-9]|1\d|2[0-4]):00,{_NODE}, {_SHORT},[NY]",
    ),
    "ercot rt15": (
        "ercot/rtm_spp_np6-905-cd/20220131/*",
        _ercot_name("00012301", r"SPPHLZNP6905_\d{8}_\d{4}"),
        0,
        rf"\d\d/\d\d/\d{{4}},(?:[1-9]|1\d|2[0-4]),[1-4],{_NODE},(?:RN|PCCRN|LCCRN|PUN|LZ|LZEW|LZ_DC|LZ_DCEW|HU|SH|AH),"
        rf"{_SHORT},[NY]",
    ),
    "ercot rt5": (
        "ercot/rt_lmp_np6-788-cd/*",
        _ercot_name("00012300", r"LMPSROSNODENP6788_\d{8}_\d{6}"),
        0,
        rf"\d\d/\d\d/\d{{4}} \d\d:\d\d:\d\d,[NY],{_NODE},(?=.{{12}}$) *-?\d+\.\d\d",
    ),
}

WRITERS: dict[str, tuple[Callable[[SimulatedMarket, date], SimulatedFile], str]] = {
    "miso da": (miso.day_ahead_lmp, "MISO"),
    "miso rt": (miso.real_time_lmp, "MISO"),
    "caiso da": (caiso.day_ahead_lmp, "CAISO"),
    "caiso rt": (caiso.real_time_lmp, "CAISO"),
    "pjm da": (pjm.day_ahead_lmps, "PJM"),
    "pjm rt": (pjm.real_time_lmps, "PJM"),
    "ercot da": (ercot.day_ahead_spp, "ERCOT"),
    "ercot rt15": (ercot.real_time_spp, "ERCOT"),
    "ercot rt5": (ercot.sced_lmp, "ERCOT"),
}


def _unwrapped(name: str, content: bytes) -> list[tuple[str, str]]:
    """Innermost base names and texts, line ends kept."""
    if name.endswith(".gz"):
        return _unwrapped(name.removesuffix(".gz"), gzip.decompress(content))
    if not name.endswith(".zip"):
        return [(Path(name).name, content.decode())]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [found for member in archive.namelist() for found in _unwrapped(member, archive.read(member))]


def _real(shared_data: Path, pattern: str) -> list[tuple[str, str]]:
    paths = sorted((shared_data / "iso").glob(pattern))
    assert paths, f"no real file under iso/{pattern}"
    # Two of each kind are enough; there are up to a hundred.
    return [found for path in paths[:2] for found in _unwrapped(path.name, path.read_bytes())]


@pytest.mark.parametrize("kind", LAYOUTS)
def test_simulated_and_real_files_are_spelled_alike(kind: str, shared_data: Path) -> None:
    where, name_pattern, preamble_lines, line_pattern = LAYOUTS[kind]
    write, iso = WRITERS[kind]
    made = write(SimulatedMarket(iso, 7), DAY)
    simulated, real = _unwrapped(made.name, made.content)[:2], _real(shared_data, where)
    heads = set()
    for name, text in [*simulated, *real]:
        assert re.fullmatch(name_pattern, name), name
        end = "\r\n" if "\r\n" in text else "\n"
        lines = text.removesuffix(end).split(end)
        preamble, header, rows = lines[:preamble_lines], lines[preamble_lines], lines[preamble_lines + 1 :]
        heads.add((tuple(re.sub(r"\d+/\d+/\d{4}", "DATE", line) for line in preamble), header, end, text.endswith(end)))
        assert rows
        strange = [row for row in rows if not re.fullmatch(line_pattern, row)]
        assert not strange, f"{name}: {strange[:3]}"
    assert len(heads) == 1, heads


def test_archive_members_and_archives_are_named_as_the_operators_name_them(shared_data: Path) -> None:
    names = {
        "caiso/sld_ren_fcst/*.zip": (
            caiso.day_ahead_lmp(SimulatedMarket("CAISO", 7), DAY).name,
            r"\d{8}_\d{8}_[A-Z_]+_\d{8}_\d\d_\d\d_\d\d_v\d+\.zip",
        ),
        "ercot/rt_lmp_np6-788-cd/*.zip": (
            ercot.day_ahead_spp(SimulatedMarket("ERCOT", 7), DAY).name,
            r"cdr\.\d{8}\.0{16}\.\d{8}\.\d{9}\.\w+_csv\.zip",
        ),
    }
    for where, (simulated, pattern) in names.items():
        real = [path.name for path in (shared_data / "iso").glob(where)]
        assert real
        assert [name for name in [simulated, *real] if not re.fullmatch(pattern, name)] == []
