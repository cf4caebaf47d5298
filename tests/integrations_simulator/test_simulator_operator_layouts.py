"""The simulated operators' reports beside real ones: the same names, header and cells of every column."""

import gzip
import io
import json
import re
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integrations.isos.caiso.feeds import FEEDS as CAISO_FEEDS
from integrations.isos.ercot.feeds import FEEDS as ERCOT_FEEDS
from integrations.isos.ercot.feeds import LIST_PATH
from integrations.isos.simulator.caiso_operator import CaisoOperator
from integrations.isos.simulator.ercot_operator import ErcotOperator
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import MARKET_ZONES
from integrations.isos.simulator.operator import Operator
from tests.integrations_simulator.playing import play

pytestmark = pytest.mark.shared
DAY = date(2026, 7, 22)
OPERATORS: dict[str, Operator] = {
    "CAISO": CaisoOperator(GridMarket("CAISO", 7, 60)),
    "ERCOT": ErcotOperator(GridMarket("ERCOT", 7, 70)),
}
FEED = {feed.id: feed for feed in (*CAISO_FEEDS, *ERCOT_FEEDS)}

# Where a real report of the same kind lies, and how the CSV is called ("" where only its folder tells).
_OASIS = r"\d{{8}}_\d{{8}}_{}_\d{{8}}_\d\d_\d\d_\d\d_v1\.csv"
_MIS = r"cdr\.{}\.0{{16}}\.\d{{8}}\.\d{{6}}\.{}\.csv"
REPORTS: dict[str, tuple[str, str]] = {
    "caiso/sld_fcst": ("caiso/sld_fcst/*DAM*.csv", _OASIS.format("SLD_FCST_DAM")),
    "caiso/sld_ren_fcst": ("caiso/sld_ren_fcst/*DAM*.csv", _OASIS.format("SLD_REN_FCST_DAM")),
    "caiso/ene_slrs": ("caiso/ene_slrs/*.csv", _OASIS.format("ENE_SLRS_DAM")),
    "caiso/atl_pnode": ("caiso/atlas/*ATL_PNODE_N*", _OASIS.format("ATL_PNODE_N")),
    "caiso/outlook_fuelsource": ("caiso/outlook_history_fuelsource/*.csv", ""),
    "caiso/outlook_netdemand": ("caiso/outlook_history_netdemand/*.csv", ""),
    "ercot/dam_mcpc": ("ercot/dam_as_mcpc_np4-188-cd/00012329*.zip", _MIS.format("00012329", "DAMCPCNP4188")),
    "ercot/load_forecast_by_zone": (
        "ercot/mis_reports/load_forecast*.zip", _MIS.format("00012311", "LFCCONGESTNP3560"),
    ),
    "ercot/wind_power": ("ercot/mis_reports/wind*.zip", _MIS.format("00013028", "WPPHRLYAVGACTNP4732")),
    "ercot/solar_power": ("ercot/mis_reports/solar*.zip", _MIS.format("00013483", "PVGRHRLYAVGACTNP4737")),
    "ercot/settlement_points": ("ercot/settlement_points_np4-160-sg/*", r"Settlement_Points_\d{8}_\d{6}\.csv"),
}  # fmt: skip


def _csv(name: str, content: bytes) -> tuple[str, list[str]]:
    """The innermost name and the lines."""
    if name.endswith(".gz"):
        name, content = name.removesuffix(".gz"), gzip.decompress(content)
    elif content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (name,) = archive.namelist()
            content = archive.read(name)
    return name, content.decode("utf-8-sig").splitlines()


def _simulated(feed_id: str) -> tuple[str, list[str]]:
    feed = FEED[feed_id]
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=MARKET_ZONES[feed.iso]).astimezone(UTC)
    now = midnight + timedelta(days=2)
    stretch = (midnight, midnight + timedelta(days=1))
    if feed.name == "settlement_points":
        stretch = (now - timedelta(days=7), now)
    played = play(OPERATORS[feed.iso], feed, *stretch, now)[-1]
    assert played.answer is not None
    return _csv(played.request.name, played.answer.content)


def _shape(cell: str) -> str:
    """What kind of thing a cell is: digits, letters and numbers lose what they say."""
    shape = re.sub(r"[A-Za-z][A-Za-z_ ]*", "a", re.sub(r"-?\d*\.?\d+(?:[eE]-?\d+)?", "0", cell.strip()))
    return "" if shape == "" else re.sub(r"[a0]+", "x", shape)


@pytest.mark.parametrize("feed_id", REPORTS)
def test_reports_have_the_real_names_and_columns(feed_id: str, shared_data: Path) -> None:
    pattern, named = REPORTS[feed_id]
    real_path = sorted((shared_data / "iso").glob(pattern))[0]
    real_name, real = _csv(real_path.name, real_path.read_bytes())
    name, simulated = _simulated(feed_id)
    if named:
        assert re.fullmatch(named, name)
        assert re.fullmatch(named, real_name)
    assert simulated[0].split(",") == [cell.strip() for cell in real[0].split(",")]
    columns = [set(map(_shape, column)) for column in zip(*(line.split(",") for line in real[1:]), strict=True)]
    for line in simulated[1:]:
        for cell, shapes in zip(line.split(","), columns, strict=True):
            assert _shape(cell) in shapes, (feed_id, cell)


def _keys(found: Any) -> Any:
    """The keys of a JSON document at each level, of a list those of its last entry."""
    if isinstance(found, dict):
        return {re.sub(r"\d", "0", key): _keys(value) for key, value in found.items()}
    return _keys(found[-1]) if isinstance(found, list) and found else None


def test_a_list_of_documents_has_the_real_keys(shared_data: Path) -> None:
    (path,) = (shared_data / "iso/ercot/mis_document_list").iterdir()
    now = datetime(2026, 7, 22, 18, tzinfo=UTC)
    answer = OPERATORS["ERCOT"].answer("ercot-mis", LIST_PATH, {"reportTypeId": "13028"}, now)
    assert answer is not None
    real, simulated = (_keys(json.loads(content)) for content in (gzip.decompress(path.read_bytes()), answer.content))
    document = real["ListDocsByRptTypeRes"]["DocumentList"]["Document"]
    del document["ContentSize"]  # it would take writing every document
    assert simulated == real


def test_dashboards_have_the_real_keys(shared_data: Path) -> None:
    now = datetime(2026, 7, 22, 18, tzinfo=UTC)
    for name, file in {"fuel-mix": "ERCOT_generation.json", "energy-storage-resources": "ERCOT_storage.json"}.items():
        answer = OPERATORS["ERCOT"].answer("ercot-dashboards", f"{name}.json", {}, now)
        assert answer is not None
        real = json.loads((shared_data / "iso/ercot/dashboards" / file).read_bytes())
        simulated = json.loads(answer.content)
        assert simulated.keys() == real.keys()
        if name == "fuel-mix":
            assert simulated["types"] == real["types"]
            assert simulated["monthlyCapacity"].keys() == real["monthlyCapacity"].keys()
            first, second = (next(iter(next(iter(found["data"].values())).values())) for found in (simulated, real))
            assert first.keys() == second.keys()
        else:
            assert real["currentDay"]["data"][0].keys() <= simulated["currentDay"]["data"][0].keys() | {"tagCLastTime"}
