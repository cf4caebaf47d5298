"""Layouts that operators published besides those of the sample files: every file here is written after a description.

Where a layout was found, its test says: what the operators' own pages and the readers of public libraries tell of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.isos.catalogue import survey
from tests.integrations.samples import MISO_HEADER, miso_rows, read, refusal, rows_of, text

FIVE_MINUTES = text(
    "Five Minute LMPs",
    "",
    "11/05/2023",
    "",
    "MKTHOUR_EST,PNODENAME,LMP,CON_LMP,LOSS_LMP",
    "11/05/2023 00:55,A,20.5,1.25,-0.25",
    "11/05/2023 01:00,A,21.5,1.25,-0.25",
)


@pytest.mark.parametrize(
    "below",
    [
        "MISO makes no warranty\n",
        "\nMISO makes no warranty, express or implied\n",
        '\n"Notes:"\n"Prices, as of today"\n\n',
        "\r\nMISO makes no warranty",
    ],
)
def test_a_disclaimer_below_misos_week_of_five_minutes_is_no_row(below: str) -> None:
    """Public readers of the weekly archive drop four lines above its header and one or two at its end."""
    assert rows_of(read("x.csv", FIVE_MINUTES + below.encode())) == rows_of(read("x.csv", FIVE_MINUTES))


def test_a_week_of_five_minutes_that_is_cut_short_is_refused() -> None:
    for cut in (5, 8, 20, 25):
        assert refusal("x.csv", FIVE_MINUTES[:-cut]).line == 7
    assert refusal("x.csv", FIVE_MINUTES.replace(b"11/05/2023 00:55,A", b"Note")).line == 6


def test_misos_running_five_minutes_are_stamped_with_their_end() -> None:
    """A public library once read INTERVAL as the beginning, and corrected itself: it is the end of the interval."""
    content = text(
        "INTERVAL,CPNODE,LMP,MLC,MCC", "2024-11-03T00:00:00,A.B,20.5,0.5,1.25", "2024-11-03T00:00:00,C,-3,,0"
    )
    found = read("current", content)
    assert (found.feed, found.market, found.vintage) == ("rt_five_min_lmp", "RT5", "preliminary")
    first = rows_of(found)[0]
    assert (first["node"], first["energy_usd_per_mwh"], first["loss_usd_per_mwh"]) == ("A.B", 18.75, 0.5)
    assert first["interval_end_utc"] == datetime(2024, 11, 3, 5, tzinfo=UTC)
    assert first["interval_end_utc"] - first["interval_start_utc"] == timedelta(minutes=5)


def test_misos_long_archive_is_skipped_with_the_reason() -> None:
    header = "PNODENAME,MKTHOUR_EST,LMP,CONGESTIONLMP,LOSSLMP,PRICINGTYPE,ENERGYLMP"
    found = survey("a.csv", text(header, "A,09/01/2023 01:00,20.5,0.5,0,RT,20"), named=False)
    assert "begin or end the hour" in found.skipped[0].reason


def test_misos_archives_are_told_by_their_names() -> None:
    header = MISO_HEADER.replace("HE ", "HE").upper().replace("NODE", "MARKET_DAY,NODE", 1)
    content = text(header, *(f"01/01/2024,{row}" for row in miso_rows(["A"])))
    for name in ("2024-Jan-Mar_RT_LMPs.csv", "RT_LMP_HOURLY631315.csv", "Post_RTHOURLY_LMP620988.csv"):
        assert (read(name, content).feed, read(name, content).vintage) == ("rt_lmp", "final")


def test_misos_archives_write_thousands_in_quotes() -> None:
    """Public readers of the quarterly archives take the commas out of their prices."""
    header = MISO_HEADER.replace("HE ", "HE").upper().replace("NODE", "MARKET_DAY,NODE", 1)
    rows = [f"01/01/2024,{row}" for row in miso_rows(["A"])]
    rows[0] = rows[0].replace("21.00", '"1,021.00"').replace("22.00", '"-12,022.5"')
    prices = [row["lmp_usd_per_mwh"] for row in rows_of(read("2024-Jan-Mar_RT_LMPs.csv", text(header, *rows)))]
    assert prices[:3] == [1021.0, -12022.5, 23.0]
    for cell in ('"1,02.00"', '"10,21"', "1,021.00"):
        broken = text(header, rows[0].replace('"1,021.00"', cell), *rows[1:])
        assert refusal("2024-Jan-Mar_RT_LMPs.csv", broken).line == 2


_OASIS = """<?xml version="1.0" encoding="UTF-8"?>
<m:OASISReport xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd"><m:MessagePayload><m:RTO><m:name>CAISO</m:name>
{items}
<m:DISCLAIMER_ITEM><m:DISCLAIMER>none</m:DISCLAIMER></m:DISCLAIMER_ITEM></m:RTO></m:MessagePayload></m:OASISReport>"""
_ITEM = """<m:REPORT_ITEM><m:REPORT_HEADER><m:SYSTEM>OASIS</m:SYSTEM><m:TZ>PPT</m:TZ><m:REPORT>{report}</m:REPORT>
<m:MKT_TYPE>{market}</m:MKT_TYPE><m:EXECUTION_TYPE>{run}</m:EXECUTION_TYPE><m:UOM>US$/MWh</m:UOM></m:REPORT_HEADER>
{rows}</m:REPORT_ITEM>"""
_DATA = """<m:REPORT_DATA><m:DATA_ITEM>{item}</m:DATA_ITEM><m:RESOURCE_NAME>{place}</m:RESOURCE_NAME>
<m:OPR_DATE>2025-11-02</m:OPR_DATE><m:INTERVAL_NUM>2</m:INTERVAL_NUM>
<m:INTERVAL_START_GMT>2025-11-02T{start}:00-00:00</m:INTERVAL_START_GMT>
<m:INTERVAL_END_GMT>2025-11-02T{end}:00-00:00</m:INTERVAL_END_GMT><m:VALUE>{price}</m:VALUE></m:REPORT_DATA>"""
_LMP_PARTS = {"LMP_PRC": 20.5, "LMP_ENE_PRC": 21.0, "LMP_CONG_PRC": -1.0, "LMP_LOSS_PRC": 0.5}


def _oasis_xml(report: str, market: str, rows: list[str], run: str = "") -> bytes:
    """One item a kind of price, as OASIS groups them."""
    items = [_ITEM.format(report=report, market=market, run=run, rows=row) for row in rows]
    return _OASIS.format(items="\n".join(items)).encode()


@pytest.mark.parametrize(
    ("report", "market", "run", "end", "feed", "ours"),
    [
        ("PRC_LMP", "DAM", "", "10:00", "prc_lmp", "DA"),
        ("PRC_LMP", "DAM", "IFM", "10:00", "prc_lmp", "DA"),
        ("PRC_INTVL_LMP", "RTM", "RTD", "09:05", "prc_intvl_lmp", "RT5"),
        ("PRC_RTPD_LMP", "RTM", "RTPD", "09:15", "prc_rtpd_lmp", "RT15"),
        ("PRC_HASP_LMP", "HASP", "", "09:15", "prc_hasp_lmp", "RT15"),
    ],
)
def test_oasis_lmps_as_xml(report: str, market: str, run: str, end: str, feed: str, ours: str) -> None:
    """OASIS answers with XML where no format is asked for; public readers tell its elements and items."""
    rows = [_DATA.format(item=item, place="N1", start="09:00", end=end, price=p) for item, p in _LMP_PARTS.items()]
    found = read("answer", _oasis_xml(report, market, rows, run))
    assert (found.feed, found.market) == (feed, ours)
    (row,) = rows_of(found)
    assert row["interval_start_utc"] == datetime(2025, 11, 2, 9, tzinfo=UTC)
    assert [row[f"{part}_usd_per_mwh"] for part in ("lmp", "energy", "congestion", "loss")] == [20.5, 21.0, -1.0, 0.5]


def test_faults_of_oasis_lmps_as_xml() -> None:
    rows = [_DATA.format(item=item, place="N1", start="09:00", end="10:00", price=p) for item, p in _LMP_PARTS.items()]
    off = [rows[0].replace("20.5", "25"), *rows[1:]]
    for wrong, words in (
        (rows[:3], "price 1: this node and interval has no MCL row"),
        (off, "price 1: the LMP is off from the sum of its components by 4.5"),
        ([rows[0].replace("20.5", "n/a"), *rows[1:]], "price 1: 'n/a' is not a number"),
        ([row.replace("10:00:00", "09:30:00") for row in rows], "lasts 1800 s instead of 3600 s"),
        ([], "the report holds no price"),
    ):
        assert words in refusal("x.xml", _oasis_xml("PRC_LMP", "DAM", wrong or [""])).reason
    assert "'RUC' is none of the runs" in refusal("x.xml", _oasis_xml("PRC_LMP", "DAM", rows, "RUC")).reason


def test_oasis_ancillary_prices_as_xml() -> None:
    """Items as public readers of PRC_AS name them."""
    items = {"SP_CLR_PRC": 1.5, "NS_CLR_PRC": 0.1, "RU_CLR_PRC": 3, "RD_CLR_PRC": 4, "RMU_CLR_PRC": 0, "RMD_CLR_PRC": 5}
    rows = [_DATA.format(item=item, place="AS_CAISO", start="09:00", end="10:00", price=p) for item, p in items.items()]
    found = read("answer", _oasis_xml("PRC_AS", "DAM", rows))
    assert (found.feed, found.market, found.rows.num_rows) == ("prc_as", "DA", 6)
    prices = {row["product"]: row["price_usd_per_mw"] for row in found.rows.to_pylist()}
    assert prices == {"SPIN": 1.5, "NSPIN": 0.1, "REGUP": 3, "REGDN": 4, "REGMUP": 0, "REGMDN": 5}
    assert (
        "there twice, in lines price 1 and price 7"
        in refusal("x.xml", _oasis_xml("PRC_AS", "DAM", [*rows, rows[0]])).reason
    )


def _api_answer(names: list[str], rows: list[list[Any]], pages: int = 1) -> bytes:
    fields = [{"name": name, "label": name, "dataType": "VARCHAR"} for name in names]
    return json.dumps({"_meta": {"totalPages": pages}, "report": {}, "fields": fields, "data": rows}).encode()


_DAM_FIELDS = ["deliveryDate", "hourEnding", "settlementPoint", "settlementPointPrice", "DSTFlag"]


def test_answers_of_ercots_api_with_day_ahead_prices() -> None:
    """Field names and the flag as public clients of the API read them."""
    hours = [["2024-11-03", f"{hour:02}:00", "HB_NORTH", 20.5 + hour, False] for hour in range(1, 25)]
    hours.insert(2, ["2024-11-03", "02:00", "HB_NORTH", -1, True])
    found = read("answer", _api_answer(_DAM_FIELDS, hours))
    assert (found.feed, found.market, found.gaps.num_rows) == ("dam_spp", "DA", 0)
    rows = rows_of(found)
    assert [row["lmp_usd_per_mwh"] for row in rows[:4]] == [21.5, 22.5, -1.0, 23.5]
    assert rows[2]["interval_start_utc"] == datetime(2024, 11, 3, 7, tzinfo=UTC)
    assert read("answer", _api_answer(_DAM_FIELDS, hours[:3])).gaps.num_rows == 22
    assert read("answer", _api_answer(_DAM_FIELDS, hours[:3], pages=2)).gaps.num_rows == 0


def test_answers_of_ercots_api_with_other_prices() -> None:
    quarter = ["deliveryDate", "deliveryHour", "deliveryInterval", "settlementPoint", "settlementPointType"]
    quarter += ["settlementPointPrice", "DSTFlag"]
    found = read("answer", _api_answer(quarter, [["2024-06-12", 24, 4, "LZ_WEST", "LZ", 31.25, False]]))
    assert (found.feed, found.market) == ("rtm_spp", "RT15")
    assert rows_of(found)[0]["interval_end_utc"] == datetime(2024, 6, 13, 5, tzinfo=UTC)
    assert (rows_of(found)[0]["node"], rows_of(found)[0]["node_type"]) == ("LZ_WEST", "LZ")
    run = ["SCEDTimestamp", "repeatHourFlag", "settlementPoint", "LMP"]
    found = read("answer", _api_answer(run, [["2024-06-12T07:00:12", False, "HB_NORTH", 1e-05]]))
    assert (found.feed, rows_of(found)[0]["lmp_usd_per_mwh"]) == ("sced_lmp", 1e-05)
    services = ["deliveryDate", "hourEnding", "ancillaryType", "MCPC", "DSTFlag"]
    assert read("answer", _api_answer(services, [["2024-06-12", "01:00", "REGUP", 3.5, False]])).feed == "dam_mcpc"


def test_faults_of_answers_of_ercots_api() -> None:
    good = ["2024-06-12", "01:00", "HB_NORTH", 20.5, False]
    for row, words in (
        (
            ["2024-06-12", "25:00", "A", 1, False],
            "column hourEnding: row 2 of data: '25:00' is not an hour from 1 to 24",
        ),
        (["2024-06-12", "01:00", "A", "high", False], "column settlementPointPrice: row 2 of data: 'high' is not a"),
        (["2024-06-12", "01:00", "A", 1], "row 2 of data is no list of 5 cells"),
        (["2024-06-12", "01:00", "A", 1, "maybe"], "column DSTFlag: row 2 of data: 'maybe' is neither Y nor N"),
    ):
        assert words in refusal("answer", _api_answer(_DAM_FIELDS, [good, row])).reason
    assert "nothing is published for it yet" in refusal("answer", _api_answer(_DAM_FIELDS, [])).reason
    forecast = _api_answer(["postedDatetime", *_DAM_FIELDS], [["2024-06-12T00:00:00", *good]])
    assert "not all those of a report" in refusal("answer", forecast).reason


def test_a_flag_of_ercot_that_is_never_filled_in_says_nothing() -> None:
    header = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"
    assert read("x.csv", text(header, "06/12/2024,01:00,HB_NORTH,20.5,")).rows.num_rows == 1
    twice = refusal("x.csv", text(header, "11/03/2024,02:00,HB_NORTH,20.5,"))
    assert "occurs twice" in twice.reason


_DAILY_NODE = "{day},{pnode},{name},230 KV,T-1,{kind},AEP,"


def _daily(day: str = "20150102", market: str = "Day Ahead", hours: Sequence[str] = (), last: str = "") -> bytes:
    """Two nodes; the hour ending n costs 10 n or 20 n, congestion 1 and loss -0.5."""
    hours = hours or [f"{hour:02}00" for hour in range(1, 25)]
    columns = ["TotalLMP,CongestionPrice,MarginalLossPrice"] * len(hours)
    lines = [
        f"Daily {market} LMP Values,,",
        ",,",
        f"Start of {market} LMP Data,,,,,,," + ",".join(",".join([h] * 3) for h in hours),
    ]
    lines.append("Date,PnodeID,Name,Voltage,Equipment,Type,Zone," + ",".join(columns))
    for pnode, name, base in ((1, "PJM-RTO ", 10), (48592, "20 AEP", 20)):
        prices = [f"{base * int(hour[:2])},1,-0.5" if hour not in last else ",," for hour in hours]
        lines.append(_DAILY_NODE.format(day=day, pnode=pnode, name=name, kind="ZONE ") + ",".join(prices))
    return text(*lines, f"End of {market} LMP Data")


def test_daily_lmps_of_pjm_before_data_miner() -> None:
    """The lines, columns and hours as public readers of these files take them."""
    for market, feed, ours, vintage in (
        ("Day Ahead", "da_hrl_lmps", "DA", "final"),
        ("Real Time", "rt_hrl_lmps", "RTH", "verified"),
    ):
        found = read("x", _daily(market=market))
        assert (found.feed, found.market, found.vintage, found.gaps.num_rows) == (feed, ours, vintage, 0)
        rows = rows_of(found)
        assert len(rows) == 48
        assert (rows[24]["node"], rows[24]["node_type"], rows[24]["source_version"]) == ("PJM-RTO", "ZONE", 0)
        assert rows[24]["interval_start_utc"] == datetime(2015, 1, 2, 5, tzinfo=UTC)
        assert [rows[24][f"{part}_usd_per_mwh"] for part in ("lmp", "energy", "congestion", "loss")] == [
            10,
            9.5,
            1,
            -0.5,
        ]
        assert rows[23]["interval_start_utc"] == datetime(2015, 1, 3, 4, tzinfo=UTC)
        assert rows[23]["lmp_usd_per_mwh"] == 480


def test_an_hour_may_stand_above_the_first_of_its_columns_alone() -> None:
    whole = _daily()
    alone = re.sub(rb"(\d\d00),\1,\1", rb"\1,,", whole)
    assert alone != whole
    assert rows_of(read("x", alone)) == rows_of(read("x", whole))


def test_daily_lmps_of_pjm_on_the_days_of_the_clock_change() -> None:
    spring = rows_of(read("x", _daily("20150308", last="0300")))
    assert len(spring) == 46
    assert spring[2]["interval_start_utc"] - spring[1]["interval_start_utc"] == timedelta(hours=1)
    assert "the clock skips that hour" in refusal("x", _daily("20150308")).reason
    assert "occurs twice" in refusal("x", _daily("20151101")).reason
    hours = [f"{hour:02}00" for hour in range(1, 25)]
    assert read("x", _daily(hours=[*hours, "02[DST]"], last="02[DST]")).rows.num_rows == 48
    error = refusal("x", _daily(hours=[*hours, "02[DST]"]))
    assert "which pass of an hour it is, is unknown" in error.reason
    assert error.line == 5


def test_faults_of_daily_lmps_of_pjm() -> None:
    whole = _daily()
    assert refusal("x", whole[: whole.rindex(b"End") - 9]).line == 6
    assert refusal("x", whole.replace(b",240,", b",x,")).line == 5
    assert (
        "one pricing node, interval and version is there twice, in lines 5 and 6"
        in refusal("x", whole.replace(b"48592,20 AEP", b"1,PJM-RTO")).reason
    )
    assert "has no column marginallossprice" in refusal("x", whole.replace(b"MarginalLossPrice\n", b"Loss\n")).reason
    assert refusal("x", whole.replace(b"PnodeID", b"Pnode")).column == "PnodeID"


def test_real_time_prices_of_pjm_with_energy_and_without_versions_need_a_name() -> None:
    """Whoever asks for some fields only can have verified prices without the columns that tell them."""
    header = "datetime_beginning_utc,pnode_name,type,system_energy_price_rt,total_lmp_rt,congestion_price_rt"
    content = text(header + ",marginal_loss_price_rt", "6/12/2024 4:00:00 AM,WESTERN HUB,HUB,30,31.5,1.25,0.25")
    assert refusal("x.csv", content).column == "version_nbr"
    assert refusal("rt_hrl_lmps.csv", content).column == "version_nbr"
    assert read("rt_unverified_hrl_lmps.csv", content).vintage == "preliminary"


def test_utf_16_is_named_as_what_it_is() -> None:
    content = text(MISO_HEADER, *miso_rows()).decode().encode("utf-16")
    (payload,) = survey("20240612_rt_lmp_final.txt", content, named=True).payloads
    assert payload.problem == "UTF-16 text: save it as UTF-8, as operators publish it"


def test_two_dates_above_a_header_of_miso_are_not_guessed_between() -> None:
    above = ["Day Ahead Market ExPost LMPs", "06/11/2024", "06/12/2024"]
    error = refusal("20240612_da_expost_lmp.csv", text(*above, MISO_HEADER, *miso_rows()))
    assert "two dates stand above the header (06/11/2024 and 06/12/2024)" in error.reason
    assert error.line == 4
    assert read("x.csv", text(*above[:2], "6/11/2024", MISO_HEADER, *miso_rows())).rows.num_rows == 48


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        (
            "Delivery Date,QSE Name,Resource Name,Hour Ending,Status,High Sustained Limit,RRSPFR,NSPIN,Minimum SOC",
            "05/02/2025,QAEN,UNIT1,01:00,ON,10,1,2,0",
            "offers, bids or plans",
        ),
        (
            "Delivery Date,Hour Ending,Settlement Point,Energy Only Bid Award in MW,Settlement Point Price",
            "12/23/2024,1,ADL_RN,1,15",
            "awards of energy bids",
        ),
    ],
)
def test_ercots_plans_and_awards_are_taken_for_no_others(header: str, row: str, reason: str) -> None:
    """Both have columns of what is read: services of a unit, a point with a price."""
    (payload,) = survey("x.csv", text(header, row), named=True).payloads
    assert reason in payload.problem


def test_meters_and_self_arranged_services_of_ercots_disclosures() -> None:
    """Columns as public readers list them."""
    meters = read(
        "x.csv",
        text(
            '"Interval Time","Interval Number","Resource Code","Interval Value"',
            '"06/04/2025 00:14:59","1","19599_1_PV_A1","0.5"',
        ),
    )
    assert (meters.feed, meters.market, meters.rows["resource"].to_pylist()) == (
        "sced_disclosure", "RT15", ["19599_1_PV_A1"],
    )  # fmt: skip
    arranged = read("x.csv", text("Delivery Date,Hour Ending,QSE Name,RegUp,RegDown,NSPIN", "12/23/2024,1,Q,1,2,4"))
    quantities = {row["quantity"]: row["value"] for row in arranged.rows.to_pylist()}
    assert (arranged.feed, quantities) == ("dam_disclosure", {"RegUp": 1, "RegDown": 2, "NSPIN": 4})
