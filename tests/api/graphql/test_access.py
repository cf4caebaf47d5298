"""GraphQL lets nobody see what REST would not: roles, tenants, and entitlements by ISO and channel."""

from __future__ import annotations

from typing import Any

import pytest
from graphql.type import GraphQLObjectType

from api.cli.connection import ApiError, Connection
from api.graphql.access import Needs
from api.graphql.schema import NODES, schema
from api.platform import Platform
from commands.permissions import PERMISSIONS, Permission
from infra.principal import ROLES, Role
from tests.api.callers import calling_as
from tests.api.graphql.conftest import Ask, data

DAY = 'start: "2026-01-30", end: "2026-01-31"'
PRICES = "{ %s: prices(where: {iso: %s, " + DAY + "}, first: 1) { edges { cursor } } }"
SERIES = '{ priceSeries(where: {iso: PJM, nodes: ["WESTERN HUB"], ' + DAY + "}) { rowCount } }"


def ask_as(api: Connection, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.run(api.request("POST", "/graphql", json={"query": query})).json()
    return answer


def prices_of(*isos: str) -> str:
    return "{" + " ".join((PRICES % (iso.lower(), iso))[1:-1] for iso in isos) + "}"


def forbidden(answer: dict[str, Any]) -> list[str]:
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}
    return [error["message"] for error in answer["errors"]]


def grant(api: Connection, tenant: str, iso: str, channel: str) -> None:
    api.command("grant-entitlement", {"tenant": tenant, "iso": iso, "channels": [channel]})


def test_without_a_grant_market_data_is_refused(platform: Platform, sample: dict[str, str]) -> None:
    with calling_as(platform, "none", *ROLES) as theirs:
        for query in (prices_of("PJM"), SERIES, "{ publications(iso: PJM) { edges { cursor } } }"):
            (message,) = forbidden(ask_as(theirs, query))
            assert message == "none is not entitled to PJM by the channel api"
        assert data(ask_as(theirs, "{ publications { edges { cursor } } }")) == {"publications": {"edges": []}}


def test_refused_fields_are_logged_by_reason(
    platform: Platform, sample: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with calling_as(platform, "none", *ROLES) as theirs, caplog.at_level("WARNING", "api.graphql.errors"):
        forbidden(ask_as(theirs, prices_of("PJM", "MISO")))
        forbidden(
            ask_as(
                theirs,
                "{ a: publications(iso: PJM) { edges { cursor } } b: publications(iso: PJM) { edges { cursor } } }",
            )
        )
    lines = [
        (line.levelname, line.message, line.__dict__["status"], line.__dict__["reason"]) for line in caplog.records
    ]
    reasons = [f"none is not entitled to {iso} by the channel api" for iso in ("PJM", "MISO", "PJM")]
    assert lines == [("WARNING", "refused", 403, reason) for reason in reasons]


def test_a_grant_opens_one_iso_by_one_channel_until_it_is_revoked(
    platform: Platform, api: Connection, sample: dict[str, str]
) -> None:
    grant(api, "pilot", "PJM", "api")
    with calling_as(platform, "pilot", "reader") as theirs:
        answer = ask_as(theirs, prices_of("PJM", "MISO"))
        assert len(answer["data"]["pjm"]["edges"]) == 1
        assert answer["data"]["miso"] is None
        assert forbidden(answer) == ["pilot is not entitled to MISO by the channel api"]
        assert data(ask_as(theirs, SERIES))["priceSeries"]
        seen = data(ask_as(theirs, "{ publications(first: 1000) { edges { node { iso } } } }"))["publications"]["edges"]
        assert {edge["node"]["iso"] for edge in seen} == {"PJM"}
    with calling_as(platform, "pilot", "reader", channel="hub") as theirs:
        assert forbidden(ask_as(theirs, SERIES)) == ["pilot is not entitled to PJM by the channel hub"]
    api.command("revoke-entitlement", {"tenant": "pilot", "iso": "PJM"})
    with calling_as(platform, "pilot", "reader") as theirs:
        assert forbidden(ask_as(theirs, SERIES))


@pytest.mark.parametrize("field", ["node", "publication", "lineage"])
def test_a_publication_of_another_iso_is_refused_by_its_id_too(
    platform: Platform, api: Connection, sample: dict[str, str], ask: Ask, field: str
) -> None:
    first = "{ publications(iso: %s, first: 1) { edges { node { id publicationId } } } }"
    ids = {iso: data(ask(first % iso))["publications"]["edges"][0]["node"] for iso in ("PJM", "MISO")}
    asked = {
        "node": 'node(id: "GLOBAL") { id }',
        "publication": 'publication(publicationId: "KEY") { rawSha256 }',
        "lineage": 'lineage(id: "KEY") { nodes { id } }',
    }[field]
    query = {
        iso: f"{{ found: {asked} }}".replace("GLOBAL", node["id"]).replace("KEY", node["publicationId"])
        for iso, node in ids.items()
    }
    grant(api, f"by-{field}", "PJM", "api")
    with calling_as(platform, f"by-{field}", "reader") as theirs:
        assert data(ask_as(theirs, query["PJM"]))["found"]
        assert forbidden(ask_as(theirs, query["MISO"]))


def test_somebody_without_a_role_is_not_let_in(platform: Platform) -> None:
    with calling_as(platform, "local") as theirs, pytest.raises(ApiError) as error:
        ask_as(theirs, "{ __typename }")
    assert error.value.status == 403


OF_RESULTS = ["instruments", "scenarios", "curves", "ppas"]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_what_it_may_read_by_rest(platform: Platform, sample: dict[str, str], role: Role) -> None:
    may = PERMISSIONS[role]
    fields = {
        "audit { edges { cursor } }": Permission.READ_AUDIT,
        "projections { name }": Permission.VERIFY,
        "publications { edges { cursor } }": Permission.READ_MARKET_DATA,
        'node(id: "QXVkaXRFbnRyeTox") { id }': Permission.READ_AUDIT,
    } | {f"{field} {{ edges {{ cursor }} }}": Permission.READ_RESULTS for field in OF_RESULTS}
    with calling_as(platform, "local", role) as theirs:
        for field, permission in fields.items():
            answer = ask_as(theirs, f"{{ {field} }}")
            if permission in may:
                assert data(answer)
            else:
                (message,) = forbidden(answer)
                assert f"needs the permission `{permission}`" in message


def test_every_field_of_the_query_says_what_it_needs() -> None:
    query = schema._schema.query_type
    assert isinstance(query, GraphQLObjectType)
    for name, field in query.fields.items():
        extensions = field.extensions["strawberry-definition"].extensions
        assert name == "node" or any(isinstance(extension, Needs) for extension in extensions), name
    assert all(isinstance(kind.NEEDS, Permission) for kind in NODES.values())
