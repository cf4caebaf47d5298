"""The server of the simulated operators: whole over HTTP what the exchange answers, and a few words of its own."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2
import pytest

from infra.errors import PlatformError
from integrations.isos.simulator.server import SimulatorServer
from tests.integrations_simulator.markets import SteppedClock, world

pytestmark = pytest.mark.enable_socket

NOON = datetime(2026, 6, 15, 17, 1, tzinfo=UTC)
REPORT = "20260615_da_expost_lmp.csv"


def test_it_serves_files_their_validators_and_its_own_state() -> None:
    exchange = world(SteppedClock(NOON), "unavailable:miso-public-api/*")
    with SimulatorServer(exchange) as server, httpx2.Client() as client:
        assert server.base_urls["miso-reports"] == f"{server.address}/simulated/miso-reports"
        assert server.source_keys == {"pjm_data_miner": "simulated-member"}
        url = f"{server.base_urls['miso-reports']}/{REPORT}"
        whole = client.get(url)
        assert (whole.status_code, whole.headers["content-type"]) == (200, "text/csv")
        assert whole.content == exchange.reply("miso-reports", REPORT, {}, {}).content
        known = client.get(url, headers={"If-None-Match": whole.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        head = client.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(whole.content)))
        page = client.get(
            f"{server.base_urls['pjm_data_miner']}/da_hrl_lmps",
            params={"rowCount": "2", "startRow": "1", "datetime_beginning_ept": "06/15/2026 00:00to06/15/2026 23:59"},
            headers=[("Ocp-Apim-Subscription-Key", "k")],
        )
        assert len(page.json()["items"]) == 2
        assert client.post(url).status_code == 405
        assert client.get(server.address + "/simulated/nyiso/x").status_code == 404
        assert client.get(server.address + "/elsewhere").status_code == 404
        assert client.get(server.address + "/clock").json() == {"now_utc": "2026-06-15T17:01:00+00:00", "speed": 1.0}
        assert client.get(server.base_urls["miso-public-api"] + "/FuelMix").status_code == 503
        (fault,) = client.get(server.address + "/faults").json()
        assert fault == {
            "at_utc": "2026-06-15T17:01:00+00:00", "source": "miso-public-api", "request": "FuelMix",
            "kind": "unavailable",
        }  # fmt: skip


def test_a_port_that_is_taken_is_named() -> None:
    exchange = world(SteppedClock(NOON))
    with SimulatorServer(exchange) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(PlatformError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            SimulatorServer(exchange, port)
