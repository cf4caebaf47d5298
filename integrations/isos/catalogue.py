"""What an upload holds: the price files in it, the ones to be quarantined, and the rest with the reason."""

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from integrations.isos.archives import BrokenArchive, Ignored, Leaf, LimitExceeded, is_archive, unwrap
from integrations.isos.caiso import documents as caiso_documents
from integrations.isos.caiso import formats as caiso_formats
from integrations.isos.documents import Document, RecognisedDocument, document_of
from integrations.isos.ercot import documents as ercot_documents
from integrations.isos.ercot import formats as ercot_formats
from integrations.isos.errors import UnreadablePublication, unreadable
from integrations.isos.gaps import TooSparse
from integrations.isos.heads import Head, head_of
from integrations.isos.miso import documents as miso_documents
from integrations.isos.miso import formats as miso_formats
from integrations.isos.pjm import documents as pjm_documents
from integrations.isos.pjm import formats as pjm_formats
from integrations.isos.printable import keep_end, keep_start
from integrations.isos.recognition import OtherProduct, Recognised
from integrations.isos.ticks import ParsedPublication

_ISOS = (miso_formats, caiso_formats, pjm_formats, ercot_formats)
_DOCUMENTS = (miso_documents, caiso_documents, pjm_documents, ercot_documents)
# Possessive: many short comments in a row could else be split up in a number of ways that has no end.
_HTML = re.compile(rb"(?is)\s*+(?><\?xml[^>]*>\s*|<!--.*?-->\s*)*+<(!doctype\s+html|html|head|body)\b")
_ERROR_ANSWER = re.compile(rb"<(?:\w+:)?ERR_CODE>([^<]*)|<Error>\s*<Code>([^<]*)")
_ERROR_TEXT = re.compile(rb"<(?:(?:\w+:)?ERR_DESC|Message)>([^<]*)")
_BOM = b"\xef\xbb\xbf"
_OTHER_KINDS = {
    b"BZh": "a bzip2 archive: unpack it, only zip and gz are unwrapped",
    b"\xfd7zXZ": "an xz archive: unpack it, only zip and gz are unwrapped",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it, only zip and gz are unwrapped",
    b"Rar!": "a RAR archive: unpack it, only zip and gz are unwrapped",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8, as operators publish it",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8, as operators publish it",
    b"PAR1": "a Parquet file: the operator's own CSV is what is read",
}
_UNKNOWN_DOCUMENTS = {
    "json": "JSON, but none of the answers read here",
    "workbook": "an Excel workbook, but none of the reports read here",
    "xml": "XML or a page, but none of the reports read here",
}
# What the answers of OASIS and of ERCOT's API begin with.
_SIGNS = {"xml": (b"OASISReport",), "json": (b'"fields"', b'"data"')}
_TAR_MAGIC_AT = 257
_ARCHIVE_SUFFIXES = (".zip", ".gz")
_OTHER_REASON = "none of the files read here: give it as MISO, CAISO, PJM or ERCOT publishes it, with its header"
_SHOWN_REASONS = 3
_MAX_NAME = 500
_MAX_PLACE = 2000
_MAX_REASON = 1000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Payload:
    """One publication's bytes: one file, or the members of a CAISO group zip.

    `names` are innermost base names, one for each of `contents`; `place` is where the payload lies in the upload
    (`outer.zip!dir/inner.zip!x.csv`). Both are printable and bounded: the end is kept, where operators put
    stamps. `problem` is set where there is nothing to parse, such as a broken archive.
    """

    names: tuple[str, ...]
    contents: tuple[bytes, ...]
    place: str
    problem: str = ""


