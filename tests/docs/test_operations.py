"""The tables of metrics, log fields and limits say what the code says."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.metrics import MetricWrapperBase

from api import connections, limits
from api.app import create_app
from api.metrics import PlatformState
from api.platform import Platform
from api.rest.operations import LONGEST_LAG_S
from commands import reading_processes, uploads
from infra import logs, metrics, tracing
from infra.metrics import REGISTRY
from infra.settings import Settings
from integrations.isos import archives, documents
from tests.api.requests import call

DOCS = Path(__file__).parents[2] / "docs"
OBSERVABILITY = (DOCS / "operations" / "observability.md").read_text()
LIMITS = (DOCS / "limits.md").read_text()
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1, "": 1}


def test_the_table_of_metrics_is_complete(platform: Platform) -> None:
    listed = {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in re.findall(
            r"^\| `(carbon254_\w+)` \| (\w+) \| (.*?) ?\|", OBSERVABILITY, re.MULTILINE
        )
    }
    families = [f for f in (*REGISTRY.collect(), *PlatformState(platform).collect()) if f.name.startswith("carbon254_")]
    assert {exposed_name(family): family.type for family in families} == {n: kind for n, (kind, _) in listed.items()}
    for collector in vars(metrics).values():
        if isinstance(collector, MetricWrapperBase):
            found = listed.get(collector._name) or listed[f"{collector._name}_total"]
            assert found[1] == frozenset(collector._labelnames), collector._name
    for family in PlatformState(platform).collect():
        for sample in family.samples:
            assert listed[family.name][1] == frozenset(sample.labels), family.name


def exposed_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def test_the_table_of_log_fields_is_complete(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = set(re.findall(r"^\| `(\w+)` \|", OBSERVABILITY.split("## Probes")[0], re.MULTILINE))
    root, requests = logging.getLogger(), logging.getLogger("carbon254.requests")
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    monkeypatch.setattr(requests, "level", logging.INFO)
    monkeypatch.setattr(tracing, "trace_id", lambda: "0" * 32)
    sink = io.StringIO()
    logs.configure(sink)
    app = create_app(platform)
    call(app, "GET", "/v1/curves", token=platform.token)
    call(app, "GET", "/v1/curves")
    monkeypatch.setattr(type(platform.log), "head", lambda _: 1 // 0)
    call(app, "GET", "/readyz")
    logging.captureWarnings(False)
    said = {name for line in sink.getvalue().splitlines() for name in json.loads(line)}
    assert said == listed - {"broken_off"}


def test_the_limits_are_those_of_the_code() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    rows = re.findall(
        r"^\| (.+?) \| ([\d,]+) ?(\w*) \| .*?\| `(\w+)\.(\w+)(?:\[\"(\w+)\"\])?` \|$", LIMITS, re.MULTILINE
    )
    modules = {
        m.__name__.rpartition(".")[2]: vars(m)
        for m in (limits, connections, archives, documents, reading_processes, uploads)
    }
    modules["settings"] = defaults
    named: set[tuple[str, str]] = set()
    for what, number, unit, module, name, key in rows:
        value = modules[module][name]
        named.add((module, name))
        assert int(number.replace(",", "")) * UNITS[unit] == (value[key] if key else value), what
    kinds = {key for *_, key in rows if key}
    assert kinds == set(limits.LARGEST_BODY_BYTES)
    written = {
        (module, name)
        for module, pattern in (("limits", r"[A-Z_]+"), ("archives", r"(MAX|FREE)_[A-Z]+"))
        for name, value in modules[module].items()
        if re.fullmatch(pattern, name) and isinstance(value, int | float | dict)
    }
    inner = {("limits", name) for name in ("KIB", "MIB", "GIB", "SHUTDOWN_PATIENCE_S")}
    assert written - inner <= named, "a limit that the page does not tell"


def test_other_numbers_of_the_pages() -> None:
    assert f"more than {LONGEST_LAG_S} s behind" in OBSERVABILITY
    assert f"up to {tracing.MOST_LINKS} requests" in OBSERVABILITY
    assert f"newest {tracing.MOST_REMEMBERED:,} commands" in OBSERVABILITY
    heavy = LIMITS.split("Heavy reads are ")[1].split(".")[0].replace(" and ", ", ").lower().split(", ")
    assert heavy == [path.rpartition("/")[2] for path in limits.HEAVY_READS]
