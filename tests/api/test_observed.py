"""Every request has a correlation id, one log line, its figures and safe headers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

from api.app import create_app
from api.middleware.headers import HEADERS
from api.middleware.observed import masked_path
from api.platform import LOCAL_ACTOR, LOCAL_TENANT, Platform
from api.projection_lags import ProjectionLag
from infra.subscriptions import Subscription
from tests.api.requests import COMMAND_ROUTE, call

SCENARIO = {"name": "flat", "growth_per_year": 0.0, "seasonal_weight": 0.0}
LOGGER = logging.getLogger("carbon254.requests")


@pytest.fixture(scope="module")
def app(platform: Platform) -> ASGIApp:
    return create_app(platform)


@contextmanager
def request_lines() -> Iterator[list[logging.LogRecord]]:
    found: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = found.append  # type: ignore[method-assign, assignment]
    level = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    try:
        yield found
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)


def test_a_correlation_id_is_kept_through_answer_problem_and_event(platform: Platform, app: ASGIApp) -> None:
    given = {"X-Correlation-Id": str(uuid4())}
    done = call(app, "POST", "/v1/commands/define-scenario", token=platform.token, headers=given, json=SCENARIO)
    assert done.headers["x-correlation-id"] == given["X-Correlation-Id"]
    event = platform.log.page(done.json()["position"] - 1, 1)[0]
    assert str(event.metadata.correlation_id) == given["X-Correlation-Id"]
    for path, token in (("/v1/nothing", platform.token), ("/v1/curves", ""), ("/v1/curves?x=1", platform.token)):
        refused = call(app, "GET", path, token=token, headers=given)
        assert refused.json()["correlation_id"] == refused.headers["x-correlation-id"] == given["X-Correlation-Id"]


@pytest.mark.parametrize("given", [None, "", "x", "1\r\nSet-Cookie: a=b", "0" * 31])
def test_one_is_made_where_none_or_no_uuid_is_given(platform: Platform, app: ASGIApp, given: str | None) -> None:
    headers = {} if given is None else {"X-Correlation-Id": given}
    answers = [call(app, "GET", "/livez", headers=headers) for _ in range(2)]
    made = {UUID(answer.headers["x-correlation-id"]) for answer in answers}
    assert len(made) == 2
    done = call(
        app, "POST", "/v1/commands/define-scenario", token=platform.token, json=SCENARIO | {"name": f"s{given!r:.3}"}
    )
    event = platform.log.page(done.json()["position"] - 1, 1)[0]
    assert str(event.metadata.correlation_id) == done.headers["x-correlation-id"]


def test_one_line_a_request_says_who_what_and_how_long(platform: Platform, app: ASGIApp) -> None:
    missing = f"/v1/ppas/{uuid4()}"
    with request_lines() as lines:
        answer = call(app, "GET", missing, token=platform.token)
    (line,) = lines
    said: dict[str, Any] = line.__dict__
    assert said["duration_ms"] > 0
    assert {name: said[name] for name in ("method", "route", "status", "bytes", "actor", "tenant")} == {
        "method": "GET", "route": "/v1/ppas/{ppa_id}", "status": 404, "bytes": len(answer.content),
        "actor": LOCAL_ACTOR, "tenant": LOCAL_TENANT,
    }  # fmt: skip


def test_failed_authentication_is_logged_without_what_was_tried(platform: Platform, app: ASGIApp) -> None:
    with request_lines() as lines:
        call(app, "GET", f"/v1/ppas/{uuid4()}?token=hidden-one", token="wrong-s3cr3t")
    (line,) = lines
    assert (line.levelname, line.status, line.route) == ("WARNING", 401, "/v1/ppas/{}")  # type: ignore[attr-defined]
    assert (line.client, line.actor) == ("127.0.0.1", None)  # type: ignore[attr-defined]
    assert line.reason  # type: ignore[attr-defined]
    assert [part for part in ("s3cr3t", "hidden-one", platform.token) if part in str(line.__dict__)] == []


def test_a_path_is_masked_where_no_route_is_known() -> None:
    assert masked_path("/v1/ppas/8f14e45f-ceea-467f-a3b1-d1b2a5c0f0aa/x") == "/v1/ppas/{}/x"
    assert masked_path("/%0aevil/\n/Secret9") == "/{}/{}/{}"
    assert masked_path("/a" * 100).count("/") == 8


def figures(platform: Platform, app: ASGIApp) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = call(app, "GET", "/metrics", token=platform.token)
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_the_figures_follow_what_happens(platform: Platform, app: ASGIApp) -> None:
    before = figures(platform, app)
    name = {"name": f"scenario {uuid4()}"}
    for _ in range(2):
        done = call(app, "POST", "/v1/commands/define-scenario", token=platform.token, json=SCENARIO | name)
        name = {"name": f"scenario {uuid4()}"}
    platform.settled_position()
    after = figures(platform, app)

    def grown(name: str, **labels: str) -> float:
        key = labelled(name, **labels)
        return after[key] - before.get(key, 0.0)

    route = {"route": COMMAND_ROUTE, "method": "POST", "status": "201"}
    assert grown("carbon254_http_requests_total", **route) == 2
    assert grown("carbon254_http_request_duration_seconds_count", **route) == 2
    assert grown("carbon254_events_appended_total", event="scenario.defined") == 2
    assert after[labelled("carbon254_log_head")] == done.json()["position"]
    assert after[labelled("carbon254_http_requests_in_flight")] == 1
    for projection in ("scenarios", "prices", "audit"):
        assert after[labelled("carbon254_projection_position", projection=projection)] == done.json()["position"]
        assert after[labelled("carbon254_projection_lag_events", projection=projection)] == 0
        assert after[labelled("carbon254_projection_lag_seconds", projection=projection)] == 0
        assert after[labelled("carbon254_projection_dead_letters", projection=projection)] == 0
    assert after[labelled("carbon254_subscription_up", subscription="relational")] == 1
    assert after[labelled("process_resident_memory_bytes")] > 1e6


def test_no_label_is_made_of_what_a_caller_writes(platform: Platform, app: ASGIApp) -> None:
    for path in ("/v1/evil-path", f"/v1/curves/{uuid4()}", "/static-offline-docs/evil-file"):
        call(app, "GET", path, token=platform.token)
    call(app, "EVIL", "/v1/curves", token=platform.token)
    text = call(app, "GET", "/metrics", token=platform.token).text
    assert "evil" not in text.lower()
    assert 'method="OTHER"' in text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/curves", 200), ("GET", "/v1/curves", 401), ("GET", "/v1/nothing", 404), ("GET", "/livez", 200),
        ("DELETE", "/v1/curves", 405), ("GET", "/openapi.json", 200), ("GET", "/docs", 200), ("GET", "/metrics", 200),
        ("GET", "/static-offline-docs/swagger-ui.css", 200), ("POST", "/v1/commands/define-scenario", 422),
    ],
)  # fmt: skip
def test_every_answer_has_the_safe_headers(
    platform: Platform, app: ASGIApp, method: str, path: str, status: int
) -> None:
    body = {"name": 1} if method == "POST" else None
    answer = call(app, method, path, token="" if status == 401 else platform.token, json=body)
    assert answer.status_code == status
    assert {name for name in HEADERS if name not in answer.headers} <= (
        {"cache-control"} if path.startswith("/static") else set()
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    kept = "private, no-cache" if (path, status) == ("/v1/curves", 200) else "no-store"
    assert answer.headers.get("cache-control") == (None if path.startswith("/static") else kept)


def test_the_documentation_page_may_run_its_own_script_and_no_other(app: ASGIApp) -> None:
    answer = call(app, "GET", "/docs")
    policy = answer.headers["content-security-policy"]
    assert policy.count("'sha256-") == answer.text.count("<script>") == 1
    assert "unsafe" not in policy.split("script-src")[1].split(";")[0]
    assert "http" not in answer.text.split("<script")[1].split(">")[0], "the script is ours, from this server"


class TestReadiness:
    def test_it_is_ready(self, platform: Platform, app: ASGIApp) -> None:
        platform.settled_position()
        said = {"status": "ready", "position": platform.log.head(), "dead_letters": {}, "cache_trouble": None}
        assert call(app, "GET", "/readyz").json() == said

    def test_a_read_model_that_fails(self, platform: Platform, app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
        trouble = property(lambda self: "ValueError: x" if self.name == "relational" else None)
        monkeypatch.setattr(Subscription, "trouble", trouble)
        answer = call(app, "GET", "/readyz")
        assert (answer.status_code, answer.json()["title"]) == (503, "read models fail: relational")
        assert "ValueError" not in answer.text
        assert call(app, "GET", "/livez").status_code == 200
        assert figures(platform, app)[labelled("carbon254_subscription_up", subscription="relational")] == 0

    def test_a_read_model_that_nobody_follows(
        self, platform: Platform, app: ASGIApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(platform.subscriptions[0], "_thread", None)
        answer = call(app, "GET", "/readyz")
        assert (answer.status_code, answer.json()["title"]) == (503, "read models fail: relational")

    def test_a_read_model_that_lies_behind(
        self, platform: Platform, app: ASGIApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late = [ProjectionLag("prices", position=1, lag=5, lag_s=61.0, dead_letters=0, trouble=None)]
        monkeypatch.setattr("api.rest.operations.projection_lags", lambda _: late)
        answer = call(app, "GET", "/readyz")
        assert (answer.status_code, "prices" in answer.json()["title"]) == (503, True)

    def test_a_database_that_does_not_answer(
        self, platform: Platform, app: ASGIApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import psycopg

        def fail(_: object) -> int:
            raise psycopg.OperationalError("connection to db.internal as carbon failed")

        monkeypatch.setattr(type(platform.log), "head", fail)
        answer = call(app, "GET", "/readyz")
        assert (answer.status_code, "db.internal" in answer.text) == (503, False)
