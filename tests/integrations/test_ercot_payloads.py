"""Every real file of ERCOT: read as a second, independent reading reads it, or named in the docs with the reason.

Prices by settlement point and run are compared in `test_real_files`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

pytestmark = pytest.mark.shared

NOT_READ = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text().partition("## Seen and not read")[2]
CENTRAL = ZoneInfo("America/Chicago")


def publication(path: Path) -> ParsedPublication:
    (payload,) = survey(path.name, path.read_bytes(), named=True).payloads
    return parse(payload)


def values(found: ParsedPublication, *columns: str, value: str = "value") -> dict[tuple[Any, ...], float]:
    rows = {tuple(row[c] for c in (*columns, "interval_start_utc")): row[value] for row in found.rows.to_pylist()}
    assert len(rows) == found.rows.num_rows
    return rows


def central(day: date, minutes: float, fold: int = 0) -> datetime:
    """The moment that a Central clock shows so many minutes after a midnight; `fold` 1 is the second pass."""
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)
    return local.replace(tzinfo=CENTRAL, fold=fold).astimezone(UTC)


def us_date(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


def table(path: Path) -> list[dict[str, str]]:
    raw = path.read_bytes()
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            raw = archive.read(archive.namelist()[0])
    elif path.suffix == ".gz":
        raw = gzip.decompress(raw)
    rows = csv.reader(io.StringIO(raw.decode()))
    header = [cell.strip() for cell in next(rows)]
    return [dict(zip(header, row, strict=True)) for row in rows if row]


def test_every_file_is_read_or_named_with_a_reason(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot"
    files = [path for path in sorted(folder.rglob("*.*")) if path.is_file()]
    assert len(files) > 180
    named = 0
    for path in files:
        place = path.relative_to(folder.parent).as_posix().removesuffix(".gz")
        if f"`{place}`" in NOT_READ or f"`ercot/{path.relative_to(folder).parts[0]}`" in NOT_READ:
            named += 1
            with pytest.raises(UnreadablePublication):
                publication(path)
        else:
            assert publication(path).rows.num_rows, path
    assert named == 4


def test_day_ahead_ancillary_prices(shared_data: Path) -> None:
    for path in sorted((shared_data / "iso/ercot/dam_as_mcpc_np4-188-cd").iterdir()):
        expected = {
            (
                row["AncillaryType"],
                central(us_date(row["DeliveryDate"]), 60 * (int(row["HourEnding"][:2]) - 1)),
            ): float(row["MCPC"])
            for row in table(path)
        }
        found = publication(path)
        assert (found.dataset, found.feed, found.market) == ("ancillary", "dam_mcpc", "DA")
        assert values(found, "product", value="price_usd_per_mw") == expected
        assert len(expected) == 96


def test_load_forecast_by_zone(shared_data: Path) -> None:
    path = shared_data / "iso/ercot/mis_reports/load_forecast_specific_reportid.zip"
    expected = {}
    for row in table(path):
        start = central(us_date(row["DeliveryDate"]), 60 * (int(row["HourEnding"].split(":")[0]) - 1))
        for zone in ("North", "South", "West", "Houston", "SystemTotal"):
            expected["" if zone == "SystemTotal" else zone, start] = float(row[zone])
    found = publication(path)
    assert values(found, "area") == pytest.approx(expected)
    assert set(found.rows["issued_at"].to_pylist()) == {datetime(2025, 3, 13, 17, 30, tzinfo=UTC)}


@pytest.mark.parametrize(("kind", "forecasts"), [("wind", ("STWPF", "WGRPP")), ("solar", ("STPPF", "PVGRPP"))])
def test_wind_and_solar_power(kind: str, forecasts: tuple[str, str], shared_data: Path) -> None:
    path = shared_data / f"iso/ercot/mis_reports/{kind}_specific_reportid.zip"
    expected = {}
    for row in table(path):
        start = central(us_date(row["DELIVERY_DATE"]), 60 * (int(row["HOUR_ENDING"]) - 1))
        for column, cell in row.items():
            if cell == "" or column in ("DELIVERY_DATE", "HOUR_ENDING", "DSTFlag"):
                continue
            area = "" if "SYSTEM_WIDE" in column else "LZ_" + column.partition("LZ_")[2]
            category = next((f for f in (*forecasts, "COP_HSL") if column.startswith(f)), "")
            series = f"{kind}_forecast" if category else kind
            series = f"{kind}_available" if column == "SYSTEM_WIDE_HSL" else series
            expected[series, area, category, start] = float(cell)
    found = publication(path)
    assert found.feed == f"{kind}_power"
    assert values(found, "series", "area", "category") == expected
    for row in found.rows.to_pylist():
        assert (row["issued_at"] is None) == (not row["series"].endswith("forecast"))


def test_disclosures_of_the_dispatch(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot/60day_sced_np3-965-er"
    for name, resource, count in (
        ("60d_SCED_DSR_Load_Data-10-APR-25.csv.gz", "QSE Name", 26304),
        ("60d_SCED_QSE_Self_Arranged_AS-10-APR-25.csv", "QSE", 13676),
    ):
        expected = {}
        for row in table(folder / name):
            stamp = datetime.strptime(row["SCED Time Stamp"], "%m/%d/%Y %H:%M:%S").replace(tzinfo=CENTRAL)
            for column, cell in row.items():
                if cell and column not in ("SCED Time Stamp", "Repeated Hour Flag", resource):
                    expected[row[resource], column, stamp.astimezone(UTC)] = float(cell)
        found = publication(folder / name)
        assert (found.dataset, set(found.rows["unit"].to_pylist())) == ("disclosures", {"MW"})
        assert values(found, "resource", "quantity") == expected
        assert len(expected) == count


def test_settlement_points(shared_data: Path) -> None:
    path = shared_data / "iso/ercot/settlement_points_np4-160-sg/Settlement_Points_11112024_174625.csv.gz"
    rows = table(path)
    found = publication(path).rows.to_pylist()
    assert {(row["node"], row["area"]) for row in found if row["node_type"] == "bus"} == {
        (row["ELECTRICAL_BUS"], row["SETTLEMENT_LOAD_ZONE"]) for row in rows
    }
    for node_type, column in (("RN", "RESOURCE_NODE"), ("HU", "HUB"), ("LZ", "SETTLEMENT_LOAD_ZONE")):
        names = [row["node"] for row in found if row["node_type"] == node_type]
        assert sorted(names) == sorted({row[column] for row in rows} - {""})
    assert {row["interval_start_utc"] for row in found} == {datetime(2024, 11, 11, 6, tzinfo=UTC)}
    hub_bus = next(row for row in found if row["node"] == "5005EB")
    assert hub_bus["description"] == "ODEHV 345 kV, ODESEHV2_5, HB_WEST at ODEHV"


def sheets(path: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_a_year_of_day_ahead_hub_and_zone_prices(shared_data: Path) -> None:
    path = shared_data / "iso/ercot/dam_hub_zone_history_np4-180-er/rpt.00013060.0000000000000000.DAMLZHBSPP_2025.xlsx"
    expected = {
        (row[3], central(us_date(row[0]), 60 * (int(row[1][:2]) - 1), fold=int(row[2] == "Y"))): row[4]
        for rows in sheets(path).values()
        for row in rows[1:]
    }
    found = publication(path)
    assert (found.market, found.feed, found.gaps.num_rows) == ("DA", "dam_lzhb_spp", 0)
    assert values(found, "node", value="lmp_usd_per_mwh") == expected
    assert len(expected) == 124_920
    # Both passes of the hour that was repeated on 2 November 2025.
    assert expected["HB_NORTH", datetime(2025, 11, 2, 6, tzinfo=UTC)] == 44.77
    assert expected["HB_NORTH", datetime(2025, 11, 2, 7, tzinfo=UTC)] == 46.18


def test_generation_by_fuel_adds_up_to_the_workbooks_own_totals(shared_data: Path) -> None:
    path = shared_data / "iso/ercot/fuel_mix_intgenbyfuel/IntGenbyFuel2022.xlsx"
    found = publication(path)
    assert found.vintage == "preliminary"  # November and December are of the initial settlement
    rows = values(found, "category")
    totals: dict[tuple[str, date], float] = {}
    quarters: dict[date, set[datetime]] = {}
    for (fuel, start), value in rows.items():
        day = start.astimezone(CENTRAL).date()
        totals[fuel, day] = totals.get((fuel, day), 0.0) + value
        quarters.setdefault(day, set()).add(start)
    for name, lines in sheets(path).items():
        if lines[0][:2] == ["Date", "Fuel"]:
            for line in lines[1:]:
                assert totals[line[1].lower(), line[0]] == pytest.approx(line[3], abs=1e-3), (name, line[:3])
    assert len(quarters[date(2022, 3, 13)]) == 92
    assert len(quarters[date(2022, 11, 6)]) == 100
    assert rows["coal", datetime(2022, 11, 6, 6, 45, tzinfo=UTC)] == 1134.052626  # 02:00, the first pass
    assert rows["coal", datetime(2022, 11, 6, 7, 0, tzinfo=UTC)] == 1124.518464  # 01:15 (DST), the second


def test_native_load(shared_data: Path) -> None:
    path = shared_data / "iso/ercot/native_load/Native_Load_2024.xlsx"
    (lines,) = sheets(path).values()
    expected = {}
    for line in lines[1:]:
        day, clock, *again = line[0].split()
        start = central(us_date(day), 60 * (int(clock[:2]) - 1), fold=len(again))
        for area, cell in zip(lines[0][1:], line[1:], strict=True):
            expected["" if area == "ERCOT" else area, start] = cell
    assert values(publication(path), "area") == expected
    assert len(expected) == 9 * 8784
    assert expected["COAST", datetime(2024, 11, 3, 7, tzinfo=UTC)] == 12392.327195


def test_dashboards(shared_data: Path) -> None:
    folder = shared_data / "iso/ercot/dashboards"
    answer = json.loads((folder / "ERCOT_generation.json").read_text())
    expected = {
        ("generation", fuel.lower().replace(" ", "_"), datetime.fromisoformat(stamp).astimezone(UTC)): entry["gen"]
        for stamps in answer["data"].values()
        for stamp, fuels in stamps.items()
        for fuel, entry in fuels.items()
    }
    assert values(publication(folder / "ERCOT_generation.json"), "series", "category") == expected
    with_limits = values(publication(folder / "ERCOT.json.gz"), "series", "category")
    start = datetime(2024, 11, 23, 6, 4, 57, tzinfo=UTC)
    assert with_limits["generation", "coal_and_lignite", start] == 5248
    assert with_limits["generation_available", "coal_and_lignite", start] == 9881.4

    demand = values(publication(folder / "ERCOT_demand.json"), "series", "category")
    assert demand["load", "", datetime(2024, 11, 24, 6, tzinfo=UTC)] == 42015.44
    assert demand["load_forecast", "day_ahead", datetime(2024, 11, 24, 6, tzinfo=UTC)] == 41533.0104
    entries = [e for day in json.loads((folder / "ERCOT_demand.json").read_text()).values() if "data" in day
               for e in day["data"]]  # fmt: skip
    assert sum(key[0] == "load" for key in demand) == sum("systemLoad" in entry for entry in entries)
    assert sum(key[1] == "current" and key[0] == "load_forecast" for key in demand) == len(entries)

    storage = values(publication(folder / "ERCOT_storage.json"), "series")
    answer = json.loads((folder / "ERCOT_storage.json").read_text())
    charged = {
        (series, datetime.fromtimestamp(entry["epoch"] / 1000, UTC)): entry[key]
        for day in ("previousDay", "currentDay")
        for entry in answer[day]["data"]
        for key, series in (
            ("netOutput", "battery"), ("totalCharging", "battery_charging"), ("totalDischarging", "battery_discharging")
        )
    }  # fmt: skip
    assert storage == charged
