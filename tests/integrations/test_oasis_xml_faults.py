"""OASIS's XML with a part missing or misnamed: refused with the element's name, never read as something else."""

from __future__ import annotations

import pytest

from integrations.isos import documents
from tests.integrations.samples import read, refusal

HEADER = "<REPORT_HEADER><REPORT>{report}</REPORT><MKT_TYPE>DAM</MKT_TYPE></REPORT_HEADER>"
START, END = "2025-11-02T09:00:00-00:00", "2025-11-02T10:00:00-00:00"


def price(item: str, value: str = "<VALUE>1.5</VALUE>") -> str:
    stamps = f"<INTERVAL_START_GMT>{START}</INTERVAL_START_GMT><INTERVAL_END_GMT>{END}</INTERVAL_END_GMT>"
    names = f"<DATA_ITEM>{item}</DATA_ITEM><RESOURCE_NAME>AS_CAISO</RESOURCE_NAME>"
    return f"<REPORT_DATA>{names}{stamps}{value}</REPORT_DATA>"


def report(*items: str, outside: str = "") -> bytes:
    inside = "".join(f"<REPORT_ITEM>{item}</REPORT_ITEM>" for item in items)
    return f"<OASISReport>{inside}{outside}</OASISReport>".encode()


ANCILLARY = HEADER.format(report="PRC_AS")
WHOLE = ANCILLARY + price("RU_CLR_PRC") + price("SP_CLR_PRC")


def test_the_whole_report_is_read() -> None:
    assert read("x.xml", report(WHOLE)).rows.num_rows == 2
    assert read("x.xml", report(ANCILLARY + price("RU_CLR_PRC") + price("SP_CLR_PRC", "<VALUE/>"))).rows.num_rows == 1


@pytest.mark.parametrize(
    ("content", "column", "words"),
    [
        (report(WHOLE, price("RD_CLR_PRC")), "REPORT_HEADER", "item 2: the element is missing"),
        (report(WHOLE, "<REPORT_HEADER/>"), "REPORT", "item 2: the element is missing"),
        (report(HEADER.format(report="") + price("RU_CLR_PRC")), "REPORT", "item 1: the element is empty"),
        (report(WHOLE + price("RD_CLR_PRC", "")), "VALUE", "price 3: the element is missing"),
        (report(WHOLE, outside=price("RD_CLR_PRC")), "REPORT_DATA", "3 elements are in the document, 2 in its items"),
        (report(WHOLE + price("RU_REQ_MIN_MW")), "DATA_ITEM", "price 3: 'RU_REQ_MIN_MW' is no clearing price"),
        (
            report(HEADER.format(report="SLD_FCST") + price("").replace("<DATA_ITEM></DATA_ITEM>", "")),
            "DATA_ITEM",
            "number 1: the element is missing",
        ),
    ],
)
def test_a_part_that_is_missing_or_unknown_is_named(content: bytes, column: str, words: str) -> None:
    error = refusal("x.xml", content)
    assert error.column == column
    assert words in error.reason


@pytest.mark.parametrize("child", ["DATA_ITEM", "RESOURCE_NAME", "INTERVAL_START_GMT", "INTERVAL_END_GMT"])
def test_every_child_of_a_price_is_needed(child: str) -> None:
    content = report(WHOLE.replace(child, "OTHER"))
    assert refusal("x.xml", content).column == child


def test_area_and_technology_of_a_forecast_are_needed() -> None:
    load = HEADER.format(report="SLD_FCST") + price("SYS_FCST_DA_MW")
    assert read("x.xml", report(load)).rows["area"].to_pylist() == ["AS_CAISO"]
    assert refusal("x.xml", report(load.replace("RESOURCE_NAME", "OTHER"))).column == "RESOURCE_NAME"
    sun = HEADER.format(report="SLD_REN_FCST") + price("RENEW_FCST_DA_MW")
    assert refusal("x.xml", report(sun)).column == "RENEWABLE_TYPE"


def test_an_unknown_encoding_is_told() -> None:
    error = refusal("x.xml", b'<?xml version="1.0" encoding="FOO-9"?>' + report(WHOLE))
    assert "the XML cannot be read: unknown encoding" in error.reason


def test_xml_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    content = report(WHOLE)
    monkeypatch.setattr(documents, "LARGEST_XML_BYTES", len(content) - 1)
    assert "ask for the CSV, or for less at once" in refusal("x.xml", content).reason
