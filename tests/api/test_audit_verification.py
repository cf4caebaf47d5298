"""`audit verify` and `audit seals` as an auditor uses them: what was done is named, and the exit code tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.connection import ApiError, Connection
from api.cli.main import app
from api.platform import Platform
from infra import event_digests
from infra.event_store import EventLog
from infra.objects import Objects
from infra.sealing import Sealer
from infra.seals import Seals
from tests.generated_log import fill_log
from tests.infra import tampering
from tests.infra.tampering import ON_ONE_EVENT, stream_at
from tests.plugins_log import SEAL_KEY

Verb = Callable[..., Any]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, platform: Platform, sealed: EventLog, seals: Seals) -> Verb:
    """Runs `carbon254 audit …` over the log of the fixture `sealed`."""
    return over(monkeypatch, replace(platform, log=sealed, seals=seals))


def over(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Verb:
    monkeypatch.setattr("api.cli.audit.connect", lambda: Connection.to_platform(platform))
    return lambda *arguments: CliRunner().invoke(app, ["audit", *map(str, arguments)])


def found(result: Any, code: int) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def test_an_untouched_log(audit: Verb) -> None:
    said = audit("verify")
    assert said.exit_code == 0
    assert "10 events read: 9 agree with 2 seals, the newest 1 are not sealed yet" in said.stdout
    assert "Nothing was changed." in said.stdout
    assert found(audit("verify", "--json"), 0)["difference"] is None


@pytest.mark.parametrize("case", ON_ONE_EVENT)
def test_what_was_done_is_said_with_exit_code_1(audit: Verb, sealed: EventLog, case: str) -> None:
    tamper, kind, position = ON_ONE_EVENT[case]
    stream = stream_at(sealed, position)
    tamper(sealed)
    said = audit("verify")
    assert said.exit_code == 1
    assert f"{kind} at position {position} of stream {stream}:" in said.stdout
    difference = found(audit("verify", "--json"), 1)["difference"]
    assert (difference["kind"], difference["position"], difference["stream_id"]) == (kind, position, str(stream))


def test_an_inserted_event_is_said(audit: Verb, sealed: EventLog) -> None:
    tampering.insert(4)(sealed)
    assert f"inserted at position 4 of stream {stream_at(sealed, 4)}:" in audit("verify").stdout


@pytest.mark.parametrize("damage", ["changed", "removed", "replaced"])
def test_damaged_seals_are_said(audit: Verb, seals: Seals, tmp_path: Path, damage: str) -> None:
    first, second = sorted((tmp_path / "seals").glob("*.json"))
    if damage == "changed":
        first.write_bytes(first.read_bytes().replace(b'"first_ordinal":1', b'"first_ordinal":2'))
    elif damage == "removed":
        first.unlink()
    else:
        first.write_bytes(second.read_bytes())
    said = audit("verify")
    assert said.exit_code == 1
    assert "broken seal: The seal" in said.stdout


def test_an_auditor_takes_the_newest_seal_and_comes_back_with_it(
    audit: Verb, sealed: EventLog, seals: Seals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: Platform
) -> None:
    kept = tmp_path / "kept.json"
    listed = json.loads(audit("seals", "list", "--json").stdout)
    assert [(seal["first_ordinal"], seal["last_ordinal"]) for seal in listed] == [(6, 9), (1, 5)]
    assert seals.public_key in audit("seals", "list").stderr
    assert audit("seals", "export", "--out", kept).exit_code == 0
    assert kept.read_bytes() == seals.content(listed[0]["sha256"])
    older = audit("seals", "export", listed[1]["sha256"])
    assert older.stdout_bytes == seals.content(listed[1]["sha256"])
    for seal in (kept, listed[0]["sha256"]):
        assert audit("verify", "--seal", seal).exit_code == 0

    # Somebody with the key changes an event, its stream's hashes, and all seals.
    stream = stream_at(sealed, 8)
    tampering.forge(8, actor="somebody else")(sealed)
    anew = Seals(tmp_path / "anew", SEAL_KEY)
    Sealer(sealed, anew, lambda: datetime.now(UTC)).seal_pending()
    replaced = over(monkeypatch, replace(platform, log=sealed, seals=anew))
    assert replaced("verify").exit_code == 0
    difference = found(replaced("verify", "--seal", kept, "--json"), 1)["difference"]
    assert (difference["kind"], difference["position"], difference["stream_id"]) == ("changed", 8, str(stream))
    by_hash = replaced("verify", "--seal", listed[0]["sha256"])
    assert by_hash.exit_code == 1
    assert "unknown seal: the seal" in by_hash.stdout
    # With another key, too.
    other = Seals(tmp_path / "other", bytes(32))
    Sealer(sealed, other, lambda: datetime.now(UTC)).seal_pending()
    said = over(monkeypatch, replace(platform, log=sealed, seals=other))("verify", "--seal", kept)
    assert said.exit_code == 1
    assert "another key signed it" in said.stdout


def test_mistakes_of_usage(audit: Verb, tmp_path: Path) -> None:
    assert audit("verify", "--seal", "no such file").exit_code == 2
    unknown = audit("seals", "export", "0" * 64)
    assert isinstance(unknown.exception, ApiError)
    assert unknown.exception.status == 404


def test_too_large_a_body_is_no_seal(platform: Platform) -> None:
    with Connection.to_platform(platform) as connection, pytest.raises(ApiError, match="1 MB at most"):
        list(connection.lines("POST", "/v1/audit/verification", content=bytes(1_000_001)))


def test_progress_is_told_and_a_log_that_cannot_be_read_is_no_verdict(
    platform: Platform, log: EventLog, objects: Objects, seals: Seals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_digests, "WORTH_PROCESSES", 5_000)
    fill_log(log, objects, 5_000)
    with Connection.to_platform(replace(platform, log=log, seals=seals)) as connection:
        *told, last = connection.lines("POST", "/v1/audit/verification")
        assert told == [{"name": "audit", "position": position, "of": 5_000} for position in (2_000, 4_000, 5_000)]
        assert (last["unsealed_events"], last["difference"]) == (5_000, None)
        tampering.execute(log, "ALTER TABLE log.events RENAME COLUMN payload TO content")
        (last,) = connection.lines("POST", "/v1/audit/verification")
        assert "payload" in last["problem"]
    verify = over(monkeypatch, replace(platform, log=log, seals=seals))("verify")
    assert verify.exit_code == 1
    assert "payload" in str(verify.exception)
