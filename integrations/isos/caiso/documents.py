"""CAISO files that are no CSV: OASIS reports as XML (resultformat 5), with the same content as their CSV twins."""

from xml.etree.ElementTree import Element

import pyarrow as pa

from integrations.isos.caiso import lmps, oasis, price_xml
from integrations.isos.caiso.oasis import MARKETS, Named, load_name, renewable_name, schedule_name
from integrations.isos.caiso.xml_elements import local_name, report_items, required_text, text_of
from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import unreadable
from integrations.isos.local_time import ClockError, utc_second
from integrations.isos.recognition import OtherProduct
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication

_REPORTS = {"SLD_FCST": "sld_fcst", "ENE_SLRS": "ene_slrs", "SLD_REN_FCST": "sld_ren_fcst"}


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of CAISO is; None for any other. Raises UnreadablePublication for an item without its report."""
    if document.kind != "xml" or local_name(document.xml.tag) != "OASISReport":
        return None
    reports = {item.report for item in report_items(document)}
    if reports and reports <= set(_REPORTS):
        return RecognisedDocument(document, parse)
    if len(reports) == 1 and reports <= set(price_xml.LMP_REPORTS):
        return RecognisedDocument(document, lambda found: lmps.publication(price_xml.lmp_table(found)))
    if reports == {price_xml.AS_REPORT}:
        return RecognisedDocument(document, lambda found: oasis.ancillary_publication(price_xml.ancillary_table(found)))
    return OtherProduct(f"CAISO OASIS report {', '.join(sorted(reports)) or 'without data'} as XML: its CSV is read")


def parse(document: Document) -> ParsedPublication:
    """All report items of a document as one publication. Raises UnreadablePublication naming the n-th number."""
    columns: dict[str, list[object]] = {
        name: [] for name in ("series", "category", "area", "unit", "interval_start_utc", "interval_end_utc", "value")
    }
    feed, markets = "", set()
    seen: set[tuple[object, ...]] = set()
    for item in report_items(document):
        header, feed = item.header, _REPORTS[item.report]
        markets.add(text_of(header, "MKT_TYPE"))
        run = text_of(header, "EXECUTION_TYPE") or text_of(header, "MKT_TYPE")
        for number, data in enumerate(item.numbers, start=1):
            named = _name(document, feed, data, run, f"number {number}")
            if named is None:
                continue
            start, end = (_moment(document, data, f"INTERVAL_{side}_GMT", number) for side in ("START", "END"))
            row = (*named, _area(document, data, number), start)
            if row in seen:
                raise unreadable(document.name, f"number {number} of {feed}: it is there twice")
            seen.add(row)
            value = _value(document, data, number)
            for name, cell in zip(columns, (*row[:3], text_of(header, "UOM"), start, end, value), strict=True):
                columns[name].append(cell)
    for name in ("interval_start_utc", "interval_end_utc"):
        columns[name] = pa.array(columns[name], pa.int64()).cast(pa.timestamp("s", "UTC"))
    columns["value"] = pa.array(columns["value"], pa.float64())
    market = MARKETS.get(markets.pop(), "") if len(markets) == 1 else ""
    rows = series_rows("fundamentals", columns)
    return series_publication("fundamentals", rows, iso="CAISO", feed=feed, market=market, parser="caiso.oasis_xml")


def _name(document: Document, feed: str, data: Element, run: str, place: str) -> Named | None:
    item = required_text(document, data, "DATA_ITEM", place)
    if feed == "sld_fcst":
        return load_name(item, run)
    if feed == "ene_slrs":
        return schedule_name(item, "")
    return renewable_name(item, required_text(document, data, "RENEWABLE_TYPE", place))


def _area(document: Document, data: Element, number: int) -> str:
    area = text_of(data, "RESOURCE_NAME") or text_of(data, "TRADING_HUB")
    if not area:
        problem = f"number {number}: neither it nor TRADING_HUB says the area: download the report again"
        raise unreadable(document.name, problem, None, "RESOURCE_NAME")
    return area


def _moment(document: Document, data: Element, tag: str, number: int) -> int:
    try:
        return utc_second(text_of(data, tag))
    except ClockError as error:
        raise unreadable(document.name, f"number {number}, {tag}: {error}") from None


def _value(document: Document, data: Element, number: int) -> float:
    text = text_of(data, "VALUE")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:
        raise unreadable(document.name, f"number {number}: VALUE {text!r} is no number")
    return value
