"""The doors of quality: what was known and due then, whose it is, formats, and the verbs' exit codes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from api.cli import quality as verbs
from api.cli.connection import ApiError, Connection
from api.cli.ingest import ingest_paths
from api.platform import Platform
from infra.principal import ROLES
from tests.api.callers import calling_as
from tests.e2e.market_files import miso_name, miso_text, pjm_text

FEED = "da_expost_lmp"
DAYS = [date(2026, 5, 4) + timedelta(days=number) for number in range(4)]
NODES = ("A", "B")
ASKED = {"iso": "MISO", "start": "2026-05-04", "end": "2026-05-08"}


@pytest.fixture(scope="module")
def positions(api: Connection, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """Four days of MISO, of which the third came last, and an hour of PJM; the log's position after each day."""
    folder = tmp_path_factory.mktemp("days")
    found = []
    for number in (0, 1, 3, 2):
        file = folder / miso_name(FEED, DAYS[number])
        file.write_text(miso_text(FEED, {node: [20 + number] * 24 for node in NODES}, DAYS[number]))
        ingest_paths(api, [file])
        found.append(api.get("/v1/audit", limit=1)["items"][0]["position"])
    (folder / "rt_hrl_lmps.csv").write_text(pjm_text([30.0], version=1, day=DAYS[0]))
    ingest_paths(api, [folder / "rt_hrl_lmps.csv"])
    return found


def completeness(api: Connection, **params: Any) -> dict[str, float | None]:
    return {row["market_day"]: row["completeness"] for row in api.get("/v1/quality", **ASKED, **params)["items"]}


def test_a_report_as_of_a_position_sees_what_was_there(api: Connection, positions: list[int]) -> None:
    days = [day.isoformat() for day in DAYS]
    assert completeness(api) == dict.fromkeys(days, 1.0)
    assert completeness(api, as_of=positions[2]) == dict(zip(days, (1.0, 1.0, 0.0, 1.0), strict=True))
    assert completeness(api, as_of=0) == {}


def test_at_a_past_moment_nothing_later_was_due(api: Connection, positions: list[int]) -> None:
    """No row was known then; only what had been known would have been judged."""
    found = api.get("/v1/quality", **ASKED, as_of="2026-05-05T12:00Z")
    assert (found["items"], found["findings"], found["freshness"]) == ([], [], [])
    listed = api.get("/v1/quality/days", as_of="2026-05-05T12:00Z")
    assert listed["items"] == []


def test_days_are_listed_as_they_were_known(api: Connection, positions: list[int]) -> None:
    def shares(**params: Any) -> list[float]:
        return [row["completeness"] for row in api.get("/v1/quality/days", iso="MISO", **params)["items"]]

    assert shares() == [1.0] * 4
    assert shares(as_of=positions[2]) == [1.0, 0.0, 1.0, 1.0]
    assert shares(as_of=positions[2], first_day="2026-05-06", end_day="2026-05-07") == [0.0]
    (missing,) = api.get("/v1/quality/days", iso="MISO", as_of=positions[2])["items"][1]["missing"]
    assert missing == {"start_utc": "2026-05-06T05:00:00Z", "end_utc": "2026-05-07T05:00:00Z"}


def test_days_come_in_pages_and_as_tables(api: Connection, positions: list[int]) -> None:
    whole = api.get("/v1/quality/days")["items"]
    first = api.get("/v1/quality/days", limit=2)
    second = api.get("/v1/quality/days", cursor=first["next_cursor"])
    assert (first["items"] + second["items"], second["next_cursor"]) == (whole, None)
    assert len(first["items"]) == 2
    csv = api.run(api.request("GET", "/v1/quality/days", params={"format": "csv"})).text.splitlines()
    assert len(csv) == len(whole) + 1
    assert csv[0].startswith("iso,dataset,market,feed,market_day,publications,quarantined,expected_intervals")


def test_only_a_dataset_or_a_feed(api: Connection, positions: list[int]) -> None:
    assert completeness(api, dataset="ordc") == completeness(api, feed="other") == {}
    assert len(completeness(api, dataset="prices", feed=FEED)) == 4
    for dataset in ("places", "x"):
        with pytest.raises(ApiError) as refused:
            completeness(api, dataset=dataset)
        assert refused.value.status in (400, 422)


def test_what_came_in_files_is_judged_by_the_feed_that_brings_it(api: Connection, positions: list[int]) -> None:
    (row,) = api.get("/v1/quality", **ASKED)["freshness"]
    assert (row["feed"], row["arrives_by"], row["is_fresh"]) == (f"miso/{FEED}", "files", False)
    age = datetime.now(UTC) - datetime(2026, 5, 8, 5, tzinfo=UTC) - timedelta(hours=26)
    assert row["late_by_s"] == pytest.approx(age.total_seconds(), abs=60)
    assert row["missed_cadences"] == -(-age // timedelta(days=1))
    (hourly,) = api.get("/v1/quality", **ASKED | {"iso": "PJM"})["freshness"]
    assert (hourly["feed"], hourly["freshness_target_s"]) == ("pjm/rt_hrl_lmps", 7200.0), "the unverified one's"


def test_without_the_entitlement_the_iso_is_named(platform: Platform, api: Connection, positions: list[int]) -> None:
    api.command("grant-entitlement", {"tenant": "theirs", "iso": "PJM", "channels": ["api"]})
    with calling_as(platform, "theirs", "reader") as theirs:
        for path, params in (("/v1/quality", ASKED), ("/v1/quality/days", {"iso": "MISO"})):
            with pytest.raises(ApiError, match="theirs is not entitled to MISO by the channel api") as refused:
                theirs.get(path, **params)
            assert refused.value.status == 403
        assert {row["iso"] for row in theirs.get("/v1/quality/days")["items"]} == {"PJM"}
        with pytest.raises(ApiError, match="not entitled to PJM by the channel downloads"):
            theirs.get("/v1/quality/days", iso="PJM", format="csv")
    with calling_as(platform, "nobody", *ROLES) as nobody:
        assert nobody.get("/v1/quality/days")["items"] == []


@pytest.fixture
def verb(api: Connection, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    class Kept:
        def __enter__(self) -> Connection:
            return api

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(verbs, "connect", Kept)
    return CliRunner()


def test_verbs_end_with_1_only_where_something_is_amiss(verb: CliRunner, positions: list[int]) -> None:
    asked = ["report", "--iso", "miso", "--start", "2026-05-04", "--end", "2026-05-08"]
    good = verb.invoke(verbs.app, asked)
    assert (good.exit_code, "da_expost_lmp" in good.output) == (0, True)
    bad = verb.invoke(verbs.app, [*asked, "--as-of", str(positions[2]), "--json"])
    assert (bad.exit_code, bad.output.count('"gap"')) == (1, 24)
    listed = verb.invoke(verbs.app, ["list", "--iso", "miso", "--json"])
    assert (listed.exit_code, listed.output.count('"market_day"')) == (0, 4)
    nothing = verb.invoke(verbs.app, ["list", "--feed", str(uuid4())])
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_a_file_that_cannot_be_read_and_was_not_fetched_is_of_no_day(
    api: Connection, positions: list[int], tmp_path: Path
) -> None:
    before = api.get("/v1/quality/days")["items"]
    file = tmp_path / miso_name(FEED, DAYS[0])
    file.write_text(miso_text(FEED, {"A": ["x"] * 24}, DAYS[0]))
    ingest_paths(api, [file])
    assert api.get("/v1/quality/days")["items"] == before
