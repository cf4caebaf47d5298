"""CAISO files that are no CSV: OASIS reports as XML (resultformat 5), with the same content as their CSV twins."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pyarrow as pa

from integrations.isos.caiso.oasis import MARKETS, Named, load_name, renewable_name, schedule_name
from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import unreadable
from integrations.isos.local_time import ClockError, utc_second
from integrations.isos.recognition import OtherProduct
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication

_REPORTS = {"SLD_FCST": "sld_fcst", "ENE_SLRS": "ene_slrs", "SLD_REN_FCST": "sld_ren_fcst"}


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of CAISO is; None for any other."""
    if document.kind != "xml" or _local(document.xml.tag) != "OASISReport":
        return None
    reports = {_text(header, "REPORT") for header in _all(document.xml, "REPORT_HEADER")}
    if reports and reports <= set(_REPORTS):
        return RecognisedDocument(document, parse)
    return OtherProduct(f"CAISO OASIS report {', '.join(sorted(reports)) or 'without data'} as XML: its CSV is read")


def parse(document: Document) -> ParsedPublication:
    """All report items of a document as one publication. Raises UnreadablePublication naming the n-th number."""
    columns: dict[str, list[object]] = {
        name: [] for name in ("series", "category", "area", "unit", "interval_start_utc", "interval_end_utc", "value")
    }
    feed, markets = "", set()
    seen: set[tuple[object, ...]] = set()
    for item in _all(document.xml, "REPORT_ITEM"):
        header = next(_all(item, "REPORT_HEADER"))
        feed = _REPORTS[_text(header, "REPORT")]
        markets.add(_text(header, "MKT_TYPE"))
        run = _text(header, "EXECUTION_TYPE") or _text(header, "MKT_TYPE")
        for number, data in enumerate(_all(item, "REPORT_DATA"), start=1):
            named = _name(feed, data, run)
            if named is None:
                continue
            start, end = (_moment(document, data, f"INTERVAL_{side}_GMT", number) for side in ("START", "END"))
            row = (*named, _text(data, "RESOURCE_NAME") or _text(data, "TRADING_HUB"), start)
            if row in seen:
                raise unreadable(document.name, f"number {number} of {feed}: it is there twice")
            seen.add(row)
            value = _value(document, data, number)
            for name, cell in zip(columns, (*row[:3], _text(header, "UOM"), start, end, value), strict=True):
                columns[name].append(cell)
    for name in ("interval_start_utc", "interval_end_utc"):
        columns[name] = pa.array(columns[name], pa.int64()).cast(pa.timestamp("s", "UTC"))
    columns["value"] = pa.array(columns["value"], pa.float64())
    market = MARKETS.get(markets.pop(), "") if len(markets) == 1 else ""
    rows = series_rows("fundamentals", columns)
    return series_publication("fundamentals", rows, iso="CAISO", feed=feed, market=market, parser="caiso.oasis_xml")


def _name(feed: str, data: Element, run: str) -> Named | None:
    item = _text(data, "DATA_ITEM")
    if feed == "sld_fcst":
        return load_name(item, run)
    return schedule_name(item, "") if feed == "ene_slrs" else renewable_name(item, _text(data, "RENEWABLE_TYPE"))


def _all(element: Element, tag: str) -> Iterator[Element]:
    return (found for found in element.iter() if _local(found.tag) == tag)


def _text(element: Element, tag: str) -> str:
    return next(((child.text or "").strip() for child in element if _local(child.tag) == tag), "")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _moment(document: Document, data: Element, tag: str, number: int) -> int:
    try:
        return utc_second(_text(data, tag))
    except ClockError as error:
        raise unreadable(document.name, f"number {number}, {tag}: {error}") from None


def _value(document: Document, data: Element, number: int) -> float:
    text = _text(data, "VALUE")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:
        raise unreadable(document.name, f"number {number}: VALUE {text!r} is no number")
    return value
