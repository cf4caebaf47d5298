"""Bad requests get an error that names field and remedy; good ones read their own writes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from api.app import create_app
from api.cli.connection import ApiError, Connection
from api.platform import Platform
from infra.errors import ColumnarStoreError
from infra.objects import ObjectStoreError
from tests.api.requests import call

SCENARIO = {"name": "base", "growth_per_year": 0.02, "seasonal_weight": 1.0}


def refused(api: Connection, method: str, path: str, **options: Any) -> ApiError:
    with pytest.raises(ApiError) as error:
        api.run(api.request(method, path, **options))
    return error.value


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": "x"}, "growth_per_year: Field required"),
        (SCENARIO | {"growth_per_year": "high"}, "growth_per_year: Input should be a valid number"),
        (SCENARIO | {"growht": 1}, "growht: Extra inputs are not permitted"),
        (SCENARIO | {"growth_per_year": 9}, "growth_per_year: Input should be less than or equal to 0.5"),
        (SCENARIO | {"name": ""}, "name: String should have at least 1 character"),
    ],
)
def test_a_malformed_command_names_the_field_and_never_reaches_the_log(
    api: Connection, body: dict[str, Any], named: str
) -> None:
    before = api.get("/v1/projections")["head"]
    error = refused(api, "POST", "/v1/commands/define-scenario", json=body)
    assert error.status == 422
    assert named in error.title
    assert api.get("/v1/projections")["head"] == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b'{"name": NaN}', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_422(api: Connection, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    error = refused(api, "POST", "/v1/commands/define-scenario", content=content, headers=headers)
    assert error.status == 422


def test_an_unknown_command_lists_the_known_ones(api: Connection) -> None:
    error = refused(api, "POST", "/v1/commands/drop-everything", json={})
    assert error.status == 404
    assert "define-scenario" in error.detail


@pytest.mark.parametrize(
    "path", ["/v1/publications?isso=PJM", "/v1/prices?iso=PJM&start=2026-01-01&end=2026-01-02&x=1"]
)
def test_an_unknown_parameter_is_not_ignored(api: Connection, path: str) -> None:
    error = refused(api, "GET", path)
    assert error.status == 400
    assert "unknown parameter" in error.title
    assert "iso" in error.detail


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"start": "yesterday"}, "start: 'yesterday' is no time"),
        ({"end": "2025-01-01"}, "is after"),
        ({"tz": "Mars/Olympus"}, "tz: 'Mars/Olympus'"),
        ({"tz": "market", "start": "2026-03-08T02:30"}, "never happened in America/New_York"),
        ({"tz": "market", "start": "2025-11-02T01:30"}, "happened twice in America/New_York"),
        ({"as_of": "soon"}, "as_of: 'soon' is no time"),
        ({"wait_for": "999999999"}, "past the newest"),
    ],
)
def test_a_wrong_price_request_names_the_field(api: Connection, params: dict[str, str], named: str) -> None:
    given = {"iso": "PJM", "start": "2026-01-01", "end": "2026-12-01"} | params
    error = refused(api, "GET", "/v1/prices", params=given)
    assert error.status == 400
    assert named in error.title


def test_a_command_is_read_back_at_once(api: Connection) -> None:
    answer = api.command("define-scenario", SCENARIO)
    found = api.run(api.request("GET", "/v1/scenarios", params={"wait_for": str(answer["position"])})).json()
    assert [s["name"] for s in found["items"]] == ["base"]
    assert answer["status"] == "done"


def test_an_idempotency_key_is_the_command_id(api: Connection) -> None:
    headers = {"Idempotency-Key": "7d0f1c52-1111-4222-8333-444455556666"}
    body = SCENARIO | {"name": "keyed"}
    first = api.run(api.request("POST", "/v1/commands/define-scenario", json=body, headers=headers)).json()
    again = api.run(api.request("POST", "/v1/commands/define-scenario", json=body, headers=headers)).json()
    assert first == again
    assert first["command_id"] == headers["Idempotency-Key"]
    other = body | {"growth_per_year": 0.03}
    assert refused(api, "POST", "/v1/commands/define-scenario", json=other, headers=headers).status == 422
    assert (
        refused(api, "POST", "/v1/commands/define-scenario", json=body, headers={"Idempotency-Key": "x"}).status == 422
    )


def test_refusals_are_in_the_audit_log_with_their_reason(api: Connection) -> None:
    error = refused(api, "POST", "/v1/commands/build-curve", json={"hub": "nowhere", "scenario": "base"})
    assert error.status == 404
    (entry,) = [e for e in api.get("/v1/audit", outcome="refused")["items"] if e["command"] == "build-curve"]
    assert "nowhere" in entry["reason"]
    sink = io.BytesIO()
    size_bytes = api.download(sink, "/v1/audit", outcome="refused", format="csv")
    text = sink.getvalue().decode()
    assert size_bytes == len(sink.getvalue())
    assert text.splitlines()[0].startswith("position,recorded_at,actor,command")


def test_objects_keep_their_bytes(api: Connection) -> None:
    sha256 = api.upload(b"some bytes")
    assert api.upload(b"some bytes") == sha256
    assert api.run(api.request("GET", f"/v1/objects/{sha256}")).content == b"some bytes"
    assert refused(api, "GET", f"/v1/objects/{'0' * 64}").status == 404
    assert refused(api, "GET", "/v1/objects/..%2f..%2ftoken").status == 404


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"hub,product\nW,2027-01\n", "line 1 lacks the column price_usd_per_mwh"),
        (b"hub,product,price_usd_per_mwh,source,quoted_at\nW,2027-13,40,x,2026-01-01\n", "line 2, column product"),
        (
            b"hub,product,price_usd_per_mwh,source,quoted_at\nW,2027-01,forty,x,2026-01-01\n",
            "price_usd_per_mwh: 'forty'",
        ),
        (b"hub,product,price_usd_per_mwh,source,quoted_at\nW,2027-01,nan,x,2026-01-01\n", "price_usd_per_mwh: 'nan'"),
        (b"hub,product,price_usd_per_mwh,source,quoted_at\nW,2027-01,40,x,soon\n", "column quoted_at: 'soon'"),
        (b"hub,product,price_usd_per_mwh,source,quoted_at\nW,2027-01,40\n", "line 2 has another number of fields"),
        (b"hub,product,price_usd_per_mwh,source,quoted_at\n", "no quotes"),
        (b"", "line 1 lacks"),
        (b"\xff\xfe", "UTF-8"),
        (b"hub,product,price_usd_per_mwh,source,quoted_at\nW,2027-01,40,x,2026-01-01\n", "no hub W"),
    ],
)
def test_quotes_are_taken_whole_or_not_at_all(api: Connection, content: bytes, named: str) -> None:
    body = {"object": api.upload(content)}
    error = refused(api, "POST", "/v1/commands/record-quotes", json=body)
    assert named in error.title
    assert error.detail


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"start": "0001-01-01"}, "start: '0001-01-01' is not in the years 1900 to 2200"),
        ({"start": "0001-01-01T00:00+14:00"}, "start: "),
        ({"end": "9999-12-31T23:59-14:00"}, "end: "),
        ({"end": "9999-12-31", "tz": "market"}, "end: "),
        ({"wait_for": "²"}, "wait_for: '²' is neither a position nor"),
        ({"wait_for": "9" * 30}, "wait_for: position 99"),
        ({"wait_for": "9" * 5000}, "wait_for: position 99"),
        ({"as_of": "²"}, "as_of: '²' is no time"),
        ({"as_of": "20260101"}, "as_of: position 20260101 is past the newest"),
        ({"as_of": str(2**63)}, "as_of: position"),
        ({"as_of": "2026-03-08T02:30", "tz": "market"}, "as_of: 2026-03-08T02:30 never happened"),
        ({"iso": ["PJM", "MISO"]}, "iso: given more than once"),
        ({"start": ["2026-01-01", "2026-01-02"], "as_of": ["1", "2"]}, "as_of, start: given more than once"),
    ],
)
def test_what_is_out_of_range_or_given_twice_is_named(api: Connection, params: dict[str, Any], named: str) -> None:
    given = {"iso": "PJM", "start": "2026-01-01", "end": "2026-12-01"} | params
    error = refused(api, "GET", "/v1/prices", params=given)
    assert error.status == 400
    assert named in error.title
    assert "as_of: position" not in named or "2026-01-31" in error.detail


def test_as_of_is_read_in_the_zone_like_start_and_end(
    api: Connection, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def position_at(_: object, moment: datetime) -> int:
        asked.append(moment)
        return 0

    monkeypatch.setattr(type(platform.log), "position_at", position_at)
    window = {"iso": "PJM", "start": "2026-01-01", "end": "2026-01-02", "as_of": "2026-01-02T12:00"}
    for tz in (None, "market"):
        api.get("/v1/prices", **window, tz=tz)
    assert asked == [datetime(2026, 1, 2, 12, tzinfo=UTC), datetime(2026, 1, 2, 17, tzinfo=UTC)]


def test_nodes_may_be_given_again(api: Connection) -> None:
    assert api.get("/v1/prices", iso="PJM", start="2026-01-01", end="2026-01-02", node=["a", "b"]) == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/objects?x=1",
        f"/v1/objects/{'0' * 64}/survey?name=a&nmaed=1",
        "/v1/commands/define-scenario?dry_run=1",
        "/v1/projections/prices/rebuild?x=1",
    ],
)
def test_an_unknown_parameter_of_a_post_is_not_ignored(api: Connection, path: str) -> None:
    error = refused(api, "POST", path, json=SCENARIO)
    assert (error.status, "unknown parameter" in error.title) == (400, True)


def test_the_doctor_takes_events_and_position_from_one_look(
    api: Connection, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.command("define-scenario", SCENARIO | {"name": "looked at"})
    monkeypatch.setattr(type(platform.log), "head", lambda _: 0)  # as it was before another process wrote
    assert api.run(api.request("GET", "/v1/doctor")).json()["findings"] == []


def test_the_doctor_names_the_cluster(platform: Platform) -> None:
    dsn = "clickhouse://user:secret@one.example.com:8123/default"
    on_cluster = replace(
        platform, settings=platform.settings.model_copy(update={"clickhouse_dsn": dsn, "clickhouse_cluster": "c254"})
    )
    found = call(create_app(on_cluster), "GET", "/v1/doctor", token=platform.token).json()
    assert (found["columnar_store"], found["columnar_cluster"]) == ("one.example.com:8123", "c254")


def test_an_unexpected_fault_is_a_problem_in_process_too(
    api: Connection, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(platform.log), "head", lambda _: 1 // 0)
    error = refused(api, "GET", "/readyz")
    assert (error.status, error.title) == (500, "something went wrong here")


@pytest.mark.parametrize(
    ("raised", "title"),
    [
        (psycopg.OperationalError("no connection to db.internal"), "the database does not answer"),
        (PoolTimeout("none in 10 s"), "the database does not answer"),
        (ColumnarStoreError("ClickHouse is away.", "Wait."), "ClickHouse is away."),
        (ObjectStoreError("The disk is full.", "Make room."), "The disk is full."),
    ],
)
def test_a_store_that_is_down_is_503_with_when_to_come_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, raised: Exception, title: str
) -> None:
    def fail(_: object) -> int:
        raise raised

    monkeypatch.setattr(type(platform.log), "head", fail)
    answer = call(create_app(platform), "GET", "/v1/projections", token=platform.token)
    assert (answer.status_code, answer.json()["title"]) == (503, title)
    assert answer.headers["retry-after"] == "1"
    assert "db.internal" not in answer.text
