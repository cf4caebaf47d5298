"""A platform with a small market in it, for tests of what is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx2
import pytest

from api.app import create_app
from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.platform import Platform
from tests.e2e.market_files import write_miso

DAY = date(2026, 3, 10)
NODES = ("ARKANSAS.HUB", "INDIANA.HUB", "MICHIGAN.HUB")
HUBS = ("IND", "MICH", "ARK")
SCENARIOS = ("base", "high", "=low")

Get = Callable[..., httpx2.Response]


@pytest.fixture(scope="module")
def market(platform: Platform, api: Connection, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two publications, three hubs with quotes, three scenarios (one revised), curves, a contract and valuations.

    Answers what the commands answered: `curve`, `ppa`, `valuation`, `scenario`, `quotes`.
    """
    folder = tmp_path_factory.mktemp("market")
    for report in ("rt_lmp_final", "da_expost_lmp"):
        write_miso(folder, report, {node: [20 + i] * 24 for i, node in enumerate(NODES)}, DAY)
    ingest_paths(api, [folder])
    lines = ["hub,product,price_usd_per_mwh,source,quoted_at"]
    for hub, node in zip(HUBS, reversed(NODES), strict=True):
        body = {"name": hub, "iso": "MISO", "node": node, "node_type": "Hub", "market": "DA", "time_zone": "Etc/GMT+5"}
        api.command("register-instrument", body)
        lines += [
            f"{hub},CAL-{year},{40 + year - 2027},broker,2026-03-1{i}T12:00:00Z" for i, year in enumerate((2027, 2028))
        ]
    answers = {"quotes": api.command("record-quotes", {"object": api.upload("\n".join(lines).encode())})}
    for i, name in enumerate(SCENARIOS):
        api.command("define-scenario", {"name": name, "growth_per_year": i / 100})
    answers["scenario"] = api.command("revise-scenario", {"name": "base", "growth_per_year": 0.05})
    for hub in HUBS:
        answers["curve"] = api.command("build-curve", {"hub": hub, "scenario": "base"})
    contract = {
        "name": "Wind", "hub": HUBS[-1], "side": "buy", "power_mw": 10, "fixed_price_usd_per_mwh": 35,
        "start": "2027-01", "end": "2027-12", "discount_rate_per_year": 0.07,
    }  # fmt: skip
    answers["ppa"] = api.command("register-ppa", contract)
    for seed in range(3):
        priced = {"ppa_id": answers["ppa"]["id"], "curve_id": answers["curve"]["id"], "paths": 10, "seed": seed}
        answers["valuation"] = api.command("price-ppa", priced)
    api.get("/v1/projections")  # waits until everything is readable
    return answers


@pytest.fixture(scope="module")
def get(platform: Platform) -> Get:
    """Sends a request with the token, and answers whatever comes, problems too."""
    app = create_app(platform)

    def send(
        path: str, *, method: str = "GET", headers: dict[str, str] | None = None, **options: Any
    ) -> httpx2.Response:
        async def call() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                authorization = {"Authorization": f"Bearer {platform.token}"}
                return await client.request(method, path, headers=authorization | (headers or {}), **options)

        return asyncio.run(call())

    return send
