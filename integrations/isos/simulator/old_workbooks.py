"""Workbooks as Excel wrote them until 2007 (BIFF8 in a compound file): one sheet of texts, numbers and days.

[MS-XLS] has the records, [MS-CFB] the sectors of the file around them. Texts stand in their cells, which is allowed.
"""

import struct
from datetime import date
from typing import Final

from integrations.isos.simulator.workbooks import Cell, Lines, day_number

_BOF, _EOF, _CODE_PAGE, _FORMAT_OF_CELLS, _SHEET, _DIMENSIONS, _NUMBER, _LABEL = (
    0x0809, 0x000A, 0x0042, 0x00E0, 0x0085, 0x0200, 0x0203, 0x0204,
)  # fmt: skip
_PLAIN, _DAY = 0, 1
"""The formats of cells, by number: as they are, and as a day (14 of those that Excel knows)."""

_SECTOR: Final = 512
_SMALLEST_STREAM: Final = 4096  # what is smaller would have to lie in sectors of another kind
_FREE, _END, _TABLE = 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD
_HEADER_ENTRIES = 109


def old_workbook(name: str, lines: Lines) -> bytes:
    """The bytes of a workbook with one sheet, called `name`."""
    return _compound(_records(name, lines))


def _records(name: str, lines: Lines) -> bytes:
    sheet = _record(_BOF, _begin(0x0010))
    width = max(map(len, lines), default=0)
    sheet += _record(_DIMENSIONS, struct.pack("<IIHHH", 0, len(lines), 0, width, 0))
    sheet += b"".join(
        _cell(row, column, cell) for row, cells in enumerate(lines) for column, cell in enumerate(cells)
    ) + _record(_EOF, b"")
    head = _record(_BOF, _begin(0x0005)) + _record(_CODE_PAGE, struct.pack("<H", 1200))
    head += b"".join(_record(_FORMAT_OF_CELLS, struct.pack("<HH16x", 0, code)) for code in (0, 14))
    title = struct.pack("<BB", len(name), 0) + name.encode("latin-1")
    begins_at = len(head) + len(_record(_SHEET, bytes(6) + title)) + len(_record(_EOF, b""))
    return head + _record(_SHEET, struct.pack("<IBB", begins_at, 0, 0) + title) + _record(_EOF, b"") + sheet


def _begin(kind: int) -> bytes:
    """What a stream of records (5) or a sheet (16) begins with: version 8, of 1996."""
    return struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 1996, 0, 6)


def _cell(row: int, column: int, cell: Cell) -> bytes:
    if cell is None or cell == "":
        return b""
    if isinstance(cell, str):
        text = cell.encode("latin-1")
        return _record(_LABEL, struct.pack("<HHHHB", row, column, _PLAIN, len(text), 0) + text)
    form, value = (_DAY, day_number(cell)) if isinstance(cell, date) else (_PLAIN, cell)
    return _record(_NUMBER, struct.pack("<HHHd", row, column, form, value))


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content


def _compound(stream: bytes) -> bytes:
    """A compound file that holds one stream, `Workbook`: header, table of sectors, directory, the stream."""
    stream = stream.ljust(max(_SMALLEST_STREAM, -(-len(stream) // _SECTOR) * _SECTOR), b"\0")
    count, tables = len(stream) // _SECTOR, 1
    while tables * (_SECTOR // 4) < tables + 1 + count:
        tables += 1
    first = tables + 1
    chain = [*range(first + 1, first + count), _END]
    table = struct.pack(f"<{tables + 1 + count}I", *[_TABLE] * tables, _END, *chain)
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, tables, 0, _SMALLEST_STREAM, _END, 0, _END, 0
    )
    header += struct.pack(f"<{_HEADER_ENTRIES}I", *range(tables), *[_FREE] * (_HEADER_ENTRIES - tables))
    directory = _entry("Root Entry", 5, child=1, start=_END, size=0) + _entry(
        "Workbook", 2, start=first, size=len(stream)
    )
    directory += 2 * _entry("", 0, start=0, size=0)
    return header + table.ljust(tables * _SECTOR, b"\xff") + directory + stream


def _entry(name: str, kind: int, *, start: int, size: int, child: int = _FREE) -> bytes:
    """An entry of the directory."""
    written = name.encode("utf-16-le") + b"\0\0" if name else b""
    tail = struct.pack("<HBBIII36xIQ", len(written), kind, 1, _FREE, _FREE, child, start, size)
    return written.ljust(64, b"\0") + tail
