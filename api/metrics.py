"""`GET /metrics`: what this process counts, and what the log and the read models say at the moment of asking."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.platform import Platform
from api.projection_lags import projection_lags
from api.rest.dependencies import PlatformOf, needs
from commands.permissions import Permission
from infra.metrics import REGISTRY
from queries.operations import publication_counts

router = APIRouter(tags=["operations"])


@router.get("/metrics", operation_id="metrics", dependencies=[needs(Permission.OPERATE)], response_class=Response)
def metrics(platform: PlatformOf) -> Response:
    """Metrics in Prometheus' text format."""
    state = CollectorRegistry()
    state.register(PlatformState(platform))
    return Response(generate_latest(REGISTRY) + generate_latest(state), media_type=CONTENT_TYPE_LATEST)


class PlatformState(Collector):
    """Gauges over the stores of one platform, read anew at each scrape."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def describe(self) -> list[Metric]:
        return []  # the registry would else collect once to learn the names

    def collect(self) -> Iterator[Metric]:
        head = self._platform.log.head()
        yield _gauge("carbon254_log_head", "Position of the newest event.", head)
        newest = self._platform.seals.newest()
        unsealed = self._platform.log.count(head) - (newest.seal.last_ordinal if newest else 0)
        yield _gauge("carbon254_seal_lag_events", "Newest events that no seal holds yet.", max(0, unsealed))
        yield from self._projections()
        yield from self._subscriptions()
        yield from self._worker()
        yield from self._publications()

    def _projections(self) -> Iterator[Metric]:
        position = _labelled("carbon254_projection_position", "How far a read model has come.", "projection")
        events = _labelled("carbon254_projection_lag_events", "Events that a read model has not seen.", "projection")
        seconds = _labelled(
            "carbon254_projection_lag_seconds", "Age of the oldest event that a read model has not seen.", "projection"
        )
        dead = _labelled("carbon254_projection_dead_letters", "Events that a read model has set aside.", "projection")
        for lag in projection_lags(self._platform):
            position.add_metric([lag.name], lag.position)
            events.add_metric([lag.name], lag.lag)
            seconds.add_metric([lag.name], lag.lag_s)
            dead.add_metric([lag.name], lag.dead_letters)
        yield from (position, events, seconds, dead)

    def _subscriptions(self) -> Iterator[Metric]:
        up = _labelled("carbon254_subscription_up", "1 while its thread runs and its batches succeed.", "subscription")
        platform = self._platform
        others = (each for each in (platform.publisher, platform.curve_keeper) if each)
        for subscription in (*platform.subscriptions, *others):
            up.add_metric([subscription.name], subscription.trouble is None)
        if worker := platform.worker:
            up.add_metric([worker.name], worker.trouble is None)
        yield up

    def _worker(self) -> Iterator[Metric]:
        lag = _labelled(
            "carbon254_worker_lag_messages", "Messages of its topics, or events of the log, that wait.", "group"
        )
        handled = CounterMetricFamily(
            "carbon254_worker_messages", "Messages or events that it has handled since its start.", labels=["group"]
        )
        if worker := self._platform.worker:
            lag.add_metric([worker.name], worker.lag)
            handled.add_metric([worker.name], worker.handled)
        yield from (lag, handled)

    def _publications(self) -> Iterator[Metric]:
        count = _labelled("carbon254_publications", "Publications as they stand.", "iso", "status")
        rows = _labelled("carbon254_publication_rows", "Rows of the publications as they stand.", "iso", "status")
        for found in publication_counts(self._platform.view):
            count.add_metric([found["iso"], found["status"]], found["publications"])
            rows.add_metric([found["iso"], found["status"]], found["rows"])
        yield from (count, rows)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def _labelled(name: str, meaning: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=labels)
