"""What can be asked of a filled data folder while a server holds it: the same verbs, now over HTTP."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import Job
from tests.e2e.program import Program, Server, rows_of

HUB_DAY = ("--node", "WESTERN HUB", "--market", "DA")


@pytest.fixture(scope="module")
def server(job: Job) -> Iterator[Server]:
    with job.program.serve() as serving:
        yield serving


@pytest.fixture
def asking(job: Job, server: Server) -> Program:
    """Verbs over HTTP: the folder is held by the server."""
    return job.program


def test_the_server_is_named_as_the_holder(asking: Program, server: Server) -> None:
    found = asking.json("doctor")
    assert found["held_by"] == {"pid": server.process.pid, "address": server.address}
    assert found["data_folder"] == str(asking.home)
    assert found["findings"] == []
    assert found["embedded_database"] is True
    assert "password" not in found["database"]
    assert {"chdb", "pyarrow", "eventsourcing"} <= set(found["libraries"])
    table = found["event_table"]
    assert (table["name"], table["events"]) == ("log.events", table["newest_position"])
    assert set(found["projections"].values()) == {table["newest_position"]}


def test_lineage_as_json_is_a_connected_graph_with_everything_in_it(job: Job, asking: Program) -> None:
    graph = asking.json("lineage", job.ids["valuation"])
    nodes = {node["id"]: node for node in graph["nodes"]}
    reached, frontier = {graph["id"]}, [graph["id"]]
    while frontier:
        child = frontier.pop()
        above = {edge["parent"] for edge in graph["edges"] if edge["child"] == child} - reached
        reached |= above
        frontier += above
    assert reached == set(nodes)
    raw = {node["id"] for node in nodes.values() if node["kind"] == "object:raw"}
    content = {hashlib.sha256(path.read_bytes()).hexdigest() for path in job.files.rglob("*") if path.is_file()}
    assert raw
    assert raw <= content
    details = nodes[graph["id"]]["details"]
    assert (details["parameters"]["seed"], details["parameters"]["paths"]) == (7, 10_000)
    assert details["code_version"]
    made = {node["details"].get("event") for node in nodes.values()} - {None}
    assert made == {
        "ppa.priced", "ppa.registered", "curve.built", "instrument.registered", "publication.ingested",
        "quote_sheet.recorded", "scenario.defined",
    }  # fmt: skip


def test_raw_bytes_come_back_as_they_were(job: Job, asking: Program, server: Server) -> None:
    file = job.files / "quotes.csv"
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    stored = asking.home / "objects" / "raw" / sha256[:2] / sha256
    assert stored.read_bytes() == file.read_bytes()


def test_the_same_seed_is_the_same_number_to_the_last_bit(job: Job, asking: Program) -> None:
    """The first was priced in a process of its own, these by the server."""

    def price(seed: int) -> dict[str, Any]:
        options = ("--curve", job.ids["curve"], "--paths", 10_000, "--seed", seed)
        return dict(asking.json("ppas", "price", job.ids["ppa"], *options))

    again, other = price(7), price(8)
    priced = {valuation["id"]: valuation for valuation in asking.json("ppas", "show", job.ids["ppa"])["valuations"]}
    first = priced[job.ids["valuation"]]
    assert again["id"] != first["id"]
    assert priced[again["id"]]["figures"] == first["figures"]
    figures, others = again["valuation"], other["valuation"]
    assert figures["npv_mean_usd"] != others["npv_mean_usd"]
    for valuation in (figures, others):
        miss = abs(valuation["npv_mean_usd"] - valuation["npv_closed_form_usd"])
        assert miss < 3 * valuation["npv_standard_error_usd"]
        assert valuation["npv_p5_usd"] < valuation["npv_p50_usd"] < valuation["npv_p95_usd"]
    assert len(figures["yearly"]) == 10
    assert math.isfinite(figures["irr"]["rate"])


def test_a_curve_goes_to_december_2050_and_meets_its_quotes(job: Job, asking: Program) -> None:
    [listed] = asking.json("curves", "list", "--hub", "PJM-WH")
    assert listed["id"] == job.ids["curve"]
    shown = asking.json("curves", "show", job.ids["curve"])
    months = [point["delivery_month"] for point in shown["points"]]
    assert (months[0][:7], months[-1][:7]) == ("2026-04", "2050-12")
    assert months == sorted(set(months))
    assert len(months) == 9 + 24 * 12
    quotes = rows_of((job.files / "quotes.csv").read_text())
    prices = {point["delivery_month"][:7]: point["price_usd_per_mwh"] for point in shown["points"]}
    of_a_month = {quote["product"]: float(quote["price_usd_per_mwh"]) for quote in quotes if quote["product"] in prices}
    assert len(of_a_month) == 12
    assert {month: prices[month] for month in of_a_month} == pytest.approx(of_a_month, abs=1e-6)


def test_a_recomputation_of_a_curve_is_equal(job: Job, asking: Program) -> None:
    answer = asking.json("recompute", job.ids["curve"])
    assert (answer["status"], answer["events"][0]["data"]["equal"]) == ("done", True)


def test_a_scenario_is_revised_and_defined_only_once(job: Job, asking: Program, tmp_path: Path) -> None:
    revised = tmp_path / "scenario.yaml"
    revised.write_text("name: base\ngrowth_per_year: 0.03\nseasonal_weight: 0.5\n")
    assert asking.id("scenarios", "revise", revised) == job.ids["scenario"]
    [scenario] = asking.json("scenarios", "list")
    assert (scenario["revision"], scenario["growth_per_year"], scenario["seasonal_weight"]) == (2, 0.03, 0.5)
    revised.write_text("name: base\ngrowth_per_year: 0.04\nseasonal_weight: 0.5\n")
    assert "base" in asking.run("scenarios", "define", revised, code=1).stderr
    newest = asking.audit()[-1]
    assert (newest["command"], newest["outcome"]) == ("define-scenario", "refused")
    assert newest["reason"]


def test_the_audit_log_says_who_did_what_when_with_what_outcome(job: Job, asking: Program) -> None:
    log = asking.audit()
    assert [int(entry["position"]) for entry in log] == list(range(1, len(log) + 1))
    assert [entry["command"] for entry in log[:22]] == ["ingest-publication"] * 16 + [
        "register-instrument", "record-quotes", "define-scenario", "build-curve", "register-ppa", "price-ppa",
    ]  # fmt: skip
    assert {entry["outcome"] for entry in log[:22]} == {"done"}
    assert {entry["actor"] for entry in log} == {"local-operator"}
    # Files go in side by side, so only what came one verb after the other has its times in order.
    times = [entry["recorded_at"] for entry in log]
    assert times[15:] == sorted(times[15:])
    assert max(times[:16]) < times[16]
    assert all(time.endswith("Z") for time in times)
    assert log[19]["target_id"] == job.ids["curve"]
    assert asking.json("audit", "list", "--limit", 1)[0]["position"] == len(log)


def test_publications_are_listed_and_shown(asking: Program) -> None:
    listed = asking.json("publications", "list", "--iso", "MISO")
    assert {(each["feed"], each["status"]) for each in listed} == {
        ("rt_lmp", "ingested"),
        ("da_expost_lmp", "ingested"),
    }
    shown = asking.json("publications", "show", listed[0]["id"])
    assert (shown["gaps"], len(shown["raw_sha256"]), shown["row_count"]) == ([], 1, listed[0]["row_count"])
    assert asking.json("instruments", "list")[0]["name"] == "PJM-WH"


def test_prices_are_the_same_in_every_format(asking: Program, tmp_path: Path) -> None:
    window = ("prices", "get", "--iso", "PJM", *HUB_DAY, "--start", "2026-03-10", "--end", "2026-03-11")
    as_csv = asking.prices("PJM", "2026-03-10", "2026-03-11", *HUB_DAY)
    as_json = asking.json(*window)
    parquet = tmp_path / "prices.parquet"
    asking.run(*window, "--format", "parquet", "--out", parquet)
    as_parquet = pq.read_table(parquet)
    table = asking.run(*window)
    assert len(as_csv) == len(as_json) == as_parquet.num_rows == 24
    assert "24 prices" in table.stderr
    assert table.stdout.count("WESTERN HUB") == 24
    assert list(as_csv[0]) == list(as_json[0]) == as_parquet.column_names == [
        "iso", "node", "node_type", "feed", "market", "interval_start_utc", "interval_end_utc", "lmp_usd_per_mwh",
        "energy_usd_per_mwh", "congestion_usd_per_mwh", "loss_usd_per_mwh", "ghg_usd_per_mwh", "vintage",
        "source_version", "published_at", "recorded_at", "log_position", "publication_id",
    ]  # fmt: skip
    prices = [float(row["lmp_usd_per_mwh"]) for row in as_csv]
    assert prices == [row["lmp_usd_per_mwh"] for row in as_json] == as_parquet["lmp_usd_per_mwh"].to_pylist()
    starts = [row["interval_start_utc"] for row in as_csv]
    assert starts == [f"2026-03-10T{hour:02d}:00:00Z" for hour in range(24)]
    assert starts == [row["interval_start_utc"] for row in as_json]
    assert {row["ghg_usd_per_mwh"] for row in as_json} == {None}


def test_a_naive_time_is_read_in_the_zone_that_was_asked_for(asking: Program) -> None:
    """The market day of 8 March 2026 has 23 hours in New York, from 05:00Z to 04:00Z."""
    rows = asking.prices("PJM", "2026-03-08", "2026-03-09", *HUB_DAY, "--tz", "America/New_York")
    assert len(rows) == 23
    assert (rows[0]["interval_start_utc"], rows[-1]["interval_end_utc"]) == (
        "2026-03-08T05:00:00Z",
        "2026-03-09T04:00:00Z",
    )
    assert rows[0]["interval_start_local"] == "2026-03-08T00:00:00-05:00"
    assert rows[-1]["interval_end_local"] == "2026-03-09T00:00:00-04:00"
    assert asking.prices("PJM", "2026-03-08", "2026-03-09", *HUB_DAY, "--tz", "market") == rows


def test_all_nodes_come_sorted_where_none_is_named(asking: Program) -> None:
    rows = asking.prices("ERCOT", "2026-03-10", "2026-03-12")
    keys = [(row["market"], row["node"], row["interval_start_utc"]) for row in rows]
    assert keys == sorted(keys)
    assert {row["market"] for row in rows} == {"DA", "RT15", "RT5"}
    assert all(row["energy_usd_per_mwh"] == "" for row in rows)


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("curves", "show", "24c87464-0000-0000-0000-000000000000"), 1, "there is no curve"),
        (("prices", "get", "--iso", "PJM", "--start", "yesterday", "--end", "2026-03-11"), 2, "start: 'yesterday'"),
        (("curves", "build", "--hub", "NO-HUB", "--scenario", "base"), 1, "NO-HUB"),
    ],
)
def test_what_is_wrong_is_named_with_an_exit_code(
    asking: Program, arguments: tuple[str, ...], code: int, named: str
) -> None:
    failed = asking.run(*arguments, code=code)
    assert named in failed.stderr
    assert failed.stdout == ""
    assert "Traceback" not in failed.stderr


def test_a_wrong_token_is_not_allowed(asking: Program, tmp_path: Path) -> None:
    token = asking.home / "token"
    right = token.read_text()
    token.write_text("x" * 43)
    try:
        assert "token" in asking.run("curves", "list", code=4).stderr
    finally:
        token.write_text(right)
    assert json.loads(asking.run("curves", "list", "--json").stdout)
