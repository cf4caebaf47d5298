"""Quality by GraphQL is that of REST, under the same rules."""

from __future__ import annotations

from typing import Any

import pytest

from api.cli.connection import Connection
from api.platform import Platform
from infra.principal import ROLES
from tests.api.callers import calling_as
from tests.api.graphql.conftest import Ask, data
from tests.api.graphql.test_access import ask_as, forbidden, grant
from tests.api.graphql.test_fields import camel

REPORT = """query ($where: QualityWhere!, $most: Int = 100) { quality(where: $where, mostFindings: $most) {
    days { dataset feed market marketDay expectedIntervals receivedIntervals places completeness gaps spikes wrongPrices
           repeatedRows restatedRows }
    findings { kind dataset feed market marketDay intervalStartUtc intervalEndUtc place value detail }
    findingsLeftOut
    freshness { feed arrivesBy newestIntervalEndUtc lastArrivalAt cadenceS freshnessTargetS isFresh lateByS
                missedCadences } } }"""
DAYS = """query ($iso: Iso, $feed: String, $first: Int = 100, $after: String, $asOf: String) {
    dataQuality(iso: $iso, feed: $feed, first: $first, after: $after, asOf: $asOf) {
    edges { node { iso dataset market feed marketDay publications quarantined expectedIntervals spannedIntervals
                   completeness repeatedIntervals missing { startUtc endUtc } rowCount gapCount firstRecordedAt
                   lastRecordedAt } }
    pageInfo { hasNextPage endCursor } } }"""
WHERE: dict[str, Any] = {"iso": "ERCOT", "start": "2026-01-30", "end": "2026-02-01"}


def test_a_report_is_that_of_rest(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    rest = api.get("/v1/quality", **WHERE)
    found = data(ask(REPORT, where=WHERE, most=1000))["quality"]
    for theirs, ours in (("days", "items"), ("findings", "findings"), ("freshness", "freshness")):
        assert len(found[theirs]) == len(rest[ours]) > 0
        for node, row in zip(found[theirs], rest[ours], strict=True):
            shown = {name: node[camel(name)] for name in row if camel(name) in node and name != "late_by_s"}
            assert shown == {name: row[name] for name in shown}
    assert found["findingsLeftOut"] == rest["findings_left_out"] == 0


def test_findings_that_are_not_listed_are_counted(sample: dict[str, str], ask: Ask) -> None:
    everything = data(ask(REPORT, where=WHERE, most=1000))["quality"]["findings"]
    some = data(ask(REPORT, where=WHERE, most=2))["quality"]
    assert some["findings"] == everything[:2]
    assert some["findingsLeftOut"] == len(everything) - 2 > 0


def test_days_are_those_of_rest_page_by_page(api: Connection, sample: dict[str, str], ask: Ask) -> None:
    rest = api.get("/v1/quality/days")["items"]
    found: list[dict[str, Any]] = []
    after, more = None, True
    while more:
        page = data(ask(DAYS, first=3, after=after))["dataQuality"]
        found += [edge["node"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert len(found) == len(rest) > 3
    for node, row in zip(found, rest, strict=True):
        assert node["missing"] == [{camel(n): t for n, t in stretch.items()} for stretch in row["missing"]]
        assert {n: node[camel(n)] for n in row if n != "missing"} == {n: v for n, v in row.items() if n != "missing"}
    assert {node["node"]["iso"] for node in data(ask(DAYS, iso="PJM"))["dataQuality"]["edges"]} == {"PJM"}
    (first,) = data(ask(DAYS, asOf="1"))["dataQuality"]["edges"]
    assert first["node"]["publications"] == 1
    assert data(ask(DAYS, asOf="2020-01-01"))["dataQuality"]["edges"] == []


def test_a_report_needs_the_iso_and_days_show_what_one_may_have(
    platform: Platform, api: Connection, sample: dict[str, str]
) -> None:
    report = '{ quality(where: {iso: %s, start: "2026-01-30", end: "2026-01-31"}) { findingsLeftOut } }'
    grant(api, "judge", "MISO", "api")
    with calling_as(platform, "judge", *ROLES) as theirs:
        assert data(ask_as(theirs, report % "MISO"))
        for query in (report % "PJM", "{ dataQuality(iso: PJM) { edges { cursor } } }"):
            assert forbidden(ask_as(theirs, query)) == ["judge is not entitled to PJM by the channel api"]
        edges = data(ask_as(theirs, "{ dataQuality { edges { node { iso } } } }"))["dataQuality"]["edges"]
        assert {edge["node"]["iso"] for edge in edges} == {"MISO"}
    with calling_as(platform, "nobody", *ROLES) as theirs:
        assert data(ask_as(theirs, "{ dataQuality { edges { cursor } } }")) == {"dataQuality": {"edges": []}}


@pytest.mark.parametrize(
    ("changes", "most", "problem"),
    [
        ({"end": "2026-03-10"}, 10, "more than 10,000"),
        ({"end": "2026-01-29"}, 10, "is not 1 to 31 days"),
        ({"dataset": "places"}, 10, "places has no market days"),
        ({}, 1001, "is not from 0 to 1000"),
    ],
)
def test_too_much_is_refused(ask: Ask, changes: dict[str, str], most: int, problem: str) -> None:
    (error,) = ask(REPORT, where=WHERE | changes, most=most)["errors"]
    assert problem in error["message"]
