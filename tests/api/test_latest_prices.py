"""The last price of each place, of several operators in one request: over REST, and by the verb."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli import prices as verbs
from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.cli.main import app
from api.platform import Platform
from tests.e2e.market_files import DAY, pjm_text, write_miso

NODES = {"INDIANA.HUB": [30] * 24, "MICHIGAN.HUB": [31] * 24}
LAST_OF_MISO = datetime(DAY.year, DAY.month, DAY.day, 5, tzinfo=UTC) + timedelta(hours=23)
HOURS_OF_PJM = 3


@pytest.fixture(scope="module", autouse=True)
def market(api: Connection, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A day of MISO, then three hours of PJM; the position before these."""
    folder = tmp_path_factory.mktemp("market")
    assert ingest_paths(api, [write_miso(folder, "rt_lmp_final", NODES)]).rows == 48
    before: int = api.get("/v1/projections")["head"]
    file = folder / "rt_hrl_lmps.csv"
    file.write_text(pjm_text([40.0, 41.0, 42.0][:HOURS_OF_PJM], version=1))
    assert ingest_paths(api, [file]).rows == HOURS_OF_PJM
    return before


def places(found: Sequence[dict[str, Any]]) -> list[tuple[str, str, float]]:
    return [(price["iso"], price["node"], price["lmp_usd_per_mwh"]) for price in found]


def test_without_an_operator_they_are_of_all(api: Connection) -> None:
    found = api.get("/v1/prices/latest")
    assert places(found) == [
        ("MISO", "INDIANA.HUB", 30.0), ("MISO", "MICHIGAN.HUB", 31.0), ("PJM", "WESTERN HUB", 42.0),
    ]  # fmt: skip
    assert datetime.fromisoformat(found[0]["interval_start_utc"]) == LAST_OF_MISO
    assert [price["vintage"] for price in found[:2]] == ["final"] * 2


def test_operators_and_nodes_may_be_named(api: Connection) -> None:
    assert {iso for iso, _, _ in places(api.get("/v1/prices/latest", iso=["PJM", "MISO"]))} == {"MISO", "PJM"}
    assert places(api.get("/v1/prices/latest", iso=["PJM", "PJM"])) == [("PJM", "WESTERN HUB", 42.0)]
    assert api.get("/v1/prices/latest", iso=["CAISO"]) == []
    named = api.get("/v1/prices/latest", node=["WESTERN HUB", "INDIANA.HUB"], market="RTH")
    assert [node for _, node, _ in places(named)] == ["INDIANA.HUB", "WESTERN HUB"]
    assert api.get("/v1/prices/latest", market="DA") == []


def test_they_are_known_as_of_a_position(api: Connection, market: int) -> None:
    assert {iso for iso, _, _ in places(api.get("/v1/prices/latest", as_of=market))} == {"MISO"}


def test_the_verb_shows_them(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "connect", lambda: Connection.to_platform(platform))
    shown = CliRunner().invoke(app, ["prices", "latest", "--iso", "pjm", "--iso", "miso", "--json"])
    assert shown.exit_code == 0
    assert [iso for iso, _, _ in places(json.loads(shown.stdout))] == ["MISO", "MISO", "PJM"]
