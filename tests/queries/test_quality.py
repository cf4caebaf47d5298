"""The quality report over files with faults put in: each is found, none is invented."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.cli.connection import ApiError, Connection
from api.cli.ingest import ingest_paths
from tests.e2e.market_files import miso_name, miso_text, pjm_text

FIRST = date(2026, 3, 2)
DAYS = [FIRST + timedelta(days=number) for number in range(7)]
SHAPE = [22, 21, 20, 20, 21, 24, 30, 36, 38, 37, 35, 34, 33, 33, 34, 36, 42, 55, 60, 52, 44, 36, 29, 25]
NODES = ("INDIANA.HUB", "MICHIGAN.HUB", "ARKANSAS.HUB")
FEED = "da_expost_lmp"


def report(api: Connection, first: date = FIRST, days: int = 7, iso: str = "MISO") -> dict[str, Any]:
    return dict(
        api.get("/v1/quality", iso=iso, start=first.isoformat(), end=(first + timedelta(days=days)).isoformat())
    )


def ingest(api: Connection, folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text)
    ingest_paths(api, [file])


def day_text(day: date, nodes: tuple[str, ...] = NODES, prices: list[object] | None = None) -> str:
    return miso_text(FEED, {node: prices or [p + number for p in SHAPE] for number, node in enumerate(nodes)}, day)


@pytest.fixture(scope="module")
def faulty(api: Connection, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A week in which one day is missing, one node lacks an hour, one file came twice, and one price is a spike."""
    folder = tmp_path_factory.mktemp("week")
    spiked = [*SHAPE[:17], 900, *SHAPE[18:]]
    for number, day in enumerate(DAYS):
        if number == 2:
            continue  # the day that is missing
        text = day_text(day)
        if number == 3:
            text = text.replace("MICHIGAN.HUB,Hub,LMP,23,22,", "MICHIGAN.HUB,Hub,LMP,23,,")
        if number == 5:
            text = day_text(day, prices=list(spiked))
            text = text.replace(f"{NODES[1]},Hub,LMP,{','.join(map(str, spiked))}", plain_row(1))
            text = text.replace(f"{NODES[2]},Hub,LMP,{','.join(map(str, spiked))}", plain_row(2))
        ingest(api, folder, miso_name(FEED, day), text)
        if number == 4:  # other bytes, the same prices
            ingest(api, folder / "again", miso_name(FEED, day), text + "\n")
    return report(api)


def plain_row(number: int) -> str:
    return f"{NODES[number]},Hub,LMP,{','.join(str(price + number) for price in SHAPE)}"


def test_every_fault_is_found_and_none_invented(faulty: dict[str, Any]) -> None:
    kinds = Counter((f["kind"], f["market_day"]) for f in faulty["findings"])
    assert kinds == {
        ("gap", "2026-03-04"): 24,
        ("gap", "2026-03-05"): 1,
        ("repeat", "2026-03-06"): 1,
        ("spike", "2026-03-07"): 1,
    }
    by_kind = {(f["kind"], f["market_day"]): f for f in faulty["findings"]}
    hour = by_kind["gap", "2026-03-05"]
    assert (hour["interval_start_utc"], hour["detail"]) == (
        "2026-03-05T06:00:00Z",
        "1 of 3 places have no price",
    )
    spike = by_kind["spike", "2026-03-07"]
    assert (spike["node"], spike["lmp_usd_per_mwh"], spike["interval_start_utc"]) == (
        "INDIANA.HUB", 900.0, "2026-03-07T22:00:00Z",
    )  # fmt: skip
    assert by_kind["repeat", "2026-03-06"]["detail"].startswith("72 rows")


def test_days_are_counted_by_interval_and_place(faulty: dict[str, Any]) -> None:
    days = {row["market_day"]: row for row in faulty["items"]}
    assert len(days) == 7
    whole = days["2026-03-02"]
    assert (whole["expected_intervals"], whole["received_intervals"], whole["places"]) == (24, 24, 3)
    assert whole["completeness"] == 1.0
    assert (days["2026-03-04"]["received_intervals"], days["2026-03-04"]["completeness"]) == (0, 0.0)
    assert days["2026-03-05"]["completeness"] == pytest.approx(71 / 72)
    assert (days["2026-03-06"]["completeness"], days["2026-03-06"]["repeated_rows"]) == (1.0, 72)


def test_the_spike_stays_a_price(api: Connection, faulty: dict[str, Any]) -> None:
    assert faulty
    rows = api.get("/v1/prices", iso="MISO", node="INDIANA.HUB", start="2026-03-07T22:00Z", end="2026-03-07T23:00Z")
    assert [row["lmp_usd_per_mwh"] for row in (rows["items"] if isinstance(rows, dict) else rows)] == [900.0]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2025, 11, 2), 25), (date(2026, 1, 5), 24)])
def test_a_day_of_the_market_has_23_to_25_hours(api: Connection, tmp_path: Path, day: date, hours: int) -> None:
    """PJM keeps Eastern Prevailing Time. Hours are written by their UTC stamp."""
    midnight_utc_hour = 4 if day.month == 11 else 5
    text = pjm_text([float(30 + hour) for hour in range(hours)], version=1, day=day)
    if midnight_utc_hour == 5:  # `pjm_text` writes daylight saving time
        text = shifted(text, day, hours)
    ingest(api, tmp_path, "rt_hrl_lmps.csv", text)
    (found,) = (row for row in report(api, day, 1, "PJM")["items"] if row["market"] == "RTH")
    assert (found["expected_intervals"], found["received_intervals"], found["gaps"]) == (hours, hours, 0)


def shifted(text: str, day: date, hours: int) -> str:
    """The same prices, an hour later by UTC: in Eastern Standard Time."""
    later = pjm_text([float(30 + hour - 1) for hour in range(hours + 1)], version=1, day=day).splitlines()
    return "\r\n".join([text.splitlines()[0], *later[2:]]) + "\r\n"


def test_what_no_market_pays_is_marked(api: Connection, tmp_path: Path) -> None:
    day = date(2026, 5, 4)
    ingest(api, tmp_path, miso_name(FEED, day), day_text(day, ("N1",), [*SHAPE[:23], 10_001]))
    found = report(api, day, 1)
    assert sorted(f["kind"] for f in found["findings"]) == ["range", "spike"]
    assert {f["interval_start_utc"] for f in found["findings"]} == {"2026-05-05T04:00:00Z"}


def test_more_than_a_month_is_refused(api: Connection) -> None:
    with pytest.raises(ApiError, match="is not 1 to 31 days"):
        report(api, days=32)
