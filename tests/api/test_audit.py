"""Who did what can be asked in several ways, every event can be looked at, and lineage goes both ways."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from api.cli.connection import ApiError, Connection
from api.cli.lineage import lineage_dot, lineage_tree
from api.cli.main import app
from api.platform import Platform

QUOTES = b"hub,product,price_usd_per_mwh,source,quoted_at\nWH,CAL-2027,42.30,broker,2026-11-20T17:00:00Z\n"
HUB = {"name": "WH", "iso": "PJM", "node": "N", "node_type": "HUB", "market": "DA", "time_zone": "America/New_York"}


@pytest.fixture(scope="module")
def curve(api: Connection) -> dict[str, Any]:
    api.command("register-instrument", HUB)
    api.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
    api.command("record-quotes", {"object": api.upload(QUOTES)})
    return api.command("build-curve", {"hub": "WH", "scenario": "base"})


@pytest.mark.parametrize(
    ("params", "events"),
    [
        ({"noun": "scenario"}, {"scenario.defined"}),
        ({"actor": "nobody"}, set()),
        ({"outcome": "refused"}, set()),
        ({"since": "2020-01-01", "noun": "curve"}, {"curve.built"}),
        ({"until": "2020-01-01"}, set()),
        ({"limit": 1}, {"curve.built"}),
    ],
)
def test_the_audit_log_is_filtered(
    api: Connection, curve: dict[str, Any], params: dict[str, Any], events: set[str]
) -> None:
    assert {entry["event"] for entry in api.get("/v1/audit", **params)["items"]} == events


def test_the_audit_log_of_one_thing_and_of_what_belongs_together(api: Connection, curve: dict[str, Any]) -> None:
    (entry,) = api.get("/v1/audit", id=curve["id"])["items"]
    assert entry["event"] == "curve.built"
    together = api.get("/v1/audit", correlation_id=entry["correlation_id"])["items"]
    assert [e["position"] for e in together] == [curve["position"]]


def test_an_event_is_shown_as_the_log_holds_it(api: Connection, platform: Platform, curve: dict[str, Any]) -> None:
    shown = api.get(f"/v1/audit/{curve['position']}")
    assert shown["data"] == curve["events"][0]["data"]
    assert shown["metadata"]["command_id"] == curve["command_id"]
    assert shown["hash"] == platform.log.page(curve["position"] - 1, 1)[0].stored.hash
    with pytest.raises(ApiError, match="no event at position 999"):
        api.get("/v1/audit/999")


def test_a_raw_file_tells_what_rests_on_it(api: Connection, platform: Platform, curve: dict[str, Any]) -> None:
    raw = platform.objects.key(QUOTES)
    graph = api.get(f"/v1/lineage/{raw}", direction="downstream")
    assert curve["id"] in {edge["child"] for edge in graph["edges"]}
    assert curve["id"] in {node["id"] for node in graph["nodes"]}
    assert api.get(f"/v1/lineage/{raw}")["edges"] == []
    assert lineage_tree(graph).children


def test_the_dot_graph_has_every_node_and_edge(api: Connection, curve: dict[str, Any]) -> None:
    graph = api.get(f"/v1/lineage/{curve['id']}")
    text = lineage_dot(graph)
    assert text.startswith("digraph lineage {")
    assert text.count(" -> ") == len(graph["edges"])
    assert all(f'"{node["id"]}' in text for node in graph["nodes"])


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_draws_the_graph(api: Connection, curve: dict[str, Any]) -> None:
    text = lineage_dot(api.get(f"/v1/lineage/{curve['id']}"))
    drawn = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=True).stdout
    assert curve["id"] in drawn


def test_the_dot_language_is_kept_whatever_a_label_holds() -> None:
    node = {"id": "n", "position": 1, "kind": "scenario", "label": 'a "quoted" \\ label\nof two lines; -> x'}
    graph = {"nodes": [node, {**node, "id": "m"}], "edges": [
        {"child": "n", "child_position": 1, "parent": "m", "parent_position": 1, "role": 'as "it" was'}
    ]}  # fmt: skip
    statement = r'"(?:[^"\\\n]|\\.)*"(?: -> "(?:[^"\\\n]|\\.)*")? \[label="(?:[^"\\\n]|\\.)*"\];'
    lines = lineage_dot(graph).splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("digraph lineage {", "}", 7)
    assert all(re.fullmatch(f"  {statement}", line) for line in lines[3:-1])


def test_nothing_is_known_of_an_unknown_id(api: Connection) -> None:
    with pytest.raises(ApiError, match="nothing is known"):
        api.get(f"/v1/lineage/{uuid4()}", direction="downstream")


def test_the_lineage_of_a_curve_stays_as_it_was_when_its_scenario_is_revised(
    api: Connection, curve: dict[str, Any]
) -> None:
    before = api.get(f"/v1/lineage/{curve['id']}")
    api.command("revise-scenario", {"name": "base", "growth_per_year": 0.05})
    api.command("recompute-result", {"result_id": curve["id"]})
    assert api.get(f"/v1/lineage/{curve['id']}") == before
    (used,) = [node for node in before["nodes"] if node["kind"] == "scenario"]
    assert (used["label"], used["details"]["entered"]["assumptions"]["growth_per_year"]) == ("base", 0.02)
    again = api.command("build-curve", {"hub": "WH", "scenario": "base"})
    after = api.get(f"/v1/lineage/{again['id']}")
    (revised,) = [node for node in after["nodes"] if node["kind"] == "scenario"]
    assert revised["details"]["entered"]["assumptions"]["growth_per_year"] == 0.05


def test_the_audit_log_is_exported_whole_in_every_format(
    api: Connection, platform: Platform, curve: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ApiError, match="is defined already"):
        api.command("define-scenario", {"name": "base", "growth_per_year": 0.4})
    # Two rows a page: the export follows the pages by itself.
    monkeypatch.setattr("api.rest.listing.LARGEST_LIMIT", 2)
    monkeypatch.setattr("api.cli.audit.connect", lambda: Connection.to_platform(platform))

    def audit(*arguments: object) -> str:
        said = CliRunner().invoke(app, ["audit", "list", *map(str, arguments)])
        assert said.exit_code == 0, said.output
        return str(said.stdout)

    listed = json.loads(audit("--json"))
    assert len(listed) == platform.log.head() > 4
    audit("--format", "parquet", "--out", tmp_path / "audit.parquet")
    table = pq.read_table(tmp_path / "audit.parquet")
    assert table.schema.names == list(listed[0])
    assert table["position"].to_pylist() == [entry["position"] for entry in listed]
    assert table["reason"].to_pylist() == [entry["reason"] for entry in listed]
    as_csv = list(csv.DictReader(io.StringIO(audit("--format", "csv"))))
    assert [row["command_id"] for row in as_csv] == [entry["command_id"] for entry in listed]
    refused = list(csv.DictReader(io.StringIO(audit("--outcome", "refused", "--format", "csv"))))
    assert [(row["command"], row["event"]) for row in refused] == [("define-scenario", "command.refused")]
    assert "base" in refused[0]["reason"]
    assert json.loads(audit("--correlation", refused[0]["correlation_id"], "--json"))[0]["outcome"] == "refused"
    assert [row["position"] for row in json.loads(audit("--noun", "curve", "--limit", 1, "--json"))]
