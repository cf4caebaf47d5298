"""Spans from a request to the projections, where an exporter is set; nothing at all where none is."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import ASGIApp

from api.app import create_app
from api.platform import Platform
from infra import tracing
from tests.api.requests import COMMAND_ROUTE, call
from tests.e2e.program import wait_until

SCENARIO = {"name": "flat", "growth_per_year": 0.0, "seasonal_weight": 0.0}
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    found = InMemorySpanExporter()
    with tracing.exporting("test", found):
        yield found


@pytest.fixture
def app(platform: Platform) -> ASGIApp:
    made = create_app(platform)
    define(made, platform)  # what follows the log from its end has begun once it has passed this
    return made


def define(app: ASGIApp, platform: Platform, **headers: str) -> None:
    name = {"name": f"scenario {uuid4()}"}
    answer = call(
        app, "POST", "/v1/commands/define-scenario", token=platform.token, headers=headers, json=SCENARIO | name
    )
    assert answer.status_code == 201
    platform.wait_for(answer.json()["position"])


def finished(exporter: InMemorySpanExporter, *, until: int) -> dict[str, ReadableSpan]:
    """Spans by name, once there are so many: a batch's span ends just after its checkpoint."""
    wait_until(lambda: len(exporter.get_finished_spans()) >= until)
    return {span.name: span for span in exporter.get_finished_spans()}


def trace_of(span: ReadableSpan) -> str:
    return format(span.context.trace_id, "032x")


def test_one_trace_leads_from_the_callers_span_to_every_projection(
    app: ASGIApp, platform: Platform, exporter: InMemorySpanExporter
) -> None:
    define(app, platform, traceparent=TRACEPARENT)
    chain = [f"POST {COMMAND_ROUTE}", "command define-scenario", "append"]
    projected_by = [f"project {subscription.name}" for subscription in platform.subscriptions]
    spans = finished(exporter, until=len(chain) + len(projected_by))
    assert set(spans) == {*chain, *projected_by}
    assert {trace_of(span) for span in spans.values()} == {TRACEPARENT[3:35]}
    parents = [format(span.parent.span_id, "016x") if span.parent else "" for span in map(spans.__getitem__, chain)]
    ids = [format(spans[name].context.span_id, "016x") for name in chain]
    assert parents == [TRACEPARENT[36:52], *ids[:-1]]
    for name in projected_by:
        projected = spans[name]
        assert projected.parent is not None
        assert format(projected.parent.span_id, "016x") == ids[1]
        assert (projected.attributes or {})["carbon254.events"] == 1
        assert [format(link.context.span_id, "016x") for link in projected.links] == [ids[1]]
    assert (spans[chain[0]].attributes or {})["http.response.status_code"] == 201


def test_a_batch_of_several_requests_is_a_trace_of_its_own_that_links_to_them(
    app: ASGIApp, platform: Platform, exporter: InMemorySpanExporter
) -> None:
    before = platform.log.head()
    for _ in range(3):
        define(app, platform)
    events = platform.log.page(before)
    tracing.traced_batches("test", lambda _: None)(events)
    (span,) = (span for span in exporter.get_finished_spans() if span.name == "project test")
    assert span.parent is None
    assert len({link.context.trace_id for link in span.links}) == 3
    assert span.context.trace_id not in {link.context.trace_id for link in span.links}


def test_events_from_before_or_elsewhere_make_no_link(platform: Platform, app: ASGIApp) -> None:
    before = platform.log.head()
    define(app, platform)  # while no spans are made
    found = InMemorySpanExporter()
    with tracing.exporting("test", found):
        tracing.traced_batches("test", lambda _: None)(platform.log.page(before))
    (span,) = found.get_finished_spans()
    assert (span.parent, span.links) == (None, ())


def test_what_is_remembered_is_bounded(exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "MOST_REMEMBERED", 10)
    with tracing.span("outer"):
        for _ in range(100):
            tracing.remember(uuid4())
    assert tracing._active is not None
    assert len(tracing._active._spans) == 10


def test_an_error_marks_the_span(app: ASGIApp, platform: Platform, exporter: InMemorySpanExporter) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(platform.log), "head", lambda _: 1 // 0)
        assert call(app, "GET", "/readyz").status_code == 500
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.status.is_ok) == ("GET /readyz", False)


def test_the_trace_stands_on_log_lines(exporter: InMemorySpanExporter) -> None:
    assert tracing.trace_id() is None
    with tracing.span("work") as span:
        assert span is not None
        assert tracing.trace_id() == format(span.get_span_context().trace_id, "032x")


def test_without_an_exporter_no_sdk_is_imported_and_no_span_made(platform: Platform, app: ASGIApp) -> None:
    define(app, platform)
    with tracing.exporting("test"), tracing.span("work") as span:
        assert span is None
    script = (
        "import sys; from infra import tracing; import api.wiring, api.app\n"
        "with tracing.exporting('1'), tracing.span('x'): pass\n"
        "sys.exit(any(name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, env={"PYTHONPATH": "."}).returncode == 0


@pytest.mark.enable_socket
def test_spans_reach_a_collector(app: ASGIApp, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, ExportTraceServiceRequest]] = []

    class Collector(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        with tracing.exporting("1.2.3"):
            define(app, platform)
        server.shutdown()
        thread.join()
    assert {path for path, _ in received} == {"/v1/traces"}
    resources = [resource for _, request in received for resource in request.resource_spans]
    attributes = {a.key: a.value.string_value for a in resources[0].resource.attributes}
    assert (attributes["service.name"], attributes["service.version"]) == ("carbon254", "1.2.3")
    names = {span.name for resource in resources for scope in resource.scope_spans for span in scope.spans}
    assert {f"POST {COMMAND_ROUTE}", "command define-scenario", "append", "project relational"} <= names
