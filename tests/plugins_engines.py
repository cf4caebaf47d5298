"""Which engines a test needs or uses, and a table at the end of what it all ran on.

`@pytest.mark.needs_engine(NAME…)` skips a test, with the reason, where `python -m tests.services run` did not start
those. `@pytest.mark.uses_engine(NAME…)` only counts it; fixtures that lead to an engine count by themselves.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections import Counter

import pytest

VARIABLES = {
    "postgres": "TEST_POSTGRES_DSN",
    "clickhouse": "TEST_CLICKHOUSE_DSN",
    "minio": "TEST_OBJECTS",
    "kafka": "TEST_KAFKA",
    "redis": "TEST_REDIS",
    "keycloak": "TEST_OIDC_ISSUER",
}
_FIXTURES = {
    "postgres_dsn": "postgres",
    "clickhouse": "clickhouse",
    "kurrent_uri": "eventstoredb",
    "kafka_servers": "kafka",
    "kafka_program": "kafka",
    "redis_url": "redis",
    "redis_program": "redis",
}
_INSTEAD = {"postgres": "the embedded one instead", "clickhouse": "the embedded one instead"}
_EMBEDDED = "none of them"
_WIDEST_KIND = 150
_KINDS: dict[str, str] = json.loads(os.environ.get("TEST_ENGINES") or "{}")
_ran: Counter[str] = Counter()
_skipped: Counter[str] = Counter()


def why_missing(engine: str) -> str:
    """What to tell where a test cannot have an engine."""
    kind = _KINDS.get(engine, "")
    return f"{engine}: {kind}" if kind.startswith("missing") else f"no {engine}: {VARIABLES[engine]} is not set"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    needed = _named(item, "needs_engine")
    engines = needed | _named(item, "uses_engine")
    engines |= {engine for name, engine in _FIXTURES.items() if name in getattr(item, "fixturenames", ())}
    item.user_properties += [("engine", engine) for engine in sorted(engines or {_EMBEDDED})]
    for engine in sorted(needed):
        if VARIABLES[engine] not in os.environ:
            pytest.skip(why_missing(engine))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    engines = [str(value) for name, value in report.user_properties if name == "engine"]
    if report.skipped:
        _skipped.update(engines)
    elif report.when == "call":
        _ran.update(engines)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _KINDS:
        return
    kinds = _KINDS | {"eventstoredb": _eventstoredb(), _EMBEDDED: "what is embedded alone"}
    terminalreporter.section("engines")
    terminalreporter.write_line(f"{'engine':14}{'tests run':>10}{'skipped':>9}  kind")
    for engine, kind in kinds.items():
        first_line = textwrap.shorten(kind, _WIDEST_KIND)
        instead = f" ({_INSTEAD[engine]})" if kind.startswith("missing") and engine in _INSTEAD else ""
        terminalreporter.write_line(f"{engine:14}{_ran[engine]:10,}{_skipped[engine]:9,}  {first_line}{instead}")


def _named(item: pytest.Item, marker: str) -> set[str]:
    return {engine for mark in item.iter_markers(marker) for engine in mark.args}


def _eventstoredb() -> str:
    is_given = "TEST_EVENTSTOREDB_URI" in os.environ
    return "real" if is_given else "stand-in for a server of EventStoreDB (the client and gRPC are real)"
