"""Who may open the stream, and what ends it: tokens, pages, entitlements, limits."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from api.cli.connection import Connection
from api.limits import MOST_STREAMS_EACH
from api.platform import Platform
from api.stream import session, subscriptions
from infra.principal import Principal
from tests.api.stream.clients import Client
from tests.api.stream.conftest import URL, opened
from tests.api.stream.publishing import publish


def minted(platform: Platform, tenant: str = "local", *roles: str, life: timedelta = timedelta(hours=1)) -> str:
    """A token of a caller that no other test has."""
    assert platform.identity.issuer is not None
    actor = f"someone-{uuid4().hex}"
    return platform.identity.issuer.mint(Principal(tenant, actor, frozenset(roles or ("reader",))), life)[0]


def refused(http: TestClient, url: str = URL, **options: Any) -> tuple[int, str]:
    """Status and title of the answer to a handshake that is turned away."""
    with pytest.raises(WebSocketDenialResponse) as denial, http.websocket_connect(url, **options):
        pass
    return denial.value.status_code, denial.value.json()["title"]


def cut(client: Client) -> tuple[int, str]:
    """Code and reason of the close that comes next."""
    with pytest.raises(WebSocketDisconnect) as closed:
        client.session.receive_json()
    return closed.value.code, closed.value.reason


def test_a_token_in_the_url_is_refused_and_not_repeated(platform: Platform, http: TestClient) -> None:
    status, title = refused(http, f"{URL}?token={platform.token}", subprotocols=["carbon254.v1"])
    assert status == 400
    assert "never a token" in title
    assert platform.token not in title


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        ("http://localhost:3000", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:8080", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("http://localhost:port", False),
    ],
)
def test_only_known_pages_may_open_it(platform: Platform, http: TestClient, origin: str, is_let_in: bool) -> None:
    options: dict[str, Any] = {"headers": {"Origin": origin}, "subprotocols": ["carbon254.v1"]}
    if is_let_in:
        with http.websocket_connect(URL, **options) as found:
            Client(found).authenticate(platform.token)
    else:
        assert refused(http, **options)[0] == 403


def test_a_page_that_the_operator_allows(platform: Platform, http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.settings, "stream_origins", ("https://hub.example.com",))
    headers = {"Origin": "https://hub.example.com"}
    with http.websocket_connect(URL, subprotocols=["carbon254.v1"], headers=headers):
        pass


def test_without_the_protocol_or_for_another_host_it_does_not_open(http: TestClient) -> None:
    assert refused(http)[0] == 400
    assert refused(http, subprotocols=["chat"])[0] == 400
    assert refused(http, "ws://evil.example/v1/stream", subprotocols=["carbon254.v1"])[0] == 400


def test_a_token_as_a_subprotocol(platform: Platform, http: TestClient) -> None:
    with http.websocket_connect(URL, subprotocols=["carbon254.v1", f"bearer.{platform.token}"]) as found:
        assert found.accepted_subprotocol == "carbon254.v1"
        assert Client(found).next("authenticated")["actor"] == "local-operator"


@pytest.mark.parametrize(
    "first",
    [
        {"type": "authenticate", "token": "wrong"},
        {"type": "authenticate"},
        {"type": "authenticate", "token": "x", "more": 1},
        {"type": "ping"},
        {"type": "subscribe", "id": "a", "channel": "prices", "filters": {"iso": "MISO"}},
    ],
)
def test_nothing_goes_before_a_good_token(http: TestClient, first: dict[str, Any]) -> None:
    with opened(http) as found:
        client = Client(found)
        client.send(**first)
        assert cut(client)[0] == 4001


def test_who_sends_no_token_is_cut(http: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STREAM_AUTHENTICATION_PATIENCE_S", 0.05)
    with opened(http) as found:
        assert cut(Client(found)) == (4001, "no token came in time")


def test_without_a_role_that_reads_it_ends(platform: Platform, http: TestClient) -> None:
    with opened(http) as found:
        client = Client(found)
        client.send(type="authenticate", token=minted(platform, "local", "stranger"))
        assert cut(client)[0] == 4003


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"type": "subscribe", "id": "a", "channel": "prices", "filters": {"iso": "MISO", "zone": "x"}}, "zone"),
        ({"type": "subscribe", "id": "a", "channel": "prices", "filters": {"iso": "NYISO"}}, "$.filters.iso"),
        ({"type": "subscribe", "id": "a", "channel": "ticks", "filters": {"iso": "MISO"}}, "$.channel"),
        ({"type": "subscribe", "id": "", "channel": "prices", "filters": {"iso": "MISO"}}, "$.id"),
        ({"type": "ping", "extra": True}, "extra"),
        ({"type": "shout"}, "shout"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(client: Client, message: dict[str, Any], named: str) -> None:
    client.send(**message)
    error = client.next("error")
    assert error["code"] == "malformed"
    assert named in error["title"]
    client.send(type="ping")
    client.next("pong")


def test_limits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MOST_STREAM_SUBSCRIPTIONS", 1)
    head = client.subscribe("a", channel="publications")
    for id, code in (("a", "id_in_use"), ("b", "too_many_subscriptions")):
        client.send(type="subscribe", id=id, channel="publications", filters={"iso": "MISO"})
        error = client.next("error")
        assert (error["code"], error["id"]) == (code, id)
    client.send(type="unsubscribe", id="a")
    client.next("unsubscribed")
    client.send(type="subscribe", id="a", channel="prices", filters={"iso": "MISO"}, from_seq=head + 100)
    assert client.next("error")["code"] == "position_ahead"


def test_a_caller_has_so_many_connections(platform: Platform, http: TestClient) -> None:
    token = minted(platform)
    with ExitStack() as stack:
        for _ in range(MOST_STREAMS_EACH):
            Client(stack.enter_context(opened(http))).authenticate(token)
        over = Client(stack.enter_context(opened(http)))
        over.send(type="authenticate", token=token)
        assert cut(over)[0] == 4029
    with opened(http) as another:
        Client(another).authenticate(token)


def test_a_tenant_that_is_not_entitled(platform: Platform, http: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with opened(http) as found:
        client = Client(found)
        client.authenticate(minted(platform, "acme"))
        client.send(type="subscribe", id="a", channel="prices", filters={"iso": "MISO"})
        error = client.next("error")
        assert (error["code"], error["title"]) == ("not_entitled", "acme is not entitled to MISO by the channel api")
    (line,) = (record for record in caplog.records if record.name == "api.stream.subscriptions")
    assert (line.levelname, line.message, line.__dict__["reason"]) == ("WARNING", "refused", error["title"])


def test_a_revoked_entitlement_ends_its_subscription_alone(
    platform: Platform, api: Connection, http: TestClient
) -> None:
    for iso in ("MISO", "PJM"):
        api.command("grant-entitlement", {"tenant": "beta", "iso": iso, "channels": ["api"]})
    with opened(http) as found:
        client = Client(found)
        client.authenticate(minted(platform, "beta"))
        client.subscribe("miso", channel="publications")
        client.subscribe("pjm", channel="publications", iso="PJM")
        publish(platform, ["X"], 1.0)
        assert client.next("update")["id"] == "miso"
        api.command("revoke-entitlement", {"tenant": "beta", "iso": "MISO"})
        error = client.next("error")
        assert (error["code"], error["id"]) == ("entitlement_revoked", "miso")
        publish(platform, ["X"], 2.0)
        publish(platform, ["X"], 3.0, iso="PJM")
        assert client.next("update")["id"] == "pjm"


def test_an_entitlement_that_has_run_out_lets_nothing_more_out(
    platform: Platform, api: Connection, http: TestClient
) -> None:
    until = datetime.now(UTC) + timedelta(seconds=4)
    granted = {"tenant": "gamma", "iso": "MISO", "channels": ["api"], "valid_until": until.isoformat()}
    api.command("grant-entitlement", granted)
    with opened(http) as found:
        client = Client(found)
        client.authenticate(minted(platform, "gamma"))
        client.subscribe(channel="publications")
        while datetime.now(UTC) <= until:
            time.sleep(0.05)
        publish(platform, ["X"], 1.0)
        assert client.next("error")["code"] == "entitlement_revoked"


def test_a_revoked_key_ends_the_connection(
    platform: Platform, api: Connection, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "WATCH_INTERVAL_S", 0.02)
    issued = api.command("issue-api-key", {"name": "stream", "roles": ["reader"]})
    with opened(http) as found:
        client = Client(found)
        client.authenticate(issued["secret"])
        api.command("revoke-api-key", {"key_id": issued["id"]})
        assert cut(client) == (4001, "the API key has been revoked")


def test_an_expired_token_ends_the_connection(
    platform: Platform, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clocks differ, so tokens serve half a minute longer than they say: one that ended 26 s ago has 4 s left."""
    monkeypatch.setattr(session, "WATCH_INTERVAL_S", 0.02)
    with opened(http) as found:
        client = Client(found)
        client.authenticate(minted(platform, life=timedelta(seconds=-26)))
        assert cut(client) == (4001, "the token has expired")
