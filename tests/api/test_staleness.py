"""What makes curves and valuations stale, each way alone; and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from api.cli.connection import ApiError, Connection
from api.cli.main import app
from api.platform import Platform
from infra.canonical import digest, to_parquet
from infra.event_store import Stream
from tests.plugins_clickhouse import tick_rows
from tests.projections.conftest import metadata
from write_model.publications import Publication, Reading, Source

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = {
    "side": "sell", "power_mw": 10, "fixed_price_usd_per_mwh": 38, "start": "2027-01", "end": "2027-12",
    "discount_rate_per_year": 0.07,
}  # fmt: skip
_numbers = count()


@dataclass
class Desk:
    """A hub with a node, a scenario and quotes of its own, and a day of prices (30 $/MWh) that a curve is built on."""

    platform: Platform
    api: Connection
    iso: str = "PJM"
    feed: str = "da_hrl_lmps"

    def __post_init__(self) -> None:
        self.hub = f"HUB-{next(_numbers)}"
        self.scenario = f"scenario of {self.hub}"
        self.api.command("register-instrument", {
            "name": self.hub, "iso": self.iso, "node": self.hub, "node_type": "HUB", "market": "DA",
            "time_zone": "America/New_York",
        })  # fmt: skip
        self.api.command("define-scenario", {"name": self.scenario, "growth_per_year": 0.02})
        self.quote("2026-11-20T17:00:00Z", 42.0)
        self.first = self.publish(30.0)
        self.curve = self.build()

    def quote(self, quoted_at: str, price: float, product: str = "CAL-2027") -> dict[str, Any]:
        sheet = f"hub,product,price_usd_per_mwh,source,quoted_at\n{self.hub},{product},{price},desk,{quoted_at}\n"
        return self.api.command("record-quotes", {"object": self.api.upload(sheet.encode())})

    def build(self) -> str:
        return str(self.api.command("build-curve", {"hub": self.hub, "scenario": self.scenario})["id"])

    def publish(
        self, price: float, *, hours: int = 24, start: datetime = START, node: str | None = None,
        vintage: str = "verified", feed: str | None = None, again: Stream | None = None,
    ) -> Stream:  # fmt: skip
        """Hours of one node; given its stream, a newer reading of the same publication."""
        rows = tick_rows([node or self.hub], start, count=hours, lmp_usd_per_mwh=price, node_type="HUB")
        reading = Reading(
            iso=self.iso, market="DA", feed=feed or self.feed, vintage=vintage, parser="test", parser_version=1,
            rows_sha256=self.platform.objects.put("rows", to_parquet(rows)), rows_digest=digest(rows),
            row_count=rows.num_rows, gaps_sha256=None, gap_count=0, first_interval_start_utc=start,
            last_interval_end_utc=start + timedelta(hours=hours), published_at=None,
            ranked_as=again.events[0].position if again else None,
        )  # fmt: skip
        log = self.platform.log
        if again is None:
            stream = Stream(uuid4(), ())
            made = Publication.ingest(stream.id, Source((uuid4().hex * 2,), ("f.csv",), "f.csv", 1, {}), reading)
        else:
            stream = log.stream(again.id)
            known = stream.aggregate(Publication)
            assert known
            known.read_again(reading)
            made = known
        return log.append(stream, made.collect_events(), metadata())

    def listed(self, **params: Any) -> dict[str, Any] | None:
        """What the list says of the first curve; None where it is not in it."""
        found = self.api.get("/v1/curves", hub=self.hub, **params)["items"]
        return next((curve for curve in found if curve["id"] == self.curve), None)

    @property
    def stale(self) -> dict[str, Any] | None:
        """Of the curve: the same in the list and alone, and the filter agrees."""
        listed = self.listed()
        assert listed
        alone = self.api.get(f"/v1/curves/{self.curve}/staleness")["stale"]
        assert listed["stale"] == alone
        assert (self.listed(stale="true") is not None) == (alone is not None)
        assert (self.listed(stale="false") is not None) == (alone is None)
        return dict(alone) if alone else None

    @property
    def reason(self) -> dict[str, Any]:
        """The only reason there is."""
        found = self.stale
        assert found, "it is not stale"
        (reason,) = found["reasons"]
        assert (found["since"], found["further_reasons"]) == (reason["since"], 0)
        return dict(reason)


def origin(stream: Stream) -> dict[str, Any]:
    return {"id": str(stream.id), "position": stream.position}


@pytest.fixture
def desk(platform: Platform, api: Connection) -> Desk:
    return Desk(platform, api)


def test_a_fresh_curve_is_not_stale(desk: Desk) -> None:
    assert desk.stale is None


UNCHANGED: dict[str, Callable[[Desk], object]] = {
    "a new day": lambda desk: desk.publish(55.0, start=START + DAY),
    "another node": lambda desk: desk.publish(55.0, node="ELSEWHERE"),
    "a feed of which nothing says that it counts": lambda desk: desk.publish(55.0, feed="other"),
    "the same prices again": lambda desk: desk.publish(30.0),
    "a weaker vintage": lambda desk: desk.publish(55.0, vintage="preliminary"),
    "a reading that says the same": lambda desk: desk.publish(30.0, again=desk.first),
    "an older quote": lambda desk: desk.quote("2026-11-19T17:00:00Z", 50.0),
    "a scenario confirmed": lambda desk: desk.api.command(
        "revise-scenario", {"name": desk.scenario, "growth_per_year": 0.02}
    ),
    "the curve recomputed": lambda desk: desk.api.command("recompute-result", {"result_id": desk.curve}),
    "another curve": lambda desk: desk.build(),
}


@pytest.mark.parametrize("case", UNCHANGED)
def test_what_makes_no_difference_makes_nothing_stale(desk: Desk, case: str) -> None:
    UNCHANGED[case](desk)
    assert desk.stale is None


def test_restated_prices(desk: Desk) -> None:
    restated = desk.publish(31.0, hours=5)
    reason = desk.reason
    assert (reason["kind"], reason["replaced"], reason["by"]) == ("prices", origin(desk.first), origin(restated))
    assert (reason["since"], reason["detail"]) == (
        restated.position, "5 prices are others, of intervals starting 2026-01-01T00:00Z to 2026-01-01T04:00Z",
    )  # fmt: skip
    # A curve that is built on the restatement is not stale, and a restatement back makes the old one right again.
    newer = desk.build()
    (built,) = [curve for curve in desk.api.get("/v1/curves", hub=desk.hub)["items"] if curve["id"] == newer]
    assert built["stale"] is None
    desk.publish(30.0, hours=5, vintage="final")
    assert desk.stale is None


def test_several_restatements_are_told_each(desk: Desk) -> None:
    first, second = desk.publish(31.0, hours=5), desk.publish(32.0, hours=2)
    found = desk.stale
    assert found
    told = {(reason["by"]["position"], reason["detail"][:2]) for reason in found["reasons"]}
    assert told == {(first.position, "3 "), (second.position, "2 ")}
    assert found["since"] == first.position


def test_a_stronger_vintage(desk: Desk) -> None:
    final = desk.publish(29.0, vintage="final")
    assert desk.reason["by"] == origin(final)


def test_another_reading_of_the_same_file(desk: Desk) -> None:
    reread = desk.publish(33.0, again=desk.first)
    reason = desk.reason
    assert (reason["kind"], reason["replaced"], reason["by"]) == ("prices", origin(desk.first), origin(reread))
    assert reason["by"]["id"] == reason["replaced"]["id"]


def test_a_reading_that_takes_prices_away(desk: Desk) -> None:
    reread = desk.publish(30.0, hours=20, again=desk.first)
    reason = desk.reason
    assert (reason["kind"], reason["replaced"], reason["by"]) == ("prices", origin(desk.first), None)
    assert (reason["since"], reason["detail"][:26]) == (reread.position, "4 prices are there no more")


def test_another_feed_that_the_operator_settles_by(platform: Platform, api: Connection) -> None:
    desk = Desk(platform, api, iso="MISO", feed="da_exante_lmp")
    desk.publish(31.0, feed="da_expost_lmp", node="ELSEWHERE")
    assert desk.stale is None
    settled = desk.publish(31.0, feed="da_expost_lmp")
    reason = desk.reason
    assert (reason["kind"], reason["by"], reason["since"]) == ("feed", origin(settled), settled.position)
    assert reason["detail"] == "the history is in the feed da_expost_lmp now, not da_exante_lmp"


def test_a_newer_quote_and_a_first_one(desk: Desk) -> None:
    newer = desk.quote("2026-11-21T17:00:00Z", 42.0)
    reason = desk.reason
    assert (reason["kind"], reason["detail"]) == ("quotes", "CAL-2027: newer quotes")
    assert reason["by"] == {"id": newer["id"], "position": newer["position"]}
    assert reason["replaced"]["id"] != newer["id"]
    desk.curve = desk.build()
    first = desk.quote("2026-11-21T17:00:00Z", 43.0, product="CAL-2028")
    reason = desk.reason
    assert (reason["replaced"], reason["by"]["id"]) == (None, first["id"])
    assert reason["detail"] == "CAL-2028: first quotes"


def test_quotes_of_another_hub_do_not_matter(platform: Platform, api: Connection, desk: Desk) -> None:
    Desk(platform, api).quote("2026-11-21T17:00:00Z", 50.0)
    assert desk.stale is None


def test_a_revised_scenario_until_it_is_revised_back(desk: Desk) -> None:
    revised = desk.api.command("revise-scenario", {"name": desk.scenario, "growth_per_year": 0.03})
    reason = desk.reason
    assert (reason["kind"], reason["since"]) == ("scenario", revised["position"])
    assert reason["by"] == {"id": revised["id"], "position": revised["position"]}
    assert reason["replaced"]["id"] == revised["id"]
    assert reason["detail"] == f"{desk.scenario} is at revision 2, not 1"
    desk.api.command("revise-scenario", {"name": desk.scenario, "growth_per_year": 0.02})
    assert desk.stale is None


def test_a_list_can_be_asked_what_was_stale_then(desk: Desk) -> None:
    before = desk.platform.log.head()
    desk.publish(31.0)
    assert desk.reason
    (then,) = desk.api.get("/v1/curves", hub=desk.hub, as_of=before)["items"]
    assert then["stale"] is None
    assert desk.api.get(f"/v1/curves/{desk.curve}/staleness", as_of=before)["stale"] is None
    assert desk.api.get("/v1/curves", hub=desk.hub, stale="true", as_of=before)["items"] == []


def test_pages_of_stale_curves_miss_none_and_repeat_none(desk: Desk) -> None:
    built = [desk.curve, *(desk.build() for _ in range(4))]
    desk.publish(31.0)
    fresh = desk.build()
    params = {"hub": desk.hub, "stale": "true"}
    walked = [curve["id"] for curve in desk.api.items("/v1/curves", **params, most=None)]
    assert walked == built[::-1]
    page = desk.api.get("/v1/curves", **params, limit=2)
    found = page["items"]
    while page["next_cursor"]:
        page = desk.api.get("/v1/curves", **params, limit=2, cursor=page["next_cursor"])
        found += page["items"]
    assert [curve["id"] for curve in found] == built[::-1]
    assert [c["id"] for c in desk.api.get("/v1/curves", hub=desk.hub, stale="false")["items"]] == [fresh]


def test_a_valuation_is_as_stale_as_its_curve_and_a_contract_as_its_newest_valuation(desk: Desk) -> None:
    api = desk.api
    ppa = api.command("register-ppa", {"name": f"ppa of {desk.hub}", "hub": desk.hub, **TERMS})["id"]
    price = {"ppa_id": ppa, "paths": 10}
    old = api.command("price-ppa", {**price, "curve_id": desk.curve})["id"]

    def listed(**params: str) -> list[dict[str, Any]]:
        return list(api.get("/v1/ppas", hub=desk.hub, **params)["items"])

    assert [item["stale"] for item in listed()] == [None]
    assert listed(stale="true") == []
    restated = desk.publish(31.0)
    (contract,) = listed(stale="true")
    (reason,) = contract["stale"]["reasons"]
    assert (reason["valuation_id"], reason["curve_id"], reason["by"]) == (old, desk.curve, origin(restated))
    shown = api.get(f"/v1/ppas/{ppa}")
    assert shown["stale"] == contract["stale"]
    assert [v["stale"]["since"] for v in shown["valuations"]] == [restated.position]
    assert api.get(f"/v1/ppas/valuations/{old}/staleness")["stale"]["reasons"] == [desk.reason]

    # Priced anew on a curve of what is known now, the contract is up to date; the old valuation stays stale.
    new = api.command("price-ppa", {**price, "curve_id": desk.build()})["id"]
    assert [item["stale"] for item in listed(stale="false")] == [None]
    found = api.get("/v1/ppas/valuations", ppa_id=ppa)["items"]
    assert [(v["id"], v["stale"] is None) for v in found] == [(new, True), (old, False)]
    assert [v["id"] for v in api.get("/v1/ppas/valuations", ppa_id=ppa, stale="true")["items"]] == [old]


def test_what_is_not_there_has_no_staleness(desk: Desk) -> None:
    for path in ("/v1/curves", "/v1/ppas/valuations"):
        with pytest.raises(ApiError, match="there is no"):
            desk.api.get(f"{path}/{uuid4()}/staleness")


def test_the_verbs_tell_what_replaced_what(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("curves", "ppas"):
        monkeypatch.setattr(f"api.cli.{module}.connect", lambda: Connection.to_platform(desk.platform))

    def run(*arguments: str) -> Any:
        said = CliRunner().invoke(app, list(arguments))
        assert said.exit_code == 0, said.output
        return said

    assert "No curve is stale." in run("curves", "list", "--stale", "--hub", desk.hub).stderr
    ppa = desk.api.command("register-ppa", {"name": f"ppa of {desk.hub}", "hub": desk.hub, **TERMS})["id"]
    desk.api.command("price-ppa", {"ppa_id": ppa, "curve_id": desk.curve, "paths": 10})
    restated = desk.publish(31.0)
    change = (
        f"{desk.first.id} at position {desk.first.position} was replaced by "
        f"{restated.id} at position {restated.position}"
    )
    said = run("curves", "list", "--stale", "--hub", desk.hub)
    assert desk.curve in said.stdout
    assert str(restated.position) in said.stdout
    assert change in said.stderr
    assert change in run("curves", "show", desk.curve).stderr
    assert change in run("ppas", "show", ppa).stderr
    assert f"ppa of {desk.hub}: prices: 24 prices are others" in run("ppas", "list", "--stale").stderr
    as_json = json.loads(run("curves", "list", "--stale", "--hub", desk.hub, "--json").stdout)
    assert as_json[0]["stale"]["reasons"] == [desk.reason]
    assert json.loads(run("curves", "show", desk.curve, "--json").stdout)["stale"]["reasons"] == [desk.reason]


def test_a_raw_file_leads_to_every_result_that_used_it(desk: Desk) -> None:
    ppa = desk.api.command("register-ppa", {"name": f"ppa of {desk.hub}", "hub": desk.hub, **TERMS})["id"]
    valuation = desk.api.command("price-ppa", {"ppa_id": ppa, "curve_id": desk.curve, "paths": 10})["id"]
    unused = desk.publish(31.0, node="ELSEWHERE")
    source = desk.first.aggregate(Publication)
    assert source
    graph = desk.api.get(f"/v1/lineage/{source.source.raw_sha256[0]}", direction="downstream")
    assert {desk.curve, valuation, str(desk.first.id)} <= {node["id"] for node in graph["nodes"]}
    other = unused.aggregate(Publication)
    assert other
    beside = desk.api.get(f"/v1/lineage/{other.source.raw_sha256[0]}", direction="downstream")
    assert not {desk.curve, valuation} & {node["id"] for node in beside["nodes"]}
