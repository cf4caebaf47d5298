"""Files that are no CSV: JSON answers, Excel workbooks, XML. What kind a file is, its bytes tell, never its name."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from xml.etree.ElementTree import Element

import msgspec

from integrations.isos.archives import is_workbook
from integrations.isos.errors import UnreadablePublication, unreadable
from integrations.isos.plain_workbooks import plain_sheets
from integrations.isos.ticks import ParsedPublication

Kind = Literal["json", "workbook", "xml"]

_OPENED_AS: Mapping[Kind, str] = {"json": "members", "workbook": "sheets", "xml": "xml"}
_BOM = b"\xef\xbb\xbf"
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_LARGEST_WORKBOOK_BYTES = 64 * 1024**2
_LARGEST_JSON_BYTES = 256 * 1024**2
LARGEST_XML_BYTES = 64 * 1024**2
"""Elements take some 19 times as much memory."""

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True)
class Document:
    """A file of a kind that is read whole. Each property raises UnreadablePublication where the bytes don't hold it."""

    name: str
    content: bytes
    kind: Kind

    @cached_property
    def problem(self) -> str:
        """Why the bytes can't be opened as what they begin like; empty where they can. The name is left out."""
        try:
            getattr(self, _OPENED_AS[self.kind])
        except UnreadablePublication as error:
            place = unreadable(self.name, "").reason.removesuffix(": ")
            return error.reason.removeprefix(place).removeprefix(":").strip()
        return ""

    @cached_property
    def members(self) -> Mapping[str, msgspec.Raw]:
        """The values of a JSON object by their keys, not decoded yet; none for JSON that is no object.

        This tells what a document is, in a fraction of the time that decoding all of it takes.
        """
        self._check_json_size()
        try:
            return _read_members(self.content.removeprefix(_BOM))
        except (ValueError, RecursionError):
            pass  # no object, or unusual, or broken
        found = self.json
        members = found.items() if isinstance(found, dict) else ()
        # As ASCII: a lone surrogate can stand in JSON as an escape, but not in UTF-8.
        return {key: msgspec.Raw(json.dumps(value).encode("ascii")) for key, value in members}

    @cached_property
    def json(self) -> Any:
        """The decoded JSON. NaN and infinity, which JSON does not have, are refused."""
        self._check_json_size()
        try:
            return msgspec.json.decode(self.content.removeprefix(_BOM))
        except (ValueError, RecursionError):
            pass  # the slow reader says where the fault is, and reads what is unusual
        try:
            return json.loads(self.content.decode("utf-8-sig"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise unreadable(
                self.name, f"the JSON cannot be read: {error}; get it again", getattr(error, "lineno", None)
            ) from None

    def _check_json_size(self) -> None:
        if len(self.content) > _LARGEST_JSON_BYTES:
            raise unreadable(self.name, "the JSON is larger than 256 MiB: ask for less at once")

    @cached_property
    def sheets(self) -> Mapping[str, Sequence[Sequence[Any]]]:
        """The cells of each sheet of a workbook by its name; empty cells are ''."""
        if len(self.content) > _LARGEST_WORKBOOK_BYTES:
            raise unreadable(self.name, "the workbook is larger than 64 MiB: split it by its sheets")
        if (plain := plain_sheets(self.content)) is not None:
            return plain
        from python_calamine import CalamineError, CalamineWorkbook

        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(self.content))
            return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
        except (CalamineError, ValueError) as error:
            raise unreadable(self.name, f"the workbook cannot be read: {error}; get it again") from None

    @cached_property
    def xml(self) -> Element:
        """The root element; entities and external references are refused."""
        from xml.etree.ElementTree import ParseError

        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import fromstring

        if len(self.content) > LARGEST_XML_BYTES:
            limit = LARGEST_XML_BYTES // 1024**2
            raise unreadable(self.name, f"the XML is larger than {limit} MiB: ask for the CSV, or for less at once")
        try:
            root: Element = fromstring(self.content)
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise unreadable(self.name, f"the XML cannot be read: {error}; get it again") from None
        return root


@dataclass(frozen=True)
class RecognisedDocument:
    """A document of ours: `parse` reads it. `facts` are what only the file's name told, as with CSV files."""

    document: Document
    parse: Callable[[Document], ParsedPublication]
    facts: Mapping[str, str] = field(default_factory=dict)


def document_of(name: str, content: bytes) -> Document | None:
    """The document that the bytes are, or None for other kinds, a CSV among them."""
    if content.startswith(_OLD_WORKBOOK) or is_workbook(content):
        return Document(name, content, "workbook")
    start = content[:4096].removeprefix(_BOM).lstrip()
    if start.startswith((b"{", b"[")):
        return Document(name, content, "json")
    if start.startswith(b"<"):
        return Document(name, content, "xml")
    return None


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
