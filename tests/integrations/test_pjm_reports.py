"""Every Data Miner report, as CSV and as the API's JSON: one meaning, and every drift of its columns seen.

The rows are written after the operator's definitions of the reports; `test_pjm_payloads.py` has the real files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.feed_registry import ROWS_UNDER
from integrations.isos.pjm.reports import REPORTS
from integrations.isos.pjm.tables import PAGE_ROWS
from integrations.isos.ticks import ParsedPublication
from tests.integrations.samples import text

Row = dict[str, str | float | int | None]

BY_NAME = {report.name: report for report in REPORTS}
AT = datetime(2026, 6, 12, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
LMP: Row = {"pnode_id": 51288, "pnode_name": "WESTERN HUB", "voltage": None, "equipment": None, "type": "HUB"}
VERIFIED: Row = {"row_is_current": "True", "version_nbr": 2}
FORECAST: Row = {"forecast_area": "AEP", "forecast_load_mw": 17000.5}


def lmp(run: str, *, energy: bool = True) -> Row:
    parts: Row = {f"total_lmp_{run}": 31.5, f"congestion_price_{run}": 1.25, f"marginal_loss_price_{run}": 0.25}
    return {**({f"system_energy_price_{run}": 30.0} if energy else {}), **parts}


STAMPS: Mapping[str, Sequence[str]] = {
    "load_frcstd_7_day": (
        "evaluated_at_datetime_utc",
        "forecast_datetime_beginning_utc",
        "forecast_datetime_ending_utc",
    ),
    "load_frcstd_hist": ("evaluated_at_utc", "forecast_hour_beginning_utc"),
    "very_short_load_frcst": ("evaluated_at_utc", "forecast_datetime_beginning_utc", "forecast_datetime_ending_utc"),
    "hrl_load_prelim": ("datetime_beginning_utc", "datetime_ending_utc"),
    "ops_sum_prev_period": ("datetime_beginning_utc", "datetime_ending_utc", "generated_at_ept"),
    "hourly_wind_power_forecast": ("evaluated_at_utc", "datetime_beginning_utc", "datetime_ending_utc"),
    "hourly_solar_power_forecast": ("evaluated_at_utc", "datetime_beginning_utc", "datetime_ending_utc"),
    "da_marginal_value": ("datetime_beginning_utc", "datetime_ending_utc"),
    "rt_marginal_value": ("datetime_beginning_utc", "datetime_ending_utc"),
    "da_transconstraints": ("datetime_beginning_utc", "datetime_ending_utc"),
    "pnode": ("effective_date", "termination_date"),
}
VALUES: Mapping[str, Row] = {
    "da_hrl_lmps": {**LMP, **lmp("da"), **VERIFIED},
    "rt_hrl_lmps": {**LMP, **lmp("rt"), **VERIFIED},
    "rt_fivemin_hrl_lmps": {**LMP, **lmp("rt"), **VERIFIED},
    "rt_unverified_hrl_lmps": {"pnode_name": "WESTERN HUB", "type": "HUB", **lmp("rt", energy=False)},
    "rt_unverified_fivemin_lmps": {**LMP, **lmp("rt", energy=False)},
    "ancillary_services": {
        "ancillary_service": "MAD Non-Synchronized Reserve", "unit": "Price", "value": 1.5, **VERIFIED,
    },
    "reserve_market_results": {
        "locale": "MAD", "service": "SR", "mcp": 4.5, "mcp_capped": 4.5, "reg_ccp": None, "reg_pcp": None,
        "as_req_mw": 1800.0, "total_mw": 2100.25, "tier1_mw": 900.0, "nsr_mw": None,
    },
    "da_reserve_market_results": {
        "locale": "PJM_RTO", "service": "30MIN", "mcp": 0.5, "mcp_capped": 0.5, "as_req_mw": 3000.0, "total_mw": 9000.0,
    },
    "reg_market_results": {
        "requirement": 525, "regd_ssmw": 170.1, "total_mw": 525.0, "deficiency": 0.0, "rto_perfscore": 0.87,
    },
    "hrl_load_metered": {"zone": "AE", "load_area": "AECO", "mw": 743.433, "is_verified": "True"},
    "unverified_five_min_lmps": {"name": "WESTERN HUB", "type": "HUB", "five_min_rtlmp": 21.5, "hourly_lmp": 20.25},
    "hrl_load_prelim": {"load_area": "AECO", "prelim_load_avg_hourly": 751.25},
    "inst_load": {"area": "AEP", "instantaneous_load": 17961.5},
    "load_frcstd_7_day": FORECAST,
    "load_frcstd_hist": FORECAST,
    "very_short_load_frcst": FORECAST,
    "ops_sum_prev_period": {
        "area": "AEP", "area_load_forecast": 13462.0, "actual_load": 13745.36, "dispatch_rate": 17.64,
    },
    "gen_by_fuel": {"fuel_type": "Multiple Fuels", "mw": 1179.0, "is_renewable": "False"},
    "wind_gen": {"area": "RTO", "wind_generation_mw": 2096.5},
    "solar_gen": {"area": "RTO", "solar_generation_mw": -0.5},
    "hourly_wind_power_forecast": {"wind_forecast_mwh": 5467.953},
    "hourly_solar_power_forecast": {"solar_forecast_mwh": 988.9, "solar_forecast_btm_mwh": 477.2},
    "da_marginal_value": {"monitored_facility": "A - B 345 kV", "contingency_facility": "ACTUAL", "shadow_price": -1.4},
    "rt_marginal_value": {
        "monitored_facility": "A - B 345 kV", "contingency_facility": "BASE", "limit_control_percentage": 95.0,
        "transmission_constraint_penalty_factor": 2000.0, "shadow_price": -4.5,
    },
    "da_transconstraints": {
        "duration": 1, "day_ahead_congestion_event": "A - B 345 kV", "monitored_facility": "A - B 345 kV",
        "contingency_facility": "ACTUAL",
    },
    "pnode": {
        "pnode_id": 48592, "pnode_name": "ALDENE  230 KV  T-10", "pnode_type": "BUS", "pnode_subtype": "LOAD",
        "zone": "PSEG", "voltage_level": "230 KV",
    },
}  # fmt: skip
every_report = pytest.mark.parametrize("name", list(VALUES))


def stamped(name: str, number: int) -> dict[str, datetime]:
    """The stamps of a report's row: each interval an hour, or five minutes where the report has these."""
    step = timedelta(minutes=5) if "fivemin" in name or "very_short" in name or name.startswith("rt_marg") else HOUR
    start = AT + number * step
    moments = {
        column: AT - HOUR
        if "evaluated" in column or "generated" in column
        else start + step
        if "ending" in column
        else start
        for column in STAMPS.get(name, ("datetime_beginning_utc",))
    }
    return moments | ({"termination_date": datetime(2098, 1, 1, tzinfo=UTC)} if name == "pnode" else {})


