"""Plain workbooks, read a sheet at once: the cells of reports are numbers, dates and shared texts without formulas.

What a sheet may hold beyond that is left to a reader of all workbooks, and so is all that is broken: nothing is
guessed here, every tag of a sheet is one of those that are known, and stands where it has to.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from integrations.isos.grids import EMPTY, NUMBER, OTHER, TEXT, Grid
from integrations.isos.sheet_xml import Unusual, cells_of

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_WORKSHEET = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
_WORDS, _STYLES = _OTHER_MEMBERS = ("xl/sharedStrings.xml", "xl/styles.xml")
_LARGEST_BYTES = 1 << 30
_SPARSEST = 64  # cells of a sheet's extent for each that is filled

_SHARED_TEXT = re.compile(rb"<si><t>([^<]*)</t></si>")
_FORM = re.compile(rb'(?: s="(?P<style>\d+)"| t="(?P<kind>\w+)")*')
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_DATE_FORMATS = frozenset({*range(14, 23), 45, 47})  # those that Excel knows by number
_DURATION_FORMAT = 46
_DAY_ZERO = datetime(1899, 12, 30)
_FIRST_DATE = 61  # Excel takes 1900 for a leap year: days before March of it are another question

_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, KeyError, EOFError, NotImplementedError,
    RuntimeError, ParseError, DefusedXmlException, ValueError, OSError, OverflowError,
)  # fmt: skip


def plain_sheets(content: bytes) -> Mapping[str, Grid] | None:
    """The sheets of a workbook by name, in its order; None where it is not plain throughout."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _members(archive)
            words, dates = _words(archive), _date_styles(archive)
            return {name: _grid(archive.read(member), words, dates) for name, member in members.items()}
    except (Unusual, *_BROKEN):
        return None


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """The members that hold the sheets, by the names of these."""
    relations: Element = fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {each.get("Id"): each.get("Target", "") for each in relations if each.get("Type") == _WORKSHEET}
    book: Element = fromstring(archive.read("xl/workbook.xml"))
    settings = book.find(f"{_MAIN}workbookPr")
    if settings is not None and settings.get("date1904", "0") not in ("0", "false"):
        raise Unusual
    found = {}
    for sheet in book.iterfind(f"{_MAIN}sheets/{_MAIN}sheet"):
        target = targets[sheet.get(_RELATION)]
        found[sheet.get("name", "")] = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    if sum(archive.getinfo(member).file_size for member in (*found.values(), *_OTHER_MEMBERS)) > _LARGEST_BYTES:
        raise Unusual
    return found


def _words(archive: zipfile.ZipFile) -> list[str]:
    """The texts that cells refer to."""
    content = archive.read(_WORDS)
    words = _SHARED_TEXT.findall(content)
    # Texts of several runs, with blanks that count, or with escaped characters are unusual.
    if len(words) != content.count(b"<si") or b"_x" in content or b"<!" in content:
        raise Unusual
    texts = b"\n".join(words).decode()
    if "\r" in texts or texts.count("\n") != max(len(words) - 1, 0):
        raise Unusual
    return [word.strip() for word in unescape(texts).split("\n")] if words else []


def _date_styles(archive: zipfile.ZipFile) -> frozenset[int]:
    """The styles of cells whose numbers are dates."""
    styles: Element = fromstring(archive.read(_STYLES))
    formats = {int(each.get("numFmtId", "0")): each.get("formatCode", "") for each in styles.iter(f"{_MAIN}numFmt")}
    found = set()
    for number, style in enumerate(styles.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")):
        code = int(style.get("numFmtId", "0"))
        shown = _NOT_FORMAT.sub("", formats.get(code, "")).lower()
        if code == _DURATION_FORMAT or "[" in shown:
            raise Unusual
        if code in _DATE_FORMATS or set("dmyhs") & set(shown.replace("general", "")):
            found.add(number)
    return frozenset(found)


def _grid(sheet: bytes, words: Sequence[str], dates: frozenset[int]) -> Grid:
    cells = cells_of(sheet)
    if not len(cells.value):
        return Grid(np.zeros((0, 0), dtype=np.uint8), np.zeros((0, 0)), words)
    shape = int(cells.line.max()) + 1, int(cells.column.max()) + 1
    if shape[0] * shape[1] > _SPARSEST * (len(cells.value) + 1000):
        raise Unusual
    kind_of = np.array([_kind(form, dates) for form in cells.forms], dtype=np.uint8)
    kind, value = kind_of[cells.form], cells.value
    is_text = kind == TEXT
    if is_text.any():
        codes = value[is_text]
        if codes.min() < 0 or codes.max() >= len(words) or (codes != np.floor(codes)).any():
            raise Unusual
        if "" in words:
            kind[is_text] = np.where(np.array([bool(word) for word in words])[codes.astype(np.int64)], TEXT, EMPTY)
            value = np.where(kind == EMPTY, np.nan, value)
    others: list[Any] = []
    if (is_other := kind == OTHER).any():
        days, codes = np.unique(value[is_other], return_inverse=True)
        others, value = [_moment(day) for day in days.tolist()], value.copy()
        value[is_other] = codes
    kinds, values = np.zeros(shape, dtype=np.uint8), np.full(shape, np.nan)
    kinds[cells.line, cells.column], values[cells.line, cells.column] = kind, value
    return Grid(kinds, values, words, others)


def _kind(form: bytes, dates: frozenset[int]) -> int:
    """What a cell with these attributes holds."""
    found = _FORM.fullmatch(form)
    if not found or found["kind"] not in (None, b"n", b"s"):
        raise Unusual
    if found["kind"] == b"s":
        return TEXT
    return OTHER if int(found["style"] or 0) in dates else NUMBER


def _moment(day: float) -> Any:
    """The date, the date and time, or the time of day that Excel's day is."""
    if day < 0 or 1 <= day < _FIRST_DATE:
        raise Unusual
    found = _DAY_ZERO + timedelta(milliseconds=round(day * 86_400_000))
    if day < 1:
        return found.time()
    return found if day % 1 else found.date()
