"""The cells of a plain sheet of a workbook, found in its XML all at once.

Plain is `<row r="2"><c r="A2" s="8" t="s"><v>257</v></c>...</row>`: nothing but rows and cells with their reference
first, which have a value, or are empty and passed over. Each tag is held against that, byte by byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from integrations.isos.ticks import Floats, Ints

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

_MOST_FORMS = 64
_LONGEST_FORM = 16
_ROW, _CELL, _VALUE, _END = b'<row r="', b'<c r="', b"><v>", b"</v></c>"
_MOST_DIGITS = 7
_LOW_BYTES = np.array([(1 << 8 * count) - 1 for count in range(_MOST_DIGITS + 1)], dtype=np.uint64)
_MOST_LETTERS = 3


class Unusual(Exception):
    """The sheet is not a plain one."""


@dataclass(frozen=True)
class Cells:
    """The filled cells: line and column from 0; the attributes behind the reference, by code in `forms`; the value."""

    line: Ints
    column: Ints
    form: Ints
    forms: Sequence[bytes]
    value: Floats


_NO_INTS: Ints = np.zeros(0, dtype=np.int64)
_NONE = Cells(_NO_INTS, _NO_INTS, _NO_INTS, (), np.zeros(0))


def cells_of(sheet: bytes) -> Cells:
    """The cells of a sheet. Raises Unusual."""
    start, end = sheet.find(b"<sheetData>"), sheet.rfind(b"</sheetData>")
    if not 0 <= start < end:
        if b"<sheetData/>" in sheet:
            return _NONE
        raise Unusual
    data = np.frombuffer(sheet, np.uint8)
    # Eight bytes from any position as one number, the first of them lowest.
    words: Words = np.ndarray((len(sheet) - 7,), np.dtype("<u8"), sheet, 0, (1,))
    tags = np.flatnonzero(data[start + 1 : end] == ord("<")) + (start + 1)
    at = np.flatnonzero(data[tags + 1] == ord("v"))
    if len(at) and (at[0] == 0 or at[-1] + 2 >= len(tags)):
        raise Unusual
    opening, value, closing = tags[at - 1], tags[at], tags[at + 1]
    _insist(_same(words[opening], _CELL) & _same(words[value - 1], _VALUE) & _same(words[closing], _END))
    row_of, number, written, digits = _rows(data, words, tags, at)
    if not len(at):
        return _NONE
    column, letters = _columns(data, opening + len(_CELL))
    first_digit = opening + len(_CELL) + letters
    _insist(words[first_digit] & _LOW_BYTES[digits][row_of] == written[row_of])
    line, reference_end = number[row_of] - 1, first_digit + digits[row_of]
    _insist(data[reference_end] == ord('"'))
    _insist(np.diff(line << 15 | column) > 0)  # more than there can be columns
    form, forms = _forms(words, reference_end + 1, value - 1)
    return Cells(line, column, form, forms, _numbers(sheet, value + 3, closing))


def _rows(data: Bytes, words: Words, tags: Ints, at: Ints) -> tuple[Ints, Ints, Words, Ints]:
    """Which row each cell with a value is in; of the rows the number, its digits as they are written, how many."""
    of_cells = np.zeros(len(tags), dtype=np.bool_)
    for offset in (-1, 0, 1, 2):
        of_cells[at + offset] = True
    others = np.flatnonzero(~of_cells)
    other = words[tags[others]]
    is_row = _same(other, _ROW)
    _insist(is_row | _same(other, b"</row>") | _same(other, _CELL) | _same(other, b"</c>"))
    rows = others[is_row]
    first_digit = tags[rows] + len(_ROW)
    number, digits = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.int64)
    for position in range(_MOST_DIGITS):
        digit = data[first_digit + position].astype(np.int64) - ord("0")
        goes_on = (digit >= 0) & (digit <= 9) & (digits == position)
        number = np.where(goes_on, 10 * number + digit, number)
        digits += goes_on
    _insist((data[first_digit + digits] == ord('"')) & (number > 0))
    if len(at) and not (len(rows) and rows[0] < at[0]):
        raise Unusual
    cells = np.diff(np.searchsorted(at, rows), append=len(at))
    row_of = np.repeat(np.arange(len(rows)), cells)
    return row_of, number, words[first_digit] & _LOW_BYTES[digits], digits


def _columns(data: Bytes, reference: Ints) -> tuple[Ints, Ints]:
    """The column from 0 of references such as `AB12`, and the number of its letters."""
    column, letters = np.zeros(len(reference), dtype=np.int64), np.zeros(len(reference), dtype=np.int64)
    goes_on = np.ones(len(reference), dtype=np.bool_)
    for position in range(_MOST_LETTERS):
        letter = data[reference + position] - np.uint8(ord("A"))
        goes_on &= letter < 26
        if not goes_on.any():
            break
        column = np.where(goes_on, 26 * column + letter + 1, column)
        letters += goes_on
    _insist(letters > 0)
    return column - 1, letters


def _forms(words: Words, start: Ints, end: Ints) -> tuple[Ints, list[bytes]]:
    """Which of the few distinct texts each one between two positions is, and these texts."""
    length = end - start
    _insist((length >= 0) & (length <= _LONGEST_FORM))
    first, last = words[start], words[end - 8]
    form, row = np.full(len(start), -1), 0
    forms: list[bytes] = []
    while form[row] < 0:
        if len(forms) == _MOST_FORMS:
            raise Unusual
        size = int(length[row])
        head, tail = int(first[row]).to_bytes(8, "little")[:size], int(last[row]).to_bytes(8, "little")[-size:]
        tail = tail if size else b""
        form[(length == size) & _same(first, head) & _ends(last, tail)] = len(forms)
        forms.append(head + tail[16 - size :] if size > 8 else head)
        row = int(np.argmax(form < 0))
    return form, forms


def _numbers(sheet: bytes, start: Ints, end: Ints) -> Floats:
    """The numbers written between positions."""
    offsets = np.empty(2 * len(start), dtype=np.int32)
    offsets[0::2], offsets[1::2] = start, end
    every = pa.Array.from_buffers(pa.string(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(sheet)])
    try:
        numbers: Floats = every.take(pa.array(np.arange(0, len(every), 2))).cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        raise Unusual from None
    _insist(np.isfinite(numbers))
    return numbers


def _same(words: Words, text: bytes) -> npt.NDArray[np.bool_]:
    """Whether the eight bytes begin with a text."""
    mask = np.uint64((1 << 8 * len(text)) - 1)
    same: npt.NDArray[np.bool_] = (words & mask) == np.uint64(int.from_bytes(text, "little"))
    return same


def _ends(words: Words, text: bytes) -> npt.NDArray[np.bool_]:
    """Whether the eight bytes end with a text."""
    mask = np.uint64(((1 << 8 * len(text)) - 1) << 8 * (8 - len(text)))
    same: npt.NDArray[np.bool_] = (words & mask) == np.uint64(int.from_bytes(text, "little") << 8 * (8 - len(text)))
    return same


def _insist(holds: npt.NDArray[np.bool_]) -> None:
    if not holds.all():
        raise Unusual