@dataclass(frozen=True)
class Skipped:
    """A file that is none of ours, and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class Survey:
    """Payloads are to be parsed, or quarantined where `parse` raises; skipped files are only listed."""

    payloads: list[Payload] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def survey(name: str, content: bytes, *, named: bool) -> Survey:
    """Look through an upload called `name` (a base name), unwrapping archives. Never raises.

    `named` says that the user named this very file, so that it is a payload (to be quarantined) even where nothing in
    it is recognised.
    """
    found = Survey()
    leaves: list[Leaf] = []
    name = _shown_name(name)
    try:
        for item in unwrap(name, content):
            place = keep_end(item.place, _MAX_PLACE)
            if isinstance(item, Leaf):
                leaves.append(replace(item, name=_shown_name(item.name)))
            elif isinstance(item, Ignored):
                found.skipped.append(Skipped(place, item.reason))
            elif isinstance(item, BrokenArchive):
                problem = keep_start(item.problem, _MAX_REASON)
                found.payloads.append(Payload((_shown_name(item.name),), (item.content,), place, problem))
    except LimitExceeded as error:
        return Survey([Payload((name,), (content,), name, str(error))])
    for group in _groups(leaves):
        _sort_out(group, found)
    if named and not found.payloads:
        reasons = [
            skipped.reason if skipped.place == name else f"{skipped.place}: {skipped.reason}"
            for skipped in found.skipped[:_SHOWN_REASONS]
        ]
        return Survey([Payload((name,), (content,), name, "; ".join(reasons) or "it holds no file")])
    return found


def parse(payload: Payload) -> ParsedPublication:
    """Read a payload whole. Raises UnreadablePublication, and nothing else short of a want of memory."""
    with _defects_as_unreadable(payload.names[0]):
        return _read_whole(payload)


def _read_whole(payload: Payload) -> ParsedPublication:
    if problem := payload.problem or _archive_problem(payload):
        raise unreadable(payload.names[0], problem)
    found = [_recognise(name, content) for name, content in zip(payload.names, payload.contents, strict=True)]
    if isinstance(found[0], RecognisedDocument):
        return _read_document(payload, found[0])
    files = []
    for item in found:
        if isinstance(item, OtherProduct):
            raise unreadable(payload.names[0], item.reason)
        if isinstance(item, RecognisedDocument):
            raise unreadable(payload.names[0], "files of different kinds given as one publication")
        files.append(item.file)
    first = found[0]
    assert isinstance(first, Recognised)
    if len(files) > 1 and not all(caiso_formats.group_key(name) for name in payload.names):
        raise unreadable(payload.names[0], f"{len(files)} files given as one publication, which only CAISO splits")
    publication = first.parse(files)
    if not publication.rows.num_rows:
        raise unreadable(payload.names[0], "every price cell is empty", files[0].header.number)
    return publication


def _read_document(payload: Payload, found: RecognisedDocument) -> ParsedPublication:
    if len(payload.names) > 1:
        raise unreadable(payload.names[0], f"{len(payload.names)} files given as one publication")
    publication = found.parse(found.document)
    if not publication.rows.num_rows:
        raise unreadable(payload.names[0], "it holds no number")
    return publication


def name_facts(payload: Payload) -> dict[str, str]:
    """What had to be taken from the file's name, of date, market, feed and vintage; nothing for unreadable payloads."""
    if payload.problem:
        return {}
    try:
        with _defects_as_unreadable(payload.names[0]):
            found = _recognise(payload.names[0], payload.contents[0])
    except UnreadablePublication:
        return {}
    return {} if isinstance(found, OtherProduct) else dict(found.facts)


@contextmanager
def _defects_as_unreadable(name: str) -> Iterator[None]:
    """A defect of a reader must stop one file, not the ingest of all others: it is logged, and the file unreadable."""
    try:
        yield
    except (UnreadablePublication, MemoryError):
        raise
    except TooSparse as error:
        raise unreadable(name, str(error)) from None
    except Exception as error:
        logger.exception("a price file could not be read")
        raise unreadable(name, f"could not be read: {type(error).__name__}") from error


def _shown_name(name: str) -> str:
    return keep_end(name, _MAX_NAME) or "unnamed"


def _archive_problem(payload: Payload) -> str:
    """Why an archive is a payload by itself, for a payload that was put together from stored bytes."""
    if len(payload.contents) > 1 or not is_archive(payload.contents[0]):
        return ""
    again = survey(payload.names[0], payload.contents[0], named=True).payloads
    problems = [found.problem for found in again if found.problem and found.contents == payload.contents]
    return problems[0] if problems else "an archive is no publication: its members are"


def _groups(leaves: Iterable[Leaf]) -> list[list[Leaf]]:
    """Leaves that are one publication: those of one folder of one zip whose names differ in the LMP_TYPE only."""
    groups: dict[tuple[str, str], list[Leaf]] = {}
    for number, leaf in enumerate(leaves):
        common = caiso_formats.group_key(leaf.name) if leaf.folder else None
        # By number and not by place: a zip can hold several members of one name, each a publication of its own.
        key = (leaf.folder, common) if common else (leaf.place, str(number))
        groups.setdefault(key, []).append(leaf)
    return [sorted(group, key=lambda leaf: leaf.name) for group in groups.values()]


