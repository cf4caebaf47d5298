"""CAISO's products of which no real file is at hand, written from the operator's specification; and faults of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

AS_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,ANC_TYPE,ANC_REGION,MARKET_RUN_ID,XML_DATA_ITEM,MW,GROUP"
)
AS_ROW = (
    "2025-11-02T{hour}:00:00-00:00,2025-11-02T{end}:00:00-00:00,2025-11-02,1,{service},AS_CAISO,DAM,SP_MIN_CLR_PRC,"
    "{price},1"
)


def read(name: str, text: str) -> ParsedPublication:
    (payload,) = survey(name, text.encode(), named=True).payloads
    return parse(payload)


def refused(name: str, text: str) -> str:
    with pytest.raises(UnreadablePublication) as found:
        read(name, text)
    return found.value.reason


def test_ancillary_prices() -> None:
    rows = [AS_ROW.format(hour="08", end="09", service=s, price=p) for s, p in (("RU", 4.5), ("NR", 0.1), ("XX", 2))]
    found = read("20251102_20251103_PRC_AS_DAM_v12.csv", "\n".join([AS_HEADER, *rows]))
    assert (found.dataset, found.feed, found.market) == ("ancillary", "prc_as", "DA")
    assert [(r["product"], r["area"], r["price_usd_per_mw"]) for r in found.rows.to_pylist()] == [
        ("REGUP", "AS_CAISO", 4.5),
        ("NSPIN", "AS_CAISO", 0.1),
        ("XX", "AS_CAISO", 2.0),
    ]
    assert "there twice, in lines 2 and 3" in refused("x.csv", "\n".join([AS_HEADER, rows[0], rows[0]]))
    backwards = AS_ROW.format(hour="09", end="08", service="RU", price=1)
    assert "does not end after its start" in refused("x.csv", "\n".join([AS_HEADER, backwards]))


LMP_HEADER = "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,NODE,MARKET_RUN_ID,LMP_TYPE,VALUE,GROUP"


def test_five_minute_lmps_of_a_group_zip() -> None:
    prices = {"LMP": 20.5, "MCE": 21.0, "MCC": -1.0, "MCL": 0.5}
    rows = [
        f"2025-11-02T08:{minute:02}:00-00:00,2025-11-02T08:{minute + 5:02}:00-00:00,,,N1,RTM,{kind},{price},1"
        for minute in (0, 5)
        for kind, price in prices.items()
    ]
    found = read("20251102_20251102_PRC_INTVL_LMP_RTM_v3.csv", "\n".join([LMP_HEADER, *rows]))
    assert (found.market, found.feed, found.rows.num_rows) == ("RT5", "prc_intvl_lmp", 2)
    assert found.rows["energy_usd_per_mwh"].to_pylist() == [21.0, 21.0]


def fuel_lines(times: list[str]) -> str:
    return "\n".join(["Time,Solar,Wind,Natural Gas", *(f"{time},1,2,{i}" for i, time in enumerate(times))])


def clock(start: datetime, count: int) -> list[str]:
    return [f"{start + timedelta(minutes=5 * i):%H:%M}" for i in range(count)]


def test_the_repeated_hour_of_the_outlook_is_read_where_both_passes_are_there() -> None:
    first, again = clock(datetime(2025, 11, 2), 24), clock(datetime(2025, 11, 2, 1), 12)
    rest = clock(datetime(2025, 11, 2, 2), 12)
    found = read("20251102_fuelsource.csv", fuel_lines([*first, *again, *rest]))
    starts = sorted(set(found.rows["interval_start_utc"].to_pylist()))
    assert starts == [datetime(2025, 11, 2, 7, tzinfo=UTC) + timedelta(minutes=5 * i) for i in range(48)]


def test_a_repeated_hour_that_stands_there_once_is_left_out() -> None:
    found = read("20251102_fuelsource.csv", fuel_lines(clock(datetime(2025, 11, 2), 36)))
    assert len(set(found.rows["interval_start_utc"].to_pylist())) == 24


def test_line_breaks_of_a_page_in_the_names_of_the_outlook() -> None:
    """As the downloads of 2018 wrote them."""
    labels = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(0, 60, 5)]
    lines = ["Net Demand 04/03/2018," + ",".join([*labels, "00:00"])]
    for name in ("Hour ahead forecast", "Current demand<br />(5 min. avg.)", "Net demand"):
        lines.append(f"{name},20000" + 288 * ",")
    found = read("CAISO-netdemand.csv", "\n".join(lines))
    assert [(row["series"], row["category"]) for row in found.rows.to_pylist()] == [
        ("load_forecast", "hour_ahead"), ("load", ""), ("net_demand", ""),
    ]  # fmt: skip


def test_faults_of_the_outlook() -> None:
    assert "only the name tells the day" in refused("fuelsource.csv", fuel_lines(["00:00"]))
    assert "'25:00' is not a time of day" in refused("20250101_fuelsource.csv", fuel_lines(["25:00"]))
    assert "line 2: 'x' is no number" in refused("20250101_fuelsource.csv", "Time,Solar,Wind,Natural Gas\n00:00,x,1,1")
    assert "3 cells under 4 columns" in refused("20250101_fuelsource.csv", "Time,Solar,Wind,Natural Gas\n00:00,1,1")
    header = "Time,Solar,Wind,Natural Gas\n"
    for wrong in ("1_000", "nan", "１"):
        assert "is no number" in refused("20250101_fuelsource.csv", f"{header}00:00,{wrong},1,1")
    twice = f"{header}02:00,1,1,1\n02:05,1,1,1\n\n02:00,2,2,2"
    assert "line 5: generation solar of 2025-01-01T10:00Z is there twice" in refused("20250101_fuelsource.csv", twice)
    assert "hour that the clock skips" in refused("20250309_fuelsource.csv", f"{header}02:00,1,1,1")


def test_a_line_of_the_outlook_that_is_cut_short_is_refused() -> None:
    labels = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(0, 60, 5)]
    lines = ["Demand 01/01/2025," + ",".join(labels) + ",", "Demand" + 288 * ",20000", "Net demand" + 200 * ",20000"]
    for line_break in ("\n", "\r\n", "\r"):
        assert read("x.csv", line_break.join(lines[:2])).rows.num_rows == 288
    assert "line 3: 201 cells under 289 columns" in refused("x.csv", "\n".join(lines))


def test_xml_with_an_entity_is_not_opened() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><OASISReport>&a;</OASISReport>'
    assert "the XML cannot be read" in refused("a.xml", bomb)
