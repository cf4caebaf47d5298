"""Every real file of PJM: read as a second, independent reading reads it, or named in the docs with the reason."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
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
EASTERN = ZoneInfo("America/New_York")
HOUR, FIVE_MINUTES = timedelta(hours=1), timedelta(minutes=5)


def publication(path: Path) -> ParsedPublication:
    (payload,) = survey(path.name, path.read_bytes(), named=True).payloads
    return parse(payload)


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def records(path: Path) -> Iterator[dict[str, Any]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw).decode("utf-8-sig")
    if text.lstrip().startswith(("{", "[")):
        content = json.loads(text)
        yield from content if isinstance(content, list) else content["items"]
    else:
        yield from csv.DictReader(text.splitlines())


def utc(stamp: str) -> datetime:
    if "T" in stamp:
        return datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    return datetime.strptime(stamp, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=UTC)


def values(found: ParsedPublication, *columns: str, value: str = "value") -> dict[tuple[Any, ...], Any]:
    names = (*columns, "interval_start_utc", "interval_end_utc")
    rows = {tuple(row[c] for c in names): row[value] for row in found.rows.to_pylist()}
    assert len(rows) == found.rows.num_rows
    return rows


def hourly(path: Path, value: str, *labels: str, start: str = "datetime_beginning_utc") -> dict[tuple[Any, ...], float]:
    """The value column of a report by its labels, start and an end an hour later."""
    found = {}
    for row in records(path):
        begins = utc(row[start])
        found[*(row[label] for label in labels), begins, begins + HOUR] = float(row[value])
    return found


def test_every_file_is_read_or_named_with_a_reason(shared_data: Path) -> None:
    for path in sorted((shared_data / "iso/pjm").rglob("*.*")):
        if f"`pjm/{path.parent.name}`" in NOT_READ:
            with pytest.raises(UnreadablePublication):
                publication(path)
        else:
            found = publication(path)
            assert found.iso == "PJM"
            assert found.rows.num_rows, path


def test_ancillary_service_prices(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/ancillary_services")
    found = publication(path)
    assert (found.feed, found.market) == ("ancillary_services", "RTH")
    expected = {("SR", "RTO", *key[1:]): price for key, price in hourly(path, "value", "ancillary_service").items()}
    assert values(found, "product", "area", value="price_usd_per_mw") == expected
    assert len(expected) == 720


def test_five_minute_reserve_results(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/reserve_market_results")
    found = publication(path)
    assert (found.feed, found.market) == ("reserve_market_results", "RT5")
    prices, cleared, required = {}, {}, {}
    for row in records(path):
        start = utc(row["datetime_beginning_utc"])
        for product, column in (("REG", "mcp"), ("REG_CCP", "reg_ccp"), ("REG_PCP", "reg_pcp")):
            prices[product, "PJM_RTO", start, start + FIVE_MINUTES] = float(row[column])
        cleared["REG", "PJM_RTO", start, start + FIVE_MINUTES] = float(row["total_mw"])
        required["REG", "PJM_RTO", start, start + FIVE_MINUTES] = float(row["as_req_mw"])
    assert values(found, "product", "area", value="price_usd_per_mw") == prices
    assert len(prices) == 3 * 8928
    for column, expected in (("cleared_mw", cleared), ("requirement_mw", required)):
        given = values(found, "product", "area", value=column)
        assert {key: quantity for key, quantity in given.items() if quantity is not None} == expected


def test_regulation_market_quantities(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/reg_market_results")
    found = values(publication(path), "series", "category")
    names = {
        "requirement": ("regulation_requirement", ""),
        "rega_procure": ("regulation_procured", "rega"),
        "regd_hourly": ("regulation_mileage", "regd"),
        "rto_perfscore": ("regulation_performance_score", ""),
        "deficiency": ("regulation_deficiency", ""),
    }
    for column, key in names.items():
        expected = {(*key, *interval): value for interval, value in hourly(path, column).items()}
        assert len(expected) == 719
        assert {k: v for k, v in found.items() if k[:2] == key} == expected
    assert len(found) == 12 * 719


@pytest.mark.parametrize("name", ["gen_by_fuel.json", "mar_2021_gen_by_fuel.csv.gz"])
def test_generation_by_fuel_over_the_clock_change(shared_data: Path, name: str) -> None:
    path = shared_data / "iso/pjm/gen_by_fuel" / name
    found = publication(path)
    expected = {
        ("generation", fuel.lower().replace(" ", "_"), *interval): value
        for (fuel, *interval), value in hourly(path, "mw", "fuel_type").items()
    }
    assert values(found, "series", "category") == expected
    if name.startswith("mar"):
        # 14 March 2021 has 23 hours in Eastern time.
        day = [
            key[2] for key in expected if key[1] == "coal" and key[2].astimezone(EASTERN).date() == date(2021, 3, 14)
        ]
        assert len(day) == 23


def test_metered_load_over_the_clock_change(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/hrl_load_metered")
    found = publication(path)
    expected = {("load", *key): value for key, value in hourly(path, "mw", "load_area").items()}
    assert values(found, "series", "area") == expected
    assert found.vintage == "preliminary"
    verified = {
        (row["load_area"], utc(row["datetime_beginning_utc"])): row["is_verified"] == "True" for row in records(path)
    }
    versions = {(row["area"], row["interval_start_utc"]): row["source_version"] for row in found.rows.to_pylist()}
    assert versions == verified
    # 3 November 2019 has 25 hours in Eastern time.
    day = [key for key in expected if key[1] == "AECO" and key[2].astimezone(EASTERN).date() == date(2019, 11, 3)]
    assert len(day) == 25


def test_instantaneous_load_keeps_its_own_stamps(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/inst_load")
    found = {row["interval_start_utc"]: row for row in publication(path).rows.to_pylist()}
    assert {at: (row["area"], row["value"]) for at, row in found.items()} == {
        utc(row["datetime_beginning_utc"]): (row["area"], float(row["instantaneous_load"])) for row in records(path)
    }
    late = found[datetime(2026, 7, 8, 3, 50, 1, tzinfo=UTC)]
    assert late["interval_end_utc"] == datetime(2026, 7, 8, 3, 55, tzinfo=UTC)


def test_load_forecast_with_its_issue(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/load_forecast")
    found = publication(path)
    assert found.feed == "load_frcstd_7_day"
    expected = hourly(path, "forecast_load_mw", "forecast_area", start="forecast_datetime_beginning_utc")
    assert values(found, "area") == expected
    assert len(expected) == 168
    assert set(found.rows["issued_at"].to_pylist()) == {datetime(2025, 3, 19, 9, 17, 53, tzinfo=UTC)}


@pytest.mark.parametrize("kind", ["wind", "solar"])
def test_every_issue_of_a_renewable_forecast_is_kept(shared_data: Path, kind: str) -> None:
    path = shared_data / f"iso/pjm/renewable_forecast/pjm_{kind}_forecast_2025-02-24.json.gz"
    found = publication(path)
    assert found.feed == f"hourly_{kind}_power_forecast"
    measures = {"": f"{kind}_forecast_mwh"} | (
        {"behind_the_meter": "solar_forecast_btm_mwh"} if kind == "solar" else {}
    )
    expected = {
        (
            category,
            utc(row["evaluated_at_utc"]),
            utc(row["datetime_beginning_utc"]),
            utc(row["datetime_ending_utc"]),
        ): row[column]
        for row in records(path)
        for category, column in measures.items()
    }
    assert values(found, "category", "issued_at") == expected
    assert len(expected) == {"wind": 5896, "solar": 2122}[kind]


@pytest.mark.parametrize(("kind", "count"), [("wind", 8784), ("solar", 2154)])
def test_wind_and_solar_output(shared_data: Path, kind: str, count: int) -> None:
    path = only(shared_data / f"iso/pjm/{kind}_gen")
    expected = {(kind, *key): value for key, value in hourly(path, f"{kind}_generation_mw", "area").items()}
    assert values(publication(path), "series", "area") == expected
    assert len(expected) == count


def test_operations_summary(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/ops_sum_prev_period")
    found = publication(path)
    columns = {"actual_load": "load", "area_load_forecast": "load_forecast", "dispatch_rate": "dispatch_rate"}
    expected = {}
    for row in records(path):
        for column, series in columns.items():
            if row[column]:
                interval = utc(row["datetime_beginning_utc"]), utc(row["datetime_ending_utc"])
                expected[series, row["area"], *interval] = float(row[column])
    assert values(found, "series", "area") == expected
    assert found.published_at == datetime(2019, 12, 15, 8, 0, 40, tzinfo=EASTERN)


@pytest.mark.parametrize(
    ("feed", "market", "count"),
    [("da_marginal_value", "DA", 210), ("rt_marginal_value", "RT5", 578), ("da_transconstraints", "DA", 62)],
)
def test_constraints(shared_data: Path, feed: str, market: str, count: int) -> None:
    path = only(shared_data / f"iso/pjm/{feed}")
    found = publication(path)
    assert (found.feed, found.market) == (feed, market)
    expected = {
        (
            row["monitored_facility"],
            row["contingency_facility"],
            utc(row["datetime_beginning_utc"]),
            utc(row["datetime_ending_utc"]),
        ): row.get("shadow_price")
        for row in records(path)
    }
    assert values(found, "constraint_name", "contingency", value="shadow_price_usd_per_mwh") == expected
    assert len(expected) == count


def test_pricing_nodes(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/pnode")
    found = publication(path)
    assert found.dataset == "places"
    expected = {
        (row["pnode_name"], row["pnode_subtype"], row["zone"]): (
            utc(row["effective_date"]).replace(tzinfo=EASTERN),
            [row["pnode_id"], row["pnode_type"], *row["voltage_level"].split()],
        )
        for row in records(path)
    }
    given = {
        (row["node"], row["node_type"], row["area"]): (row["interval_start_utc"], row["description"].split())
        for row in found.rows.to_pylist()
    }
    assert given == expected
    assert len(expected) == 12708
    assert set(found.rows["interval_end_utc"].to_pylist()) == {datetime(2099, 12, 31, tzinfo=UTC)}


def sheet(path: Path, name: str) -> list[list[Any]]:
    return list(CalamineWorkbook.from_path(str(path)).get_sheet_by_name(name).to_python(skip_empty_area=False))


@pytest.mark.parametrize(
    ("name", "year", "areas"),
    [
        ("2024-2025-base-residual-auction-results.xlsx", 2024, 15),
        ("2025-2026-base-residual-auction-results.xlsx", 2025, 16),
        ("2026-2027-bra-results.xlsx", 2026, 17),
    ],
)
def test_auction_results_against_the_sheet_of_resource_clearing(
    shared_data: Path, name: str, year: int, areas: int
) -> None:
    path = shared_data / "iso/pjm/rpm_bra_results" / name
    found = publication(path).rows.to_pylist()
    assert {(row["interval_start_utc"], row["interval_end_utc"]) for row in found} == {
        (datetime(year, 6, 1, tzinfo=EASTERN), datetime(year + 1, 6, 1, tzinfo=EASTERN))
    }
    # Another sheet than the one that is read states the same prices in its column D, and cleared MW in column F.
    numbers: dict[str, list[float]] = {}
    for row in sheet(path, "BRA Resource Clearing Results")[: 2 * areas + 12]:
        area = row[0].strip("* ")
        if isinstance(row[3], float):
            column = 5 if area in numbers else 3
            numbers.setdefault(area, []).append(row[column])
    given = {
        row["area"]: [row["price_usd_per_mw_day"], row["cleared_mw"]]
        for row in found
        if row["product"] == "resource clearing price"
    }
    assert given == numbers
    assert len(given) == areas
    zonal = {row["area"]: row["price_usd_per_mw_day"] for row in found if "zonal capacity price" in row["product"]}
    for row in sheet(path, "BRA Load Pricing Results"):
        if len(row) > 11 and isinstance(row[11], float) and row[0].strip("* ") in zonal:
            assert zonal.pop(row[0].strip("* ")) == row[11]
    assert not zonal
    assert len([row for row in found if "net load" in row["product"]]) == 21


def test_planning_parameters(shared_data: Path) -> None:
    path = only(shared_data / "iso/pjm/rpm_planning_parameters")
    found = publication(path)
    assert found.published_at == datetime(2025, 7, 25, tzinfo=EASTERN)
    given = {
        (row["series"], row["area"], row["category"]): (row["value"], row["unit"]) for row in found.rows.to_pylist()
    }
    assert len(given) == found.rows.num_rows
    assert given["installed_reserve_margin_irm", "RTO", ""] == (0.191, "ratio")
    assert given["price_cap", "RTO", ""] == (256.75, "USD/MW-day")
    assert given["cetl", "PS NORTH", ""] == (4425.0, "MW")
    assert ("ceto", "RTO", "") not in given
    assert given["net_cone_ucap_price", "BGE", ""] == (80.97, "USD/MW-day")
    assert given["vrr_price", "EMAAC", "b"] == (242.25, "USD/MW-day")
    assert given["vrr_level", "MAAC", "prd b1"] == (53270.4, "MW")
    assert given["cetl_capacity_emergency_transfer_limit", "DOM", "zone"] == (7374.0, "MW")
    assert given["forward_net_eas_revenue_offset", "PPL", "zone"] == (53209.7, "USD/MW-year")
    rows = sheet(path, "Planning Parameters")
    lda_numbers = sum(isinstance(cell, float) for row in rows[12:48] for cell in row[1:])
    assert len([key for key in given if key[2] != "zone"]) == lda_numbers + 7
