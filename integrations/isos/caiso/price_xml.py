"""OASIS prices as XML (resultformat 5, what a request without a format is answered with): the rows of their CSV twins.

A `REPORT_ITEM` has a header, which tells report and run, and a `REPORT_DATA` for each price, whose `DATA_ITEM` is the
CSV's `XML_DATA_ITEM`: `LMP_PRC` and its components, `RU_CLR_PRC` and the like.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NoReturn
from xml.etree.ElementTree import Element

import pyarrow as pa

from integrations.isos import csv_faults
from integrations.isos.caiso.xml_elements import report_items, required_text, text_of
from integrations.isos.csv_reading import Columns
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable

LMP_REPORTS: Mapping[str, str] = {
    "PRC_LMP": "", "PRC_INTVL_LMP": "RTM", "PRC_RTPD_LMP": "RTPD", "PRC_HASP_LMP": "HASP",
}  # fmt: skip
"""The run of a report; that of `PRC_LMP` stands in the header."""

AS_REPORT = "PRC_AS"

_LMP_TYPES: Mapping[str, str] = {
    "LMP_PRC": "LMP",
    "LMP_ENE_PRC": "MCE",
    "LMP_CONG_PRC": "MCC",
    "LMP_LOSS_PRC": "MCL",
    "LMP_GHG_PRC": "MGHG",
}
_AS_TYPES: Mapping[str, str] = {f"{code}_CLR_PRC": code for code in ("RU", "RD", "RMU", "RMD")} | {
    "SP_CLR_PRC": "SR",
    "NS_CLR_PRC": "NR",
}
_NO_OTHER_RUN = ("", "IFM")  # the integrated forward market is the run that the CSV calls DAM


class PriceTable(Columns):
    """The prices of a document in its order. The columns are named as those of the CSV's readers: LMPs or ancillary."""

    def __init__(self, document: Document, *, place: str, kind: str, price: str) -> None:
        rows = list(_rows(document))
        if not rows:
            raise unreadable(document.name, "the report holds no price")
        *texts, values = zip(*rows, strict=True)
        numbers = pa.array([float(value) if value else None for value in values], pa.float64())
        columns = {
            name: pa.array(cells, pa.string())
            for name, cells in zip(("start", "end", place, "run", kind), texts, strict=True)
        }
        super().__init__(pa.table(columns | {price: numbers}))
        self._name = document.name

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        """Raise UnreadablePublication at a price (from 0)."""
        raise unreadable(self._name, f"price {row + 1}: {problem}", None, column)

    def lines(self, *rows: int) -> str:
        return " and ".join(f"price {row + 1}" for row in rows)


def _rows(document: Document) -> Iterator[Sequence[str]]:
    number = 0
    for item in report_items(document):
        run = LMP_REPORTS.get(item.report) or _run(item.header)
        for data in item.numbers:
            number += 1
            cell = partial(required_text, document, data, place=f"price {number}")
            kind = _kind(document, item.report, cell("DATA_ITEM").upper(), number)
            start, end = cell("INTERVAL_START_GMT"), cell("INTERVAL_END_GMT")
            yield start, end, cell("RESOURCE_NAME"), run, kind, _price(document, cell("VALUE"), number)


def _kind(document: Document, report: str, item: str, number: int) -> str:
    """What the CSV calls an item. Components of an LMP that are not known are left out later, as the CSV's are."""
    if report != AS_REPORT:
        return _LMP_TYPES.get(item, item)
    if item not in _AS_TYPES:
        problem = f"price {number}: {item[:40]!r} is no clearing price ({', '.join(_AS_TYPES)}): ask for PRC_AS alone"
        raise unreadable(document.name, problem, None, "DATA_ITEM")
    return _AS_TYPES[item]


def _run(header: Element) -> str:
    execution = text_of(header, "EXECUTION_TYPE")
    return text_of(header, "MKT_TYPE") if execution in _NO_OTHER_RUN else execution


def _price(document: Document, text: str, number: int) -> str:
    if not csv_faults.is_number_or_empty(text):
        raise unreadable(document.name, f"price {number}: {text[:40]!r} is not a number", None, "VALUE")
    return text


def lmp_table(document: Document) -> PriceTable:
    """The columns that `lmps.publication` reads."""
    return PriceTable(document, place="node", kind="type", price="price")


def ancillary_table(document: Document) -> PriceTable:
    """The columns that `oasis.ancillary_publication` reads."""
    return PriceTable(document, place="area", kind="product", price="value")