def _sort_out(group: list[Leaf], found: Survey) -> None:
    others: list[Skipped] = []
    for leaf in group:
        try:
            with _defects_as_unreadable(leaf.name):
                verdict = _recognise(leaf.name, leaf.content)
        except UnreadablePublication:
            continue
        if isinstance(verdict, OtherProduct):
            others.append(Skipped(keep_end(leaf.place, _MAX_PLACE), keep_start(verdict.reason, _MAX_REASON)))
    if len(others) == len(group):
        found.skipped.extend(others)
        return
    names, contents = tuple(leaf.name for leaf in group), tuple(leaf.content for leaf in group)
    place = keep_end(group[0].place, _MAX_PLACE) + (f" and {len(group) - 1} more" if len(group) > 1 else "")
    found.payloads.append(Payload(names, contents, place))


def _recognise(name: str, content: bytes) -> Recognised | RecognisedDocument | OtherProduct:
    """Raises UnreadablePublication for what is to be quarantined."""
    _refuse_no_table(name, content)
    if (document := document_of(name, content)) and (known := _recognise_document(document)):
        return known
    head = head_of(name, content)
    if reason := _other_kind(content):
        _refuse_operators_name(head)
        return OtherProduct(reason)
    other = None
    for iso in _ISOS:
        verdict = iso.recognise(head)
        if isinstance(verdict, Recognised):
            return verdict
        other = other or verdict
    if not other:
        _refuse_operators_name(head)
    return other or OtherProduct(_OTHER_REASON)


def _recognise_document(document: Document) -> RecognisedDocument | OtherProduct | None:
    if document.problem:
        if _looks_like_ours(document):
            raise unreadable(document.name, document.problem)
        return OtherProduct(document.problem)
    verdicts = [verdict for iso in _DOCUMENTS if (verdict := iso.recognise(document))]
    recognised = (verdict for verdict in verdicts if isinstance(verdict, RecognisedDocument))
    return next(recognised, verdicts[0] if verdicts else None)


def _looks_like_ours(document: Document) -> bool:
    """Whether what can't be opened begins as an operator's answer does, or bears the name of a report."""
    signs = _SIGNS.get(document.kind)
    begins_so = signs is not None and all(sign in document.content[:65536] for sign in signs)
    return begins_so or any(iso.OPERATOR_NAME.search(document.name) for iso in _ISOS)


def _refuse_no_table(name: str, content: bytes) -> None:
    start = content[:4096].removeprefix(_BOM)
    if not content[:4096].strip() and not content.strip():
        raise unreadable(name, "the file is empty: get it again")
    if _HTML.match(start) and not ercot_formats.PAGES.search(start):
        raise unreadable(
            name, "an HTML page, as servers send instead of a file that is missing or refused: get it again", 1
        )
    if start.lstrip().startswith(b"<") and (error := _ERROR_ANSWER.search(content[:65536])):
        text = _ERROR_TEXT.search(content[:65536])
        words = b" ".join([error[1] or error[2], text[1] if text else b""]).decode("utf-8", "replace").split()
        raise unreadable(name, f"the operator's error answer instead of a file: {' '.join(words)[:200]}")


def _other_kind(content: bytes) -> str | None:
    """What a file is that is no CSV at all."""
    for magic, kind in _OTHER_KINDS.items():
        if content.startswith(magic):
            return kind
    if content[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        return "a tar archive: unpack it, only zip and gz are unwrapped"
    document = document_of("", content)
    return _UNKNOWN_DOCUMENTS[document.kind] if document else None


def _refuse_operators_name(head: Head) -> None:
    """Raise UnreadablePublication for what is no price table, but bears the name of one (or of an archive)."""
    if head.name.lower().endswith(_ARCHIVE_SUFFIXES):
        raise unreadable(head.name, "named as an archive, but it is none: get it again")
    if head.name.lower().endswith(".csv") and any(iso.OPERATOR_NAME.search(head.name) for iso in _ISOS):
        begins = ",".join(head.first.cells)[:80]
        raise unreadable(
            head.name, f"named as a report that is read, but has no such header: {begins!r}", head.first.number
        )
