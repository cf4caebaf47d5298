"""Every real file of CAISO: read as a second, independent reading reads it, or named in the docs with the reason."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

pytestmark = pytest.mark.shared

NOT_READ = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text().partition("## Seen and not read")[2]
PACIFIC = ZoneInfo("America/Los_Angeles")


def publication(path: Path) -> ParsedPublication:
    (payload,) = survey(path.name, path.read_bytes(), named=True).payloads
    return parse(payload)


def table(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    elif path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(archive.namelist()[0])
    return list(csv.DictReader(io.StringIO(raw.decode())))


def moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp.replace("-00:00", "+00:00"))


def values(found: ParsedPublication, *columns: str, value: str = "value") -> dict[tuple[Any, ...], float]:
    rows = {tuple(row[c] for c in (*columns, "interval_start_utc")): row[value] for row in found.rows.to_pylist()}
    assert len(rows) == found.rows.num_rows
    return rows


def test_every_file_is_read_or_named_with_a_reason(shared_data: Path) -> None:
    for path in sorted((shared_data / "iso/caiso").rglob("*.*")):
        place = f"caiso/{path.parent.name}"
        if f"`{place}`" in NOT_READ or f"`{place}/{path.name}`" in NOT_READ:
            with pytest.raises(UnreadablePublication):
                publication(path)
        else:
            assert publication(path).rows.num_rows, path


@pytest.mark.parametrize("pattern", ["sld_fcst/2*", "sld_ren_fcst/2*", "ene_slrs/2*"])
def test_oasis_reports(shared_data: Path, pattern: str) -> None:
    for path in (shared_data / "iso/caiso").glob(pattern):
        found, expected = publication(path), {}
        for row in table(path):
            item = row["XML_DATA_ITEM"]
            if "RENEWABLE_TYPE" in row:
                key = (f"{row['RENEWABLE_TYPE'].lower()}_forecast", row["TRADING_HUB"], "DA")
            elif "LOAD_TYPE" in row:
                key = ("load_forecast", row["TAC_AREA_NAME"], row["MARKET_RUN_ID"])
            else:
                words = {"LOAD": "load", "GEN": "generation", "IMP": "imports", "EXP": "exports"}
                key = (f"scheduled_{words[item.split('_')[-2]]}", row["TAC_ZONE_NAME"], "")
            expected[(*key, moment(row["INTERVALSTARTTIME_GMT"]))] = float(row["MW"])
        assert values(found, "series", "area", "category") == expected
        assert len(expected) == len(table(path))


def test_the_atlas(shared_data: Path) -> None:
    for path, columns in {
        "ATL_PNODE_N": ("PNODE_ID", "PNODE_TYPE"),
        "ATL_PNODE_MAP_N": ("PNODE_ID", "APNODE_ID"),
        "ATL_TAC_AREA_MAP_N": ("PNODE_ID", "TAC_AREA_ID"),
    }.items():
        (file,) = (shared_data / "iso/caiso/atlas").glob(f"*{path}*")
        found, rows = publication(file), table(file)
        other = "node_type" if path == "ATL_PNODE_N" else "area"
        assert [(row["node"], row[other]) for row in found.rows.to_pylist()] == [
            (row[columns[0]], row[columns[1]]) for row in rows
        ]
        first = found.rows.to_pylist()[0]
        assert first["interval_start_utc"] == moment(rows[0]["EFF_START_DT_GMT"])
        assert first["interval_end_utc"] == moment(rows[0]["EFF_END_DT_GMT"]) + timedelta(seconds=1)


def local(day: str, label: str) -> datetime:
    clock = datetime.strptime(f"{day} {label.zfill(5)}", "%Y%m%d %H:%M")
    return clock.replace(tzinfo=PACIFIC).astimezone(UTC)


def test_the_outlook_line_by_line_and_on_the_short_day(shared_data: Path) -> None:
    folder = shared_data / "iso/caiso"
    found = values(publication(folder / "outlook_history_fuelsource/fuelsource_20230101.csv"), "category")
    rows = table(folder / "outlook_history_fuelsource/fuelsource_20230101.csv")
    assert len(found) == 288 * 13
    for row in rows:
        assert found["natural_gas", local("20230101", row["Time"])] == float(row["Natural Gas"])
    short = publication(folder / "outlook_history_netdemand/netdemand_20190310.csv")
    load = {start: v for (series, start), v in values(short, "series").items() if series == "load"}
    assert len(load) == 276
    assert local("20190310", "01:55") + timedelta(minutes=5) == local("20190310", "03:00") in load


def test_the_outlook_quantity_by_quantity(shared_data: Path) -> None:
    path = shared_data / "iso/caiso/outlook_supply/CAISO-supply-20221130.csv"
    lines = list(csv.reader(io.StringIO(path.read_text())))
    found = values(publication(path), "category")
    assert len(found) == 288 * 8
    for line in lines[1:]:
        for label, cell in list(zip(lines[0][1:], line[1:], strict=False))[:288]:
            assert found[line[0].lower().replace(" ", "_"), local("20221130", label)] == float(cell)
