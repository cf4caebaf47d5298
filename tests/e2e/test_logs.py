"""What a real server writes: JSON lines, tied together, and no secret among them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.requests import COMMAND_ROUTE
from tests.e2e.program import Program

SCENARIO = {"name": "flat", "growth_per_year": 0.0, "seasonal_weight": 0.0}


@pytest.mark.enable_socket
def test_every_request_is_on_record_and_no_secret_is(program: Program, tmp_path: Path) -> None:
    correlation = str(uuid4())
    tried = "s3cr3t-that-was-tried"
    with program.serve() as server:
        token = (program.home / "token").read_text().strip()
        for headers, status in (
            ({"X-Correlation-Id": correlation}, 201),
            ({"Authorization": f"Bearer {tried}"}, 401),
            ({"Authorization": f"Bearer {tried} \xe9"}, 401),
        ):
            sent = server.ask("POST", "/v1/commands/define-scenario", headers=headers, body=SCENARIO)
            assert sent[0] == status, sent
        assert server.ask("GET", f"/v1/curves?token={tried}&Authorization={token}")[0] == 400
        assert server.ask("GET", f"/v1/nothing/{tried}%0a%7b%22level%22")[0] == 404
        hostile = tmp_path / "hostile.zip"
        with zipfile.ZipFile(hostile, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("../../\x1b[2J20240612_da_expost_lmp.csv", bytes(80 << 20))
        quarantined = program.json("ingest", hostile, code=3)
        assert ["100 times its size" in found["reason"] for found in quarantined["quarantined"]] == [True]
        (entry,) = server.get("/v1/audit", correlation_id=correlation)["items"]
        assert entry["event"] == "scenario.defined"
    lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["message"] == "request"]
    assert [line["status"] for line in requests[:5]] == [201, 401, 401, 400, 404]
    (tied,) = [line for line in requests if line["correlation_id"] == correlation]
    assert (tied["route"], tied["actor"]) == (COMMAND_ROUTE, "local-operator")
    assert {"/v1/objects", "/v1/objects/{sha256}/survey"} <= {line["route"] for line in requests}
    said = server.said()
    secrets = [token, tried, (program.home / "seal-key").read_text().strip(), "PRIVATE KEY"]
    assert [secret for secret in secrets if secret in said] == []
    assert "\x1b" not in said
