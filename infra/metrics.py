"""What this process counts, in a registry of its own. What the stores know is asked of them when somebody scrapes.

Counters belong to the process and not to a platform: they start at nought with it, as Prometheus expects.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

# A series of its own for the birth of each series would double their number for nothing.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# Seconds; a read should take less than 0.3, an upload or a rebuild may take minutes.
_LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0)

REQUESTS = Counter("carbon254_http_requests", "Requests answered.", ("route", "method", "status"), registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "carbon254_http_request_duration_seconds",
    "From the first byte of a request to the last of its answer.",
    ("route", "method", "status"),
    buckets=_LATENCY_BUCKETS_S,
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("carbon254_http_requests_in_flight", "Requests being answered now.", registry=REGISTRY)
RATE_LIMITED = Counter("carbon254_http_rate_limited", "Requests answered with 429.", ("limit",), registry=REGISTRY)
CACHED_READS = Counter(
    "carbon254_cached_reads",
    "Reads of what is cached: answered from it (hit), as known already (not_modified), or made anew (miss).",
    ("route", "outcome"),
    registry=REGISTRY,
)
CACHE_FAILURES = Counter(
    "carbon254_cache_failures", "Times that Redis was asked and did not answer.", registry=REGISTRY
)
EVENTS_APPENDED = Counter(
    "carbon254_events_appended", "Events that this process appended to the log.", ("event",), registry=REGISTRY
)
OBJECT_BYTES = Counter(
    "carbon254_object_stored_bytes", "Bytes of new objects that this process stored.", ("bucket",), registry=REGISTRY
)
PARSE_SECONDS = Histogram(
    "carbon254_parse_duration_seconds",
    "Time to read one publication's rows.",
    ("outcome",),
    buckets=_LATENCY_BUCKETS_S,
    registry=REGISTRY,
)
