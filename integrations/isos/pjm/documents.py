"""PJM files that are no CSV: answers of the Data Miner API, and the workbooks of the capacity auctions."""

from functools import partial

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.pjm import capacity, planning
from integrations.isos.pjm.answers import head_of, json_table
from integrations.isos.pjm.reports import report_of
from integrations.isos.pjm.tables import Report, folded
from integrations.isos.recognition import OtherProduct
from integrations.isos.ticks import ParsedPublication

_STAMPS = folded(["datetime_beginning_utc", "datetime_beginning_ept"])


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of PJM is; None for any other."""
    if document.kind == "json":
        return _recognise_answer(document)
    if document.kind == "workbook":
        return _recognise_workbook(document)
    return None


def _recognise_workbook(document: Document) -> RecognisedDocument | None:
    if capacity.is_bra_results(document):
        return RecognisedDocument(document, capacity.parse)
    if planning.is_planning_parameters(document):
        return RecognisedDocument(document, planning.parse)
    return None


def _recognise_answer(document: Document) -> RecognisedDocument | OtherProduct | None:
    head = head_of(document)
    if head is None:
        return None
    report = report_of(head.keys, head.feed or document.name)
    if report:
        return RecognisedDocument(document, partial(_parse, report))
    if head.keys & _STAMPS:
        return OtherProduct("an answer of the PJM Data Miner, but of none of the reports read here")
    return None


def _parse(report: Report, document: Document) -> ParsedPublication:
    return report.parse(json_table(document, report))
