"""ERCOT files that are no CSV, by what they hold: dashboards, lists of documents, workbooks of history."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.ercot import api_answers, dashboards, generation_workbooks, load_workbooks, workbooks
from integrations.isos.recognition import OtherProduct
from integrations.isos.ticks import ParsedPublication

DOCUMENT_LIST = "ListDocsByRptTypeRes"
"""The key that a list of documents has at its top."""

_DASHBOARDS: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Document], ParsedPublication]], ...] = (
    (dashboards.is_fuel_mix, dashboards.parse_fuel_mix),
    (dashboards.is_demand, dashboards.parse_demand),
    (dashboards.is_storage, dashboards.parse_storage),
    (dashboards.is_supply, dashboards.parse_supply),
)


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of ERCOT is; None for any other. Raises UnreadablePublication for one of ours that is damaged."""
    if document.kind == "json":
        return _recognise_answer(document)
    return _recognise_workbook(document) if document.kind == "workbook" else None


def _recognise_answer(document: Document) -> RecognisedDocument | OtherProduct | None:
    if DOCUMENT_LIST in document.members:
        return OtherProduct("ERCOT's list of a report's documents: each is downloaded by its DocID and read by itself")
    if "lastUpdated" in document.members:
        for tells, parse in _DASHBOARDS:
            if tells(document.json):
                return RecognisedDocument(document, parse)
    return api_answers.recognise(document)


def _recognise_workbook(document: Document) -> RecognisedDocument | OtherProduct | None:
    found = partial(workbooks.sheets_with, workbooks.heads_of(document))
    if sheets := found("deliverydate", "hourending", "settlementpoint", "settlementpointprice"):
        return RecognisedDocument(
            document, partial(workbooks.parse_prices, report=workbooks.DAY_AHEAD_HISTORY, sheets=sheets)
        )
    if sheets := found("deliverydate", "deliveryhour", "deliveryinterval", "settlementpointname"):
        return RecognisedDocument(
            document, partial(workbooks.parse_prices, report=workbooks.REAL_TIME_HISTORY, sheets=sheets)
        )
    if sheets := found("deliverydate", "hourending", "regup", "regdn"):
        return RecognisedDocument(document, partial(workbooks.parse_ancillary, sheets=sheets))
    for telling in (
        {"scedtimestamp", "systemlambda"},
        {"deliveryinterval", "rtrsvpor"},
        {"deliveryinterval", "rtrdpa"},
    ):
        if sheets := found(*telling):
            return RecognisedDocument(document, partial(workbooks.parse_adders, sheets=sheets))
    for history in (generation_workbooks, load_workbooks):
        if sheets := history.sheets_of(document):
            return RecognisedDocument(document, partial(history.parse, sheets=sheets))
    return None
