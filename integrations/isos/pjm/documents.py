"""PJM files that are no CSV: answers of the Data Miner API, and the workbooks of the capacity auctions."""

import re
from functools import partial

from integrations.isos.documents import Document, RecognisedDocument
from integrations.isos.errors import UnreadablePublication
from integrations.isos.pjm import capacity, planning
from integrations.isos.pjm.reports import report_of
from integrations.isos.pjm.tables import Answer, Report, answer_of, folded, json_table
from integrations.isos.recognition import OtherProduct
from integrations.isos.ticks import ParsedPublication

_STAMPS = folded(["datetime_beginning_utc", "datetime_beginning_ept"])
# By these a file that cannot be read at all is still known as one of PJM's, and so quarantined instead of skipped.
_LOOKS = re.compile(rb"api\.pjm\.com|datetime_beginning_(utc|ept)")
_NAME = re.compile(r"(base-residual-auction|\bbra)-results|planning-period-parameters", re.IGNORECASE)
_LOOKED_AT_BYTES = 4096


def recognise(document: Document) -> RecognisedDocument | OtherProduct | None:
    """What a document of PJM is; None for any other. Raises UnreadablePublication for one of PJM's that is broken."""
    try:
        if document.kind == "json":
            return _recognise_answer(document)
        if document.kind == "workbook":
            return _recognise_workbook(document)
    except UnreadablePublication:
        if _NAME.search(document.name) or _LOOKS.search(document.content[:_LOOKED_AT_BYTES]):
            raise
    return None


def _recognise_workbook(document: Document) -> RecognisedDocument | None:
    if capacity.is_bra_results(document):
        return RecognisedDocument(document, capacity.parse)
    if planning.is_planning_parameters(document):
        return RecognisedDocument(document, planning.parse)
    return None


def _recognise_answer(document: Document) -> RecognisedDocument | OtherProduct | None:
    answer = answer_of(document)
    if answer is None:
        return None
    report = report_of(answer.keys, answer.feed or document.name)
    if report:
        return RecognisedDocument(document, partial(_parse, report, answer))
    if answer.keys & _STAMPS:
        return OtherProduct("an answer of the PJM Data Miner, but of none of the reports read here")
    return None


def _parse(report: Report, answer: Answer, document: Document) -> ParsedPublication:
    return report.parse(json_table(document, answer, report))
