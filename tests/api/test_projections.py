"""Dead letters and lags as an operator sees them: listed, retried, and told by /readyz and the doctor."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import api.cli.projections
from api.cli.connection import ApiError, Connection
from api.cli.main import app
from api.platform import Platform
from api.projection_lags import projection_lags
from infra.canonical import digest, to_parquet
from infra.event_store import Stream
from infra.subscriptions import Subscription
from tests.plugins_clickhouse import tick_rows
from tests.projections.conftest import START, metadata
from write_model.publications import Publication, Reading, Source


@pytest.fixture
def lost_rows(platform: Platform) -> Path:
    """A publication whose rows are not in the object store; answers the file that they belong into."""
    rows = to_parquet(tick_rows(["LOST"], START, count=2))
    key = platform.objects.key(rows)
    reading = Reading(
        iso="PJM", market="DA", feed="da_hrl_lmps", vintage="final", parser="test", parser_version=1, rows_sha256=key,
        rows_digest=digest(tick_rows(["LOST"], START, count=2)), row_count=2, gaps_sha256=None, gap_count=0,
        first_interval_start_utc=START, last_interval_end_utc=START + timedelta(hours=2), published_at=None,
    )  # fmt: skip
    command = metadata()
    publication = Publication.ingest(command.command_id, Source(("a" * 64,), ("f.csv",), "f.csv", 1, {}), reading)
    platform.log.append(Stream(command.command_id, ()), publication.collect_events(), command)
    return platform.folder.objects / "rows" / key[:2] / key


def verb(monkeypatch: pytest.MonkeyPatch, api_: Connection, *words: str) -> tuple[int, str]:
    """A `projections` verb against the platform of this test."""

    class Kept:
        def __enter__(self) -> Connection:
            return api_

        def __exit__(self, *_: object) -> None:
            pass

    with monkeypatch.context() as patch:
        patch.setattr(api.cli.projections, "connect", Kept)
        done = CliRunner().invoke(app, ["projections", *words])
    return done.exit_code, done.stdout


def ask(api: Connection, path: str) -> Any:
    return api.run(api.request("GET", path)).json()


def test_a_dead_letter_is_told_everywhere_until_it_is_retried(
    platform: Platform, api: Connection, lost_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    position = platform.settled_position()
    code, printed = verb(monkeypatch, api, "dead-letters", "prices", "--json")
    (letter,) = json.loads(printed)
    assert code == 0
    assert (letter["projection"], letter["position"], letter["event"]) == ("prices", position, "publication.ingested")
    assert letter["reason"].startswith("MissingObject: ")
    assert ask(api, "/readyz")["dead_letters"] == {"prices": 1}
    (finding,) = ask(api, "/v1/doctor")["findings"]
    assert "prices has set 1 events aside" in finding["problem"]
    assert "carbon254 projections retry prices" in finding["remedy"]

    code, printed = verb(monkeypatch, api, "retry", "--json")
    (retried,) = json.loads(printed)
    assert code == 1
    assert [failing["position"] for failing in retried["failing"]] == [position]
    lost_rows.parent.mkdir(exist_ok=True, parents=True)
    lost_rows.write_bytes(to_parquet(tick_rows(["LOST"], START, count=2)))
    code, printed = verb(monkeypatch, api, "retry", "prices", "--position", str(position), "--json")
    assert (code, json.loads(printed)[0]["succeeded"]) == (0, [position])
    assert ask(api, "/readyz")["dead_letters"] == {}
    assert ask(api, "/v1/doctor")["findings"] == []
    assert verb(monkeypatch, api, "retry") == (0, "Nothing is set aside.\n")


def test_the_lag_of_each_read_model_is_listed(platform: Platform, api: Connection) -> None:
    platform.settled_position()
    items = ask(api, "/v1/projections")["items"]
    names = {projection.name for projector in (platform.relational, platform.columnar)
             for projection in projector.projections}  # fmt: skip
    assert {item["name"] for item in items} == names
    assert {(item["lag"], item["lag_s"], item["trouble"]) for item in items} == {(0, 0.0, None)}


def test_a_read_model_that_stands_still_is_told(platform: Platform, api: Connection) -> None:
    stopped = next(s for s in platform.subscriptions if s.name == "curve_points")
    assert isinstance(stopped, Subscription)
    stopped.stop()
    api.command("define-scenario", {"name": "still", "growth_per_year": 0.0, "seasonal_weight": 0.0})
    (lag,) = [lag for lag in projection_lags(platform) if lag.name == "curve_points"]
    assert lag.lag == 1
    assert lag.lag_s > 0
    assert lag.trouble == "its thread has ended"
    with pytest.raises(ApiError, match="read models fail: curve_points") as error:
        ask(api, "/readyz")
    assert error.value.status == 503
    assert [f["problem"] for f in ask(api, "/v1/doctor")["findings"]] == [
        "the read model curve_points fails: its thread has ended"
    ]


def test_an_unknown_read_model_or_dead_letter_is_named(api: Connection) -> None:
    with pytest.raises(ApiError, match="there is no read model prizes"):
        ask(api, "/v1/projections/dead-letters?projection=prizes")
    with pytest.raises(ApiError, match="has set nothing aside at position 77"):
        api.run(api.request("POST", "/v1/projections/prices/retry?position=77"))
