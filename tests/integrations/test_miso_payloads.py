"""Every real file of MISO: read as a second, independent reading reads it, or named in the docs with the reason."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

pytestmark = pytest.mark.shared

NOT_READ = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text().partition("## Seen and not read")[2]
EST = timedelta(hours=5)


def publication(path: Path) -> ParsedPublication:
    (payload,) = survey(path.name, path.read_bytes(), named=True).payloads
    return parse(payload)


def values(found: ParsedPublication, *columns: str, value: str = "value") -> dict[tuple[Any, ...], float]:
    rows = {tuple(row[c] for c in (*columns, "interval_start_utc")): row[value] for row in found.rows.to_pylist()}
    assert len(rows) == found.rows.num_rows
    return rows


def hour(day: date, ending: float) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + EST + timedelta(hours=ending - 1)


def sheet(path: Path, name: str) -> list[list[Any]]:
    return list(CalamineWorkbook.from_path(str(path)).get_sheet_by_name(name).to_python(skip_empty_area=False))


def test_every_file_is_read_or_named_with_a_reason(shared_data: Path) -> None:
    for path in sorted((shared_data / "iso/miso").rglob("*.*")):
        if f"`miso/{path.parent.name}`" in NOT_READ:
            with pytest.raises(UnreadablePublication):
                publication(path)
        else:
            assert publication(path).rows.num_rows, path


def test_ancillary_prices(shared_data: Path) -> None:
    path = shared_data / "iso/miso/asm_expost_damcp/20230101_asm_expost_damcp.csv"
    expected = {}
    for row in csv.reader(path.read_text().splitlines()):
        if len(row) == 27 and row[2].strip() != "MCP Type":
            for ending, cell in enumerate(row[3:], start=1):
                expected[row[2].removesuffix("MCP"), row[0], hour(date(2023, 1, 1), ending)] = float(cell)
    assert values(publication(path), "product", "area", value="price_usd_per_mw") == expected
    assert len(expected) == 107_304


def test_load_and_its_forecast(shared_data: Path) -> None:
    path = shared_data / "iso/miso/df_al/20250310_df_al.xls"
    expected = {}
    rows = sheet(path, "Sheet1")
    for row in rows:
        if isinstance(row[0], date) and isinstance(row[1], float):
            for title, cell in zip(rows[4][2:], row[2:], strict=True):
                zone, kind = title.split()[:2]
                if cell != "":
                    series = "load_forecast" if kind == "MTLF" else "load"
                    expected[series, zone, hour(row[0], row[1])] = cell
    assert values(publication(path), "series", "area") == expected
    assert len(expected) == 7 * 24 * 7 + 24 * 7


def test_generation_by_fuel_and_region_adds_up_to_the_reports_own_totals(shared_data: Path) -> None:
    path = shared_data / "iso/miso/sr_gfm/20221202_sr_gfm.xlsx"
    found = values(publication(path), "series", "area", "category")
    for name, series in (
        ("RT Generation Fuel Mix", "generation"),
        ("DA Cleared Generation Fuel Mix", "cleared_generation"),
    ):
        for row in sheet(path, name):
            if isinstance(row[0], float):
                start = hour(date(2022, 12, 1), row[0])
                regions = sum(v for k, v in found.items() if k[0] == series and k[1] != "total" and k[3] == start)
                total = sum(v for k, v in found.items() if k[0] == series and k[1] == "total" and k[3] == start)
                assert regions == pytest.approx(row[-1], abs=0.2)
                assert total == pytest.approx(row[-1], abs=0.2)


def test_hub_prices_of_the_summary(shared_data: Path) -> None:
    found = values(publication(shared_data / "iso/miso/da_pr/20221201_da_pr.xls"), "area")
    assert len(found) == 24 * 9
    assert found["Minnesota Hub", hour(date(2022, 12, 1), 4)] == 16.78


def test_fuel_mix_and_forecasts(shared_data: Path) -> None:
    mix = publication(shared_data / "iso/miso/fuel_mix/getfuelmix_20180125.json")
    assert values(mix, "category")["natural_gas", datetime(2018, 1, 25, 9, 25, tzinfo=UTC)] == 14977.0
    for kind in ("Wind", "Solar"):
        path = shared_data / f"iso/miso/renewable_forecast/DataBrokerServicesget{kind}Forecast.asmx.json"
        expected = {}
        for entry in json.loads(path.read_text())["Forecast"]:
            local = datetime.strptime(entry["DateTimeEST"], "%Y-%m-%d %I:%M:%S %p").replace(tzinfo=UTC)
            expected[f"{kind.lower()}_forecast", local + EST] = float(entry["Value"])
        assert values(publication(path), "series") == expected
