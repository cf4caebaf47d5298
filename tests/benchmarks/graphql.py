"""One node's month by GraphQL and by REST, on the same data in one process. Run: python -m tests.benchmarks.graphql"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.files import FIRST_DAY, machine
from tests.benchmarks.reads import fill

DAYS = 31
PRICES = DAYS * 24 - 5  # the first day begins at five in UTC
ROUNDS = 40
WARM_UP = 5
RATIO_TARGET = 3.0
CONNECTION_TARGET_MS = 80.0
NODES = ("AECI", "ALTE.ALTE", "AMIL.BGS6", "ARKANSAS.HUB", "MINN.HUB")

COLUMNS = """iso node nodeType feed market intervalStartUtc intervalEndUtc lmpUsdPerMwh energyUsdPerMwh
    congestionUsdPerMwh lossUsdPerMwh ghgUsdPerMwh vintage sourceVersion publishedAt recordedAt logPosition
    publicationId"""
SERIES = "query ($where: PriceWhere!) { priceSeries(where: $where) { rowCount %s } }"
ALL_COLUMNS = SERIES % COLUMNS
CHART_COLUMNS = SERIES % "intervalStartUtc lmpUsdPerMwh"
CONNECTION = """query ($where: PriceWhere!) { prices(where: $where, first: 1000) {
    edges { cursor node { intervalStartUtc lmpUsdPerMwh congestionUsdPerMwh lossUsdPerMwh } }
    pageInfo { hasNextPage endCursor } } }"""


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        rows = fill(home, Path(folder) / "files", DAYS)
        print(f"Workload: a data folder of {rows:,} prices; {PRICES} hourly prices of one node, answered as JSON,")
        print(f"in turn {ROUNDS} times each, in one process")
        ms = _timed(home)
    rest = ms["REST, all columns"]
    for name, median in ms.items():
        print(f"{name:34} median {median:6.1f} ms, {median / rest:.2f} times the REST read")
    print(f"Targets: priceSeries within {RATIO_TARGET} times, the connection below {CONNECTION_TARGET_MS:.0f} ms")
    missed = ms["priceSeries, all columns"] > RATIO_TARGET * rest or ms["Relay connection"] > CONNECTION_TARGET_MS
    sys.exit(1 if missed else 0)


def _timed(home: Path) -> dict[str, float]:
    from api.cli.connection import Connection
    from infra.settings import Settings

    with Connection.open(Settings(home=home, database_url=None)) as connection:

        def rest(where: dict[str, Any]) -> int:
            params = {"iso": "MISO", "start": where["start"], "end": where["end"], "node": where["nodes"][0]}
            return len(connection.run(connection.request("GET", "/v1/prices", params=params)).json())

        def asked(query: str) -> Callable[[dict[str, Any]], int]:
            def ask(where: dict[str, Any]) -> int:
                body = {"query": query, "variables": {"where": where}}
                answer = connection.run(connection.request("POST", "/graphql", json=body)).json()
                if "errors" in answer:
                    sys.exit(f"{answer['errors']}")
                (found,) = answer["data"].values()
                return len(found["edges"]) if "edges" in found else sum(series["rowCount"] for series in found)

            return ask

        ways: dict[str, Callable[[dict[str, Any]], int]] = {
            "REST, all columns": rest,
            "priceSeries, all columns": asked(ALL_COLUMNS),
            "priceSeries, two columns": asked(CHART_COLUMNS),
            "Relay connection": asked(CONNECTION),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        end = f"{FIRST_DAY.replace(month=4)}"
        for turn in range(WARM_UP + ROUNDS):
            where = {"iso": "MISO", "nodes": [NODES[turn % len(NODES)]], "start": f"{FIRST_DAY}", "end": end}
            for name, way in ways.items():
                started = time.perf_counter()
                count = way(where)
                taken[name].append(1000 * (time.perf_counter() - started))
                if count != PRICES:
                    sys.exit(f"{name}: {count} prices of a month")
    return {name: statistics.median(times[WARM_UP:]) for name, times in taken.items()}


if __name__ == "__main__":
    main()