def columns(name: str) -> list[str]:
    return [*STAMPS.get(name, ("datetime_beginning_utc",)), *VALUES[name]]


def as_csv(name: str, changes: dict[str, str] | None = None) -> bytes:
    """Three rows; `changes` are cells of the second."""
    lines = []
    for number in range(3):
        cells = {column: f"{at:%-m/%-d/%Y %-I:%M:%S %p}" for column, at in stamped(name, number).items()}
        cells |= {column: "" if value is None else str(value) for column, value in VALUES[name].items()}
        lines.append(
            ",".join((cells | (changes if changes and number == 1 else {}))[column] for column in columns(name))
        )
    return text(",".join(columns(name)), *lines)


def items(name: str, rows: int = 3) -> list[Row]:
    return [
        {**{column: f"{at:%Y-%m-%dT%H:%M:%S}" for column, at in stamped(name, number).items()}, **VALUES[name]}
        for number in range(rows)
    ]


def as_json(name: str, found: list[Row], total: int | None = None) -> bytes:
    link = f"https://api.pjm.com/api/v1/{name}?RowCount=50000&StartRow=1"
    total = len(found) if total is None else total
    return json.dumps({"links": [{"rel": "self", "href": link}], "items": found, "totalRows": total}).encode()


def read(name: str, content: bytes) -> ParsedPublication:
    (payload,) = survey(name, content, named=True).payloads
    return parse(payload)


def refused(name: str, content: bytes) -> UnreadablePublication:
    with pytest.raises(UnreadablePublication) as caught:
        read(name, content)
    return caught.value


def test_there_is_a_sample_of_every_report() -> None:
    assert set(VALUES) == set(BY_NAME)


