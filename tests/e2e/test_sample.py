"""`make run` on an empty folder: the main job on sample data, once; the next start goes on from there."""

from __future__ import annotations

import re

import pytest

from tests.e2e.program import Program

ISOS = ("MISO", "CAISO", "PJM", "ERCOT")


@pytest.mark.enable_socket
def test_the_first_start_shows_the_main_job_and_the_second_goes_on(program: Program) -> None:
    with program.serve("--sample") as first:
        shown = first.said()
        steps = [shown.index(step) for step in (
            "Sample files of four ISOs", "Ingest", "Hub, quotes, scenario", "Forward curve to December 2050",
            "Price a PPA", "What this NPV rests on", "Serving http",
        )]  # fmt: skip
        assert steps == sorted(steps)
        for said in ("NPV, mean of paths", "raw bytes: da_hrl_lmps.csv", "Recomputed from the recorded inputs: equal."):
            assert said in shown
        assert re.search(rf"curl -s -H .*token.* {re.escape(first.address)}/v1/", shown)
        listed = {iso: first.get("/v1/publications", iso=iso)["items"] for iso in ISOS}
        assert all(listed.values())
        assert {each["status"] for found in listed.values() for each in found} == {"ingested"}
        head = first.get("/v1/projections")["head"]
        assert first.stop() == 0
    assert [path.name for path in program.temporary.iterdir() if path.name.startswith("carbon254-sample-")] == []

    with program.serve("--sample") as second:
        assert "Sample files" not in second.said()
        assert second.get("/v1/projections")["head"] == head
        [curve] = second.get("/v1/curves")["items"]
        assert second.get(f"/v1/curves/{curve['id']}")["points"][-1]["delivery_month"].startswith("2050-12")
