"""`projections rebuild` and `verify` as an operator uses them: all together, one by name, and after damage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.cli.main import app
from api.platform import Platform
from infra.errors import PlatformError
from tests.e2e.market_files import write_miso


@pytest.fixture(scope="module")
def filled(api: Connection, tmp_path_factory: pytest.TempPathFactory) -> int:
    """A platform with a scenario and a publication; its newest position."""
    folder: Path = tmp_path_factory.mktemp("files")
    api.command("define-scenario", {"name": "base", "growth_per_year": 0.02})
    ingest_paths(api, [write_miso(folder, "rt_lmp_final", {"A": [30] * 24})])
    head: int = api.get("/v1/projections")["head"]
    return head


@pytest.fixture
def run(api: Connection, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    class Kept(Connection):
        def __init__(self) -> None:
            self.__dict__ |= api.__dict__

        def close(self) -> None:
            pass

    monkeypatch.setattr(Connection, "open", classmethod(lambda cls, settings: Kept()))
    return CliRunner()


def projections(run: CliRunner, *words: str) -> Result:
    return run.invoke(app, ["projections", *words])


def test_all_are_rebuilt_and_equal(run: CliRunner, platform: Platform, filled: int) -> None:
    names = {p.name for projector in (platform.relational, platform.columnar) for p in projector.projections}
    done = projections(run, "rebuild", "--all", "--json")
    assert done.exit_code == 0, done.output
    assert {item["name"]: item["position"] for item in json.loads(done.stdout)} == dict.fromkeys(names, filled)
    verified = projections(run, "verify")
    assert verified.exit_code == 0, verified.output
    assert set(verified.stdout.splitlines()) == {f"{name}: equal" for name in names}


def test_damage_is_named_and_mended(run: CliRunner, platform: Platform, filled: int) -> None:
    with platform.pool.connection() as connection:
        connection.execute("UPDATE scenario SET growth_per_year = 0.5")
    found = projections(run, "verify")
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert "scenarios: differs" in lines
    assert "audit: equal" in lines
    assert any("scenario, only live" in line and "0.5" in line for line in lines)
    assert projections(run, "verify", "audit").exit_code == 0
    assert projections(run, "rebuild", "scenarios").stdout == f"scenarios: rebuilt to position {filled}\n"
    mended = projections(run, "verify", "scenarios", "--json")
    assert json.loads(mended.stdout) == [{"name": "scenarios", "differences": []}]


@pytest.mark.parametrize("words", [["rebuild"], ["rebuild", "audit", "--all"]])
def test_one_or_all_has_to_be_said(run: CliRunner, filled: int, words: list[str]) -> None:
    done = projections(run, *words)
    assert isinstance(done.exception, PlatformError)


def test_progress_is_told_with_the_name_of_what_is_worked_on(api: Connection, filled: int) -> None:
    told = list(api.lines("POST", "/v1/projections/rebuild"))
    assert {line["name"] for line in told[:-1]} >= {"relational read models"}
    assert all(0 <= line["position"] <= line["of"] <= filled for line in told[:-1])
    assert list(api.lines("POST", "/v1/projections/audit/verification"))[-1] == {
        "items": [{"name": "audit", "differences": []}]
    }