@every_report
def test_csv_and_json_mean_the_same(name: str) -> None:
    table = read(f"{name}.csv", as_csv(name))
    assert table.rows.num_rows
    for answer in (as_json(name, items(name)), json.dumps(items(name), indent=2).encode()):
        found = read(f"{name}.json", answer)
        assert found.rows.to_pylist() == table.rows.to_pylist()
        assert (found.feed, found.market, found.vintage, found.dataset) == (
            table.feed, table.market, table.vintage, table.dataset,
        )  # fmt: skip


@every_report
def test_columns_in_another_order_spelling_and_company_mean_the_same(name: str) -> None:
    lines = as_csv(name).decode().splitlines()
    header = ",".join(column.replace("_", " ").upper() for column in reversed(lines[0].split(",")))
    other = [f"{','.join(reversed(line.split(',')))},x" for line in lines[1:]]
    found = read(f"{name}.csv", b"\xef\xbb\xbf" + text(f"{header},a_new_column", *other, ""))
    assert found.rows.to_pylist() == read(f"{name}.csv", as_csv(name)).rows.to_pylist()


@every_report
def test_a_needed_column_that_is_missing_or_renamed_is_named(name: str) -> None:
    for column in BY_NAME[name].needed:
        header, rest = as_csv(name).split(b"\n", 1)
        names = ["renamed" if cell == column else cell for cell in header.decode().split(",")]
        error = refused(f"{name}-20260612.csv", ",".join(names).encode() + b"\n" + rest)
        assert (error.line, error.column) == (1, column)
        without = [{key: value for key, value in item.items() if key != column} for item in items(name)]
        error = refused(f"{name}.json", as_json(name, without))
        assert error.column == column


@every_report
def test_what_is_no_number_names_its_place(name: str) -> None:
    for column in BY_NAME[name].numbers:
        error = refused(f"{name}.csv", as_csv(name, {column: "n/a"}))
        assert (error.line, error.column) == (3, column)
        found = items(name)
        found[1] = {**found[1], column: "n/a"}
        error = refused(f"{name}.json", as_json(name, found))
        assert error.column == column
        assert "item 2" in error.reason


@every_report
def test_a_stamp_that_is_no_moment_names_its_place(name: str) -> None:
    column = next(column for column in STAMPS.get(name, ("datetime_beginning_utc",)) if column in BY_NAME[name].texts)
    error = refused(f"{name}.csv", as_csv(name, {column: "13/45/2026 4:00:00 AM"}))
    assert (error.line, error.column) == (3, column)


@every_report
def test_an_answer_without_items_is_seen_for_what_it_is(name: str) -> None:
    assert "has no items" in refused(f"{name}.json", as_json(name, [])).reason


# Prices refuse every repetition, and pricing nodes and day-ahead constraints have no number.
REPEATABLE = [name for name in VALUES if not name.endswith("lmps") and BY_NAME[name].numbers]


@pytest.mark.parametrize("name", REPEATABLE)
def test_rows_that_repeat_are_read_once_and_refused_where_they_differ(name: str) -> None:
    once, value = items(name), BY_NAME[name].numbers[0]
    assert (
        read("x.json", as_json(name, [*once, once[0]])).rows.num_rows
        == read("x.json", as_json(name, once)).rows.num_rows
    )
    error = refused("x.json", as_json(name, [*once, {**once[0], value: 7.125}]))
    assert "item 1 and item 4" in error.reason


def test_the_feed_and_market_of_each_report() -> None:
    found = {}
    for name in VALUES:
        publication = read("x.json", as_json(name, items(name)))
        found[name] = (publication.feed, publication.market, publication.vintage)
    preliminary = {
        "rt_unverified_hrl_lmps": ("rt_hrl_lmps", "RTH", "preliminary"),
        "rt_unverified_fivemin_lmps": ("rt_fivemin_hrl_lmps", "RT5", "preliminary"),
    }
    assert {name: found.pop(name) for name in preliminary} == preliminary
    assert all(ROWS_UNDER[f"pjm/{name}"] == feed for name, (feed, *_) in preliminary.items())
    assert all(feed == name for name, (feed, _, _) in found.items())
    day_ahead = {name for name, (_, market, _) in found.items() if market == "DA"}
    assert day_ahead == {name for name in found if name.startswith("da_")}


