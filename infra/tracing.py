"""OpenTelemetry spans from a request to the projections, where an exporter is set; else nothing is even imported.

A command is handled in one thread and projected in others, later and in batches. What ties them together is a bounded
memory from command id to span, filled before the append, so that no projection can be quicker; nothing of it enters an
event. A batch whose events all belong to one trace is a span of that trace; any other is a trace of its own with links.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, SpanContext, Tracer

    from infra.event_mapper import RecordedEvent

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
MOST_REMEMBERED = 10_000
MOST_LINKS = 128
FLUSH_PATIENCE_MS = 3000

Attribute = str | int | float | bool
_OFF: AbstractContextManager[None] = nullcontext()


class _Tracing:
    """What there is while spans are made: the tracer, and which span each of the newest commands belongs to."""

    def __init__(self, tracer: Tracer) -> None:
        self.tracer = tracer
        self._spans: OrderedDict[UUID, SpanContext] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, command_id: UUID, span: SpanContext) -> None:
        with self._lock:
            self._spans[command_id] = span
            if len(self._spans) > MOST_REMEMBERED:
                self._spans.popitem(last=False)

    def spans_of(self, events: Sequence[RecordedEvent]) -> list[SpanContext]:
        """The spans behind a batch, each once, in the order of its events."""
        with self._lock:
            ids = dict.fromkeys(event.metadata.command_id for event in events)
            return [self._spans[command_id] for command_id in ids if command_id in self._spans]


_active: _Tracing | None = None


@contextmanager
def exporting(version: str, exporter: SpanExporter | None = None) -> Iterator[None]:
    """Within it spans are made, where an endpoint is set (OTEL_EXPORTER_OTLP_ENDPOINT) or an exporter is given."""
    global _active
    if exporter is None and not any(os.environ.get(name) for name in ENDPOINTS):
        yield
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    # The SDK's own variables (OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, ...) are heeded by it.
    name = os.environ.get("OTEL_SERVICE_NAME") or "carbon254"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": version}))
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _active = _Tracing(provider.get_tracer("carbon254", version))
    try:
        yield
    finally:
        _active = None
        provider.force_flush(FLUSH_PATIENCE_MS)
        provider.shutdown()


def span(name: str, **attributes: Attribute) -> AbstractContextManager[Span | None]:
    """A span below the one at hand."""
    if _active is None:
        return _OFF
    return _active.tracer.start_as_current_span(name, attributes=attributes)


def request_span(method: str, headers: Mapping[str, str]) -> AbstractContextManager[Span | None]:
    """The span of a request, below the caller's where `headers` hold a `traceparent`."""
    if _active is None:
        return _OFF
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    caller = TraceContextTextMapPropagator().extract(headers)
    return _active.tracer.start_as_current_span(
        method, context=caller, kind=SpanKind.SERVER, attributes={"http.request.method": method}
    )


def end_request(span: Span | None, method: str, route: str, status: int) -> None:
    """Names the request's span by its route, which is known only after it was handled."""
    if span is None:
        return
    from opentelemetry.trace import Status, StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def remember(command_id: UUID) -> None:
    """The span at hand is the one that the events of this command belong to. Call it before they are appended."""
    if _active is None:
        return
    from opentelemetry.trace import get_current_span

    current = get_current_span().get_span_context()
    if current.is_valid:
        _active.remember(command_id, current)


def trace_id() -> str | None:
    """The trace at hand as 32 hexadecimal digits, null where none is made."""
    if _active is None:
        return None
    from opentelemetry.trace import get_current_span

    current = get_current_span().get_span_context()
    return format(current.trace_id, "032x") if current.is_valid else None


def traced_batches(
    projection: str, handle: Callable[[Sequence[RecordedEvent]], None]
) -> Callable[[Sequence[RecordedEvent]], None]:
    """`handle`, each call of which is a span that belongs to, or links to, the requests that made its events."""

    def handle_traced(events: Sequence[RecordedEvent]) -> None:
        with _batch_span(projection, events):
            handle(events)

    return handle_traced


def _batch_span(projection: str, events: Sequence[RecordedEvent]) -> AbstractContextManager[Span | None]:
    if _active is None or not events:
        return _OFF
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, NonRecordingSpan, set_span_in_context

    origins = _active.spans_of(events)
    parent = Context()
    if len({origin.trace_id for origin in origins}) == 1:
        parent = set_span_in_context(NonRecordingSpan(origins[0]), parent)
    return _active.tracer.start_as_current_span(
        f"project {projection}",
        context=parent,
        links=[Link(origin) for origin in origins[:MOST_LINKS]],
        attributes={
            "carbon254.projection": projection,
            "carbon254.events": len(events),
            "carbon254.first_position": events[0].position,
            "carbon254.last_position": events[-1].position,
        },
    )
