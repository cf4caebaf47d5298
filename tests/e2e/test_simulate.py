"""Simulated markets end to end: one program plays the operators, another fetches them, and prices can be queried."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Program, Server, wait_until

pytestmark = pytest.mark.enable_socket

FEEDS = {
    "MISO": "miso/rt_five_min_lmp",
    "CAISO": "caiso/prc_intvl_lmp",
    "PJM": "pjm/rt_unverified_fivemin_lmps",
    "ERCOT": "ercot/sced_lmp",
}
HUBS = {"MISO": "INDIANA.HUB", "CAISO": "TH_SP15_GEN-APND", "PJM": "WESTERN HUB", "ERCOT": "HB_HOUSTON"}


def fresh_prices(server: Server, iso: str) -> list[dict[str, str]]:
    """The hub's five-minute prices of the last 75 minutes."""
    now = datetime.now(UTC)
    stretch = (f"{now - timedelta(minutes=75):%Y-%m-%dT%H:%M:%SZ}", f"{now:%Y-%m-%dT%H:%M:%SZ}")
    return server.prices(iso, *stretch, node=HUBS[iso], market="RT5")


def test_a_platform_that_is_pointed_at_the_simulator_has_the_prices_of_four_operators(tmp_path: Path) -> None:
    simulator = Program(tmp_path / "simulator").start(
        "simulate", "--port", 0, "--json", "--faults", "too_many:miso-public-api/*"
    )
    try:
        assert simulator.stdout is not None
        said: dict[str, Any] = json.loads(simulator.stdout.readline())
        program = Program(
            tmp_path / "home",
            CARBON254_SOURCES=json.dumps(said["sources"]),
            CARBON254_SOURCE_KEYS=json.dumps(said["source_keys"]),
        )
        with program.serve(*(word for feed in FEEDS.values() for word in ("--poll", feed))) as server:
            wait_until(lambda: all(fresh_prices(server, iso) for iso in FEEDS))
            for feed in FEEDS.values():
                shown = server.get(f"/v1/feeds/{feed}")
                assert shown["asked_at"] == said["sources"][shown["source"]]
                assert "/simulated/" in shown["fetches"][0]["asked_at"], "kept with what was fetched"
            assert server.stop() == 0
        simulator.send_signal(signal.SIGINT)
        out, err = simulator.communicate(timeout=120)
        assert simulator.returncode == 0
        assert [fault["kind"] for fault in json.loads(out)["faults"]] == ["too_many"]
        assert "1 fault was injected" in err
    finally:
        if simulator.poll() is None:
            simulator.kill()
            simulator.communicate()


def test_a_server_with_simulated_markets_shows_their_prices_and_mixes_them_with_no_others(program: Program) -> None:
    with program.serve("--simulated") as server:
        wait_until(lambda: all(f"{iso} {hub} " in server.said() for iso, hub in HUBS.items()))
        assert "no price here is real" in server.said()
        newest = {iso: fresh_prices(server, iso) for iso in HUBS}
        assert all(newest.values())
        assert server.stop() == 0
        assert "Traceback" not in server.said()
    refused = program.run("feeds", "run", "miso/fuel_mix", code=1)
    assert "holds simulated markets" in refused.stderr


def test_simulated_markets_are_kept_out_of_a_folder_with_other_data(program: Program) -> None:
    program.run("publications", "list")
    with program.serve("--simulated") as server:
        assert "no simulated market is mixed with it" in server.said()
        assert {feed["asked_at"].startswith("https://") for feed in server.get("/v1/feeds")["items"]} == {True}
