"""Elements of OASIS's XML, whatever namespace the version of its schema gives them."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable


@dataclass(frozen=True)
class ReportItem:
    """A `REPORT_ITEM`: its header, the report that the header names, and its numbers, each a `REPORT_DATA`."""

    header: Element
    report: str
    numbers: list[Element]


def report_items(document: Document) -> list[ReportItem]:
    """All items of a document. Raises UnreadablePublication where one has no header or report, or a number no item."""
    found = []
    for position, item in enumerate(all_of(document.xml, "REPORT_ITEM"), start=1):
        place = f"item {position}"
        header = child_of(document, item, "REPORT_HEADER", place)
        report = required_text(document, header, "REPORT", place)
        if not report:
            raise unreadable(document.name, f"{place}: the element is empty: download the report again", None, "REPORT")
        found.append(ReportItem(header, report, list(all_of(item, "REPORT_DATA"))))
    inside, in_all = sum(len(item.numbers) for item in found), sum(1 for _ in all_of(document.xml, "REPORT_DATA"))
    if inside != in_all:
        problem = f"{in_all} elements are in the document, {inside} in its items: download the report again"
        raise unreadable(document.name, problem, None, "REPORT_DATA")
    return found


def all_of(element: Element, tag: str) -> Iterator[Element]:
    """The elements of that name, at any depth."""
    return (found for found in element.iter() if local_name(found.tag) == tag)


def text_of(element: Element, tag: str) -> str:
    """The text of the first child of that name, stripped; empty without one."""
    child = _first(element, tag)
    return "" if child is None else (child.text or "").strip()


def child_of(document: Document, element: Element, tag: str, place: str) -> Element:
    """The first child of that name. Raises UnreadablePublication, with the place, where there is none."""
    child = _first(element, tag)
    if child is None:
        raise unreadable(document.name, f"{place}: the element is missing: download the report again", None, tag)
    return child


def required_text(document: Document, element: Element, tag: str, place: str) -> str:
    """The text of a child that has to be there, stripped; it may be empty. Raises UnreadablePublication."""
    return (child_of(document, element, tag, place).text or "").strip()


def local_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def _first(element: Element, tag: str) -> Element | None:
    return next((child for child in element if local_name(child.tag) == tag), None)
