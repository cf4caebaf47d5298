"""The life of an API key and of an actor's access, at the door; here and in another process on the same log."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.authentication import PlatformAuthenticator
from api.platform import LOCAL_PRINCIPAL, Platform
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.postgres import open_pool
from infra.principal import NotAuthenticated, Principal
from projections.api_keys import PROJECTION
from projections.live_credentials import CURRENT_FOR_S, LiveCredentials
from tests.api.test_door import call

KEY = re.compile(r"c254_[a-z2-7]{12}_[A-Za-z0-9_-]{43}")


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def send(platform: Platform, name: str, body: dict[str, Any], credential: str = "", **headers: str) -> httpx2.Response:
    given = bearer(credential or platform.token) | {key.replace("_", "-"): value for key, value in headers.items()}
    return call(platform, "POST", f"/v1/commands/{name}", given, json=body)


def issue(platform: Platform, credential: str = "", **fields: Any) -> dict[str, Any]:
    answer = send(platform, "issue-api-key", {"name": "loader", "roles": ["reader"]} | fields, credential)
    assert answer.status_code == 200, answer.text
    issued: dict[str, Any] = answer.json()
    return issued


def token(platform: Platform, actor: str, *roles: str, tenant: str = "local", channel: str = "api") -> str:
    body = {"actor": actor, "tenant": tenant, "roles": list(roles), "channel": channel}
    answer = call(platform, "POST", "/v1/tokens", bearer(platform.token), json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["token"])


def status(platform: Platform, credential: str) -> tuple[int, str]:
    answer = call(platform, "GET", "/v1/scenarios", bearer(credential))
    return answer.status_code, answer.json().get("title", "")


def keys(platform: Platform, credential: str = "", **params: Any) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in {"wait_for": "head", **params}.items())
    answer = call(platform, "GET", f"/v1/api-keys?{query}", bearer(credential or platform.token))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_a_key_is_shown_once_and_lets_its_holder_in(platform: Platform) -> None:
    answer = send(platform, "issue-api-key", {"name": "loader", "roles": ["reader"]})
    issued = answer.json()
    assert KEY.fullmatch(issued["secret"])
    assert answer.headers["cache-control"] == "no-store"
    assert status(platform, issued["secret"]) == (200, "")
    (listed,) = [key for key in keys(platform) if key["id"] == issued["id"]]
    assert listed["prefix"] == issued["secret"][: len("c254_") + 12]
    assert (listed["name"], listed["roles"], listed["actor"], listed["status"]) == (
        "loader", ["reader"], "local-operator", "active",
    )  # fmt: skip
    issued_at, expires_at = (datetime.fromisoformat(listed[name]) for name in ("issued_at", "expires_at"))
    assert timedelta(0) <= timedelta(days=90) - (expires_at - issued_at) < timedelta(seconds=1)


def test_its_secret_is_in_no_event_no_list_and_no_log(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    issued = issue(platform)
    secret = issued["secret"].split("_", 2)[2]
    assert status(platform, issued["secret"])[0] == 200
    assert status(platform, issued["secret"][:-1] + "!")[0] == 401
    for stored in platform.log.stored_page(0, 1_000_000):
        assert secret.encode() not in stored.state + stored.metadata
    with platform.pool.connection() as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('pg', 'access', 'log')"
        ).fetchall()
        assert ("pg.api_key",) in tables
        for (table,) in tables:
            found = connection.execute(
                f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0".encode(), (secret,)
            )
            assert found.fetchone() == (0,), table
    listed = call(platform, "GET", "/v1/api-keys?wait_for=head", bearer(platform.token)).text
    assert secret not in listed
    assert "sha256" not in listed
    assert secret not in caplog.text
    assert issued["events"][0]["data"]["prefix"] in listed


def test_the_command_again_tells_the_id_and_not_the_key(platform: Platform) -> None:
    body, command_id = {"name": "loader", "roles": ["reader"]}, str(uuid4())
    first = send(platform, "issue-api-key", body, Idempotency_Key=command_id).json()
    head = platform.log.head()
    again = send(platform, "issue-api-key", body, Idempotency_Key=command_id)
    assert again.json() == {name: value for name, value in first.items() if name != "secret"}
    assert first["secret"] not in again.text
    assert platform.log.head() == head
    assert status(platform, first["secret"])[0] == 200
    other = send(platform, "issue-api-key", body | {"name": "other"}, Idempotency_Key=command_id)
    assert other.status_code == 422
    assert first["secret"] not in other.text


def test_only_the_key_itself_is_accepted(platform: Platform) -> None:
    secret = issue(platform)["secret"]
    start, tail = secret[:17], secret[18:]
    flipped = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    for wrong in (flipped, start, start + "_", secret + "x", secret[:-1], f"c254_aaaaaaaaaaaa_{tail}"):
        assert status(platform, wrong) == (401, "the API key is unknown"), wrong


def test_a_revoked_key_counts_no_more_from_the_next_request_on(platform: Platform) -> None:
    issued = issue(platform)
    assert status(platform, issued["secret"])[0] == 200
    revoked = send(platform, "revoke-api-key", {"key_id": issued["id"]})
    assert revoked.json()["status"] == "done"
    assert status(platform, issued["secret"]) == (401, "the API key has been revoked")
    assert send(platform, "revoke-api-key", {"key_id": issued["id"]}).json()["status"] == "unchanged"
    (listed,) = [key for key in keys(platform) if key["id"] == issued["id"]]
    assert listed["status"] == "revoked"


def test_a_key_ends_when_it_expires(platform: Platform) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    issued = issue(platform, expires_at=soon.isoformat())
    assert status(platform, issued["secret"])[0] == 200
    while datetime.now(UTC) < soon:
        time.sleep(0.05)
    assert status(platform, issued["secret"]) == (401, "the API key has expired")
    (listed,) = [key for key in keys(platform) if key["id"] == issued["id"]]
    assert listed["status"] == "expired"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expires_at": "2020-01-01T00:00Z"}, "over already"),
        ({"expires_at": "2199-01-01T00:00Z"}, "more than 366 days"),
        ({"expires_at": "2027-01-01T00:00"}, "expires_at"),
        ({"roles": []}, "roles"),
        ({"roles": ["king"]}, "roles"),
        ({"channel": "back"}, "channel"),
        ({"actor": "two words"}, "actor"),
        ({"name": ""}, "name"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_can_not_be_issued(platform: Platform, fields: dict[str, Any], message: str) -> None:
    answer = send(platform, "issue-api-key", {"name": "loader", "roles": ["reader"]} | fields)
    assert answer.status_code == 422
    assert message in answer.json()["title"]


def test_a_list_is_not_told_too_short_for_what_is_wrong_in_it(platform: Platform) -> None:
    answer = send(platform, "issue-api-key", {"name": "loader", "roles": ["king"]})
    assert [error["field"] for error in answer.json()["errors"]] == ["roles.0"]


@pytest.mark.parametrize(
    ("issuer", "fields", "message"),
    [
        (("analyst",), {"roles": ["analyst", "operator"]}, "who is not operator"),
        (("admin",), {"roles": ["approver"]}, "who is not approver"),
        (("analyst",), {"roles": ["analyst"], "actor": "bob"}, "for others"),
        (("analyst",), {"roles": ["analyst"], "channel": "hub"}, "channel is api, not hub"),
    ],
)
def test_a_key_has_no_more_rights_than_its_issuer(
    platform: Platform, issuer: tuple[str, ...], fields: dict[str, Any], message: str
) -> None:
    alice = token(platform, "alice", *issuer)
    answer = send(platform, "issue-api-key", {"name": "loader"} | fields, alice)
    assert answer.status_code == 403
    assert message in answer.json()["title"]
    refused = call(platform, "GET", "/v1/audit?outcome=refused&wait_for=head", bearer(platform.token)).json()["items"]
    assert refused[0]["actor"] == "alice"
    assert message in refused[0]["reason"]


def test_an_admin_issues_for_others_and_a_key_issues_nothing(platform: Platform) -> None:
    admin = token(platform, "root", "admin", "analyst")
    issued = issue(platform, admin, roles=["analyst"], actor="robot", channel="downloads")
    found = asyncio.run(platform.authenticator.authenticate(issued["secret"]))
    assert (found.tenant, found.actor, found.roles) == ("local", "robot", frozenset({"analyst"}))
    assert (found.channel, found.kind) == ("downloads", "key")
    answer = send(platform, "issue-api-key", {"name": "child", "roles": ["reader"]}, issued["secret"])
    assert (answer.status_code, answer.json()["title"]) == (403, "an API key issues no API keys")


def test_keys_of_others_are_not_there(platform: Platform) -> None:
    """Another actor's to who is no admin, and another tenant's to anybody."""
    alice, bob = token(platform, "alice", "analyst"), token(platform, "bob", "analyst")
    foreign = token(platform, "alice", "admin", tenant="acme")
    issued = issue(platform, alice, name="of alice")
    for other in (bob, foreign):
        assert issued["id"] not in [key["id"] for key in keys(platform, other)]
        answer = send(platform, "revoke-api-key", {"key_id": issued["id"]}, other)
        assert answer.status_code == 404
    assert status(platform, issued["secret"])[0] == 200
    assert issued["id"] in [key["id"] for key in keys(platform, alice)]
    assert send(platform, "revoke-api-key", {"key_id": issued["id"]}, alice).status_code == 200


def test_keys_are_found_by_their_prefix(platform: Platform) -> None:
    issued = issue(platform)
    prefix = issued["secret"][:12]
    assert [key["id"] for key in keys(platform, prefix=prefix)] == [issued["id"]]
    assert keys(platform, prefix="c254_%25") == []


def test_the_last_use_is_recorded_beside_the_log(platform: Platform) -> None:
    issued = issue(platform)
    (before,) = [key for key in keys(platform) if key["id"] == issued["id"]]
    assert before["last_used_at"] is None
    head = platform.log.head()
    for _ in range(5):
        assert status(platform, issued["secret"])[0] == 200
    (after,) = [key for key in keys(platform) if key["id"] == issued["id"]]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(after["last_used_at"])) < timedelta(seconds=30)
    assert platform.log.head() == head


def test_all_of_an_actor_is_revoked_and_what_comes_later_counts(platform: Platform) -> None:
    carol, dave = token(platform, "carol", "analyst"), token(platform, "dave", "analyst")
    key, foreign = issue(platform, carol)["secret"], token(platform, "carol", "analyst", tenant="acme")
    for credential in (carol, key, foreign):
        assert status(platform, credential)[0] == 200
    denied = send(platform, "revoke-actor", {"actor": "carol"}, dave)
    assert (denied.status_code, status(platform, carol)[0]) == (403, 200)

    assert send(platform, "revoke-actor", {"actor": "carol"}).status_code == 200
    assert status(platform, carol) == (401, "the token has been revoked")
    assert status(platform, key) == (401, "the API key has been revoked")
    assert {k["status"] for k in keys(platform) if k["actor"] == "carol"} == {"revoked"}
    for credential in (dave, foreign):
        assert status(platform, credential)[0] == 200, "others are not touched"

    time.sleep(1.0)  # tokens tell whole seconds
    later = token(platform, "carol", "analyst")
    assert status(platform, later)[0] == 200
    later_key = issue(platform, later)["secret"]
    assert status(platform, later_key)[0] == 200
    assert send(platform, "revoke-actor", {"actor": "carol"}, later).status_code == 200, (
        "everybody may revoke themselves"
    )
    assert (status(platform, later)[0], status(platform, later_key)[0]) == (401, 401)


def test_the_folder_token_is_not_revoked_with_its_actor(platform: Platform) -> None:
    assert send(platform, "revoke-actor", {"actor": LOCAL_PRINCIPAL.actor}).status_code == 200
    assert status(platform, platform.token)[0] == 200


def test_who_issued_and_revoked_is_in_the_audit_log(platform: Platform) -> None:
    issued = issue(platform)
    send(platform, "revoke-api-key", {"key_id": issued["id"]})
    found = call(platform, "GET", f"/v1/audit?id={issued['id']}&wait_for=head", bearer(platform.token)).json()["items"]
    assert [(entry["event"], entry["actor"]) for entry in found] == [
        ("api_key.revoked", "local-operator"), ("api_key.issued", "local-operator"),
    ]  # fmt: skip


@pytest.fixture
def elsewhere(platform: Platform) -> Iterator[PlatformAuthenticator]:
    """What another process on the same log has: connections, memory and an event log of its own."""
    pool = open_pool(platform.dsn)
    credentials = LiveCredentials(EventLog(PostgresRecorder(pool)), pool)
    credentials.start()
    yield PlatformAuthenticator("another-folder's", LOCAL_PRINCIPAL, credentials, platform.identity.verifier)
    pool.close()


def seconds_until_refused(authenticator: PlatformAuthenticator, *credentials: str) -> float:
    """How long after now the last of them was let in."""
    started = time.monotonic()
    accepted_s = 0.0
    while time.monotonic() - started < 1.0 + CURRENT_FOR_S:
        for credential in credentials:
            asked_s = time.monotonic() - started
            try:
                asyncio.run(authenticator.authenticate(credential))
            except NotAuthenticated:
                continue
            accepted_s = max(accepted_s, asked_s)
    return accepted_s


def test_another_process_heeds_a_revocation_within_a_second(
    platform: Platform, elsewhere: PlatformAuthenticator
) -> None:
    """Nobody who asks later than that is let in, however slow the answers are."""
    erin = token(platform, "erin", "analyst")
    issued, kept = issue(platform), issue(platform, erin)
    time.sleep(CURRENT_FOR_S)
    accepted = [asyncio.run(elsewhere.authenticate(c)).actor for c in (issued["secret"], kept["secret"], erin)]
    assert accepted == ["local-operator", "erin", "erin"]
    send(platform, "revoke-api-key", {"key_id": issued["id"]})
    assert seconds_until_refused(elsewhere, issued["secret"]) < 1.0
    send(platform, "revoke-actor", {"actor": "erin"})
    assert seconds_until_refused(elsewhere, kept["secret"], erin) < 1.0


def test_a_process_that_starts_later_knows_what_was_revoked(platform: Platform) -> None:
    """From the read model alone, and from the log alone where the read model is behind."""
    frank = token(platform, "frank", "analyst")
    gone, kept, of_frank = issue(platform), issue(platform), issue(platform, frank)
    send(platform, "revoke-api-key", {"key_id": gone["id"]})
    send(platform, "revoke-actor", {"actor": "frank"})
    platform.settled_position()
    pool = open_pool(platform.dsn)
    from_read_model, from_log = (LiveCredentials(EventLog(PostgresRecorder(pool)), pool) for _ in range(2))
    from_read_model.start()
    from_log.catch_up()
    for credentials in (from_read_model, from_log):
        later = PlatformAuthenticator("another", LOCAL_PRINCIPAL, credentials, platform.identity.verifier)
        assert asyncio.run(later.authenticate(kept["secret"])).kind == "key"
        for credential in (gone["secret"], of_frank["secret"], frank):
            with pytest.raises(NotAuthenticated, match="revoked"):
                asyncio.run(later.authenticate(credential))
    pool.close()


def test_nobody_is_let_in_by_what_can_not_be_checked(platform: Platform) -> None:
    """A log that does not answer is a 503, not a stale yes."""
    secret = issue(platform)["secret"]
    pool = open_pool(platform.dsn)
    credentials = LiveCredentials(EventLog(PostgresRecorder(pool)), pool)
    credentials.start()
    authenticator = PlatformAuthenticator("another", LOCAL_PRINCIPAL, credentials, platform.identity.verifier)
    assert asyncio.run(authenticator.authenticate(secret)).kind == "key"
    pool.close()
    time.sleep(CURRENT_FOR_S + 0.05)
    with pytest.raises(Exception, match="nobody can be let in"):
        asyncio.run(authenticator.authenticate(secret))


def test_the_principal_of_the_folder_token(platform: Platform) -> None:
    found: Principal = asyncio.run(platform.authenticator.authenticate(platform.token))
    assert (found.tenant, found.actor, found.kind) == ("local", "local-operator", "folder token")
    assert "admin" in found.roles


def test_the_read_model_is_what_the_events_say(platform: Platform) -> None:
    """Keys and actors of all the tests above, issued and revoked in every order, built anew in one batch."""
    platform.settled_position()
    assert platform.relational.verify([PROJECTION], lambda *_: None) == {PROJECTION.name: []}
    with platform.pool.connection() as connection:
        found = connection.execute("SELECT count(*), count(revoked_at) FROM api_key").fetchone()
    assert found is not None
    assert found[0] > 10
    assert found[1] > 2
