"""A platform with the sample market in it, and a way to ask it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from api.cli.common import read_fields
from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.simulated_markets import write_sample_files
from integrations.isos.simulator import SampleMarket
from tests.e2e.market_files import keep_runs

DAY = date(2026, 1, 30)
Ask = Callable[..., dict[str, Any]]


def data(answer: dict[str, Any]) -> dict[str, Any]:
    """What an answer without errors holds."""
    assert "errors" not in answer, answer["errors"]
    found: dict[str, Any] = answer["data"]
    return found


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> SampleMarket:
    written = write_sample_files(tmp_path_factory.mktemp("sample") / "files", day=DAY, seed=1)
    keep_runs(written, 2)
    return written


@pytest.fixture(scope="module")
def sample(api: Connection, files: SampleMarket) -> dict[str, str]:
    """A day of four ISOs, a hub, quotes, a scenario, a curve and a valued contract; the ids of the results."""
    ingest_paths(api, list(files.price_files))
    api.command("register-instrument", read_fields(files.instrument_file))
    api.command("record-quotes", {"object": api.upload(files.quotes_file.read_bytes())})
    api.command("define-scenario", read_fields(files.scenario_file))
    curve = api.command("build-curve", {"hub": files.hub, "scenario": read_fields(files.scenario_file)["name"]})
    ppa = api.command("register-ppa", read_fields(files.ppa_file))
    body = {"ppa_id": ppa["id"], "curve_id": curve["id"], "paths": 200, "seed": 7}
    valuation = api.command("price-ppa", body)
    api.get("/v1/projections")
    return {"hub": files.hub, "curve": curve["id"], "ppa": ppa["id"], "valuation": valuation["id"]}


@pytest.fixture
def ask(api: Connection) -> Ask:
    """Posts a document and returns the whole answer."""

    def post(query: str, /, **variables: Any) -> dict[str, Any]:
        body = {"query": query, "variables": variables}
        answer: dict[str, Any] = api.run(api.request("POST", "/graphql", json=body)).json()
        return answer

    return post
