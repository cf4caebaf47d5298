from datetime import UTC, datetime
from uuid import UUID, uuid4

from tests.write_model.specification import Given, facts
from write_model.api_keys import ActorAccess, ApiKey, actor_access_id, api_key_id

FACTS = {
    "name": "loader",
    "actor": "alice",
    "roles": ("reader",),
    "channel": "api",
    "prefix": "abcdefghijkl",
    "secret_sha256": "0" * 64,
    "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
}


def key(stream: UUID) -> ApiKey:
    return ApiKey.issue(stream, **FACTS)  # type: ignore[arg-type]


def revoked_key(stream: UUID) -> ApiKey:
    issued = key(stream)
    issued.revoke()
    return issued


def test_an_issued_key_holds_what_it_may_and_a_hash() -> None:
    (issued,) = key(uuid4()).collect_events()
    assert (type(issued), facts(issued)) == (ApiKey.Issued, FACTS)


def test_a_key_is_revoked_once() -> None:
    assert Given(key).when(lambda k: k.revoke()).then((ApiKey.Revoked, {})).is_revoked
    Given(revoked_key).when(lambda k: k.revoke()).then()


def test_an_actor_may_be_revoked_again() -> None:
    given = Given(lambda stream: ActorAccess.revoke(stream, "alice"))
    given.when(lambda a: a.revoke_again()).then((ActorAccess.RevokedAgain, {"actor": "alice"}))


def test_streams_are_of_one_tenant() -> None:
    command_id = uuid4()
    assert api_key_id("a", command_id) == api_key_id("a", command_id) != api_key_id("b", command_id)
    assert actor_access_id("a", "alice") == actor_access_id("a", "alice") != actor_access_id("b", "alice")