def test_day_ahead_prices_of_ancillary_services_are_told_by_their_locales() -> None:
    rows = [
        {**item, "ancillary_service": service}
        for item, service in zip(
            items("ancillary_services", 2),
            ("PJM RTO Thirty Minutes Reserve", "Mid-Atlantic/Dominion Primary Reserve"),
            strict=True,
        )
    ]
    found = read("x.json", json.dumps(rows).encode())
    assert (found.feed, found.market) == ("da_ancillary_services", "DA")
    assert [(row["product"], row["area"]) for row in found.rows.to_pylist()] == [
        ("30MIN", "RTO"),
        ("PR", "Mid-Atlantic/Dominion"),
    ]


def test_a_ratio_is_no_price_and_another_unit_is_refused() -> None:
    rows = items("ancillary_services", 2)
    rows[0] = {**rows[0], "ancillary_service": "RTO Mileage Ratio", "unit": "Ratio"}
    assert read("x.json", json.dumps(rows).encode()).rows.num_rows == 1
    rows[0] = {**rows[0], "unit": "Dollars"}
    assert refused("x.json", json.dumps(rows).encode()).column == "unit"


def test_reserve_results_were_hourly_until_september_2022() -> None:
    rows = [{**item, "datetime_beginning_utc": at} for item, at in zip(
        items("reserve_market_results", 2), ("2022-09-01T03:00:00", "2022-09-01T04:00:00"), strict=True
    )]  # fmt: skip
    found = read("x.json", json.dumps(rows).encode()).rows.to_pylist()
    assert [row["interval_end_utc"] - row["interval_start_utc"] for row in found] == [HOUR, timedelta(minutes=5)]


def test_load_that_is_verified_throughout_is_a_later_vintage() -> None:
    assert read("x.csv", as_csv("hrl_load_metered")).vintage == "verified"
    mixed = read("x.csv", as_csv("hrl_load_metered", {"is_verified": "False"}))
    assert mixed.vintage == "preliminary"
    assert [row["source_version"] for row in mixed.rows.to_pylist()] == [1, 0, 1]


def test_preliminary_load_stands_where_neither_name_nor_link_tells() -> None:
    lines = (
        "datetime_beginning_utc,datetime_beginning_ept,datetime_ending_utc,datetime_ending_ept,load_area,"
        "prelim_load_avg_hourly",
        "11/1/2026 5:00:00 AM,11/1/2026 1:00:00 AM,11/1/2026 6:00:00 AM,11/1/2026 1:00:00 AM,AECO,701.5",
        "11/1/2026 6:00:00 AM,11/1/2026 1:00:00 AM,11/1/2026 7:00:00 AM,11/1/2026 2:00:00 AM,AECO,699.25",
    )
    found = read("x.csv", text(*lines))
    assert (found.feed, found.vintage) == ("hrl_load_prelim", "preliminary")
    assert [
        (row["interval_start_utc"], row["interval_end_utc"], row["area"], row["value"])
        for row in found.rows.to_pylist()
    ] == [(start, start + HOUR, "AECO", value) for start, value in (
        (datetime(2026, 11, 1, 5, tzinfo=UTC), 701.5), (datetime(2026, 11, 1, 6, tzinfo=UTC), 699.25),
    )]  # fmt: skip


def test_a_page_of_several_has_no_gaps_for_what_other_pages_hold() -> None:
    rows = [{**item, "pnode_name": name} for item in items("da_hrl_lmps", 2) for name in ("A", "B")][:-1]
    assert read("x.json", as_json("da_hrl_lmps", rows)).gaps.num_rows == 1
    assert read("x.json", as_json("da_hrl_lmps", rows, total=PAGE_ROWS)).gaps.num_rows == 0


def test_the_eastern_dates_of_a_pricing_node_are_kept_within_what_can_be_stored() -> None:
    always = {"effective_date": "1/1/1900 12:00:00 AM", "termination_date": "12/31/9999 12:00:00 AM"}
    (_, row, _) = read("x.csv", as_csv("pnode", always)).rows.to_pylist()
    assert row["interval_start_utc"] == datetime(1990, 1, 1, tzinfo=UTC)
    assert row["interval_end_utc"] == datetime(2099, 12, 31, tzinfo=UTC)
    assert row["description"] == "48592 BUS 230 KV"


def test_the_other_reports_of_data_miner_are_left_alone() -> None:
    content = text("datetime_beginning_utc,datetime_beginning_ept,something", "6/12/2026 4:00:00 AM,6/12/2026,1")
    assert "PJM Data Miner" in survey("x.csv", content, named=False).skipped[0].reason
