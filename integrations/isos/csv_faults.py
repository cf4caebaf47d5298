"""Where a CSV file is broken: slow, exact, and run only on files that could not be read."""

import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, split_line

MAX_NUMBER = 1e12
"""What is beyond is no price: a mangled digit, whose sums could overflow."""

SURE_LINE_BYTES = 1 << 20
"""A line up to this size is read, a longer one may be refused: those of operators have some thousand bytes."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_TAIL_BYTES = 16384
_TAIL_LINES = 10  # fewer do not show how a column is written


def end_of_rows(content: bytes) -> int:
    """The offset behind the last row: lines of nothing but blanks and commas at the end are none."""
    end = len(content)
    while end:
        line_start = start_of_last_line(content, end)
        if content[line_start:end].strip(b" \t\r\n,"):
            break
        end = line_start
    return end


def start_of_last_line(content: bytes, end: int) -> int:
    """Where the line that ends at `end`, its line break included, begins: behind a line feed or a carriage return."""
    start = content.rfind(b"\n", 0, end - 1) + 1
    return max(start, content.rfind(b"\r", start, end - 1) + 1)


def refuse(file: CsvFile, number_columns: Sequence[int], otherwise: str) -> NoReturn:
    """Raise UnreadablePublication at the first faulty line, or with the reader's own words if none is found."""
    header = file.header.cells
    for number, raw in _lines(file):
        if len(raw) > SURE_LINE_BYTES:
            problem = f"the line has {len(raw)} bytes, and up to {SURE_LINE_BYTES} are read: mangled, get it again"
            raise unreadable(file.name, problem, number)
        cells = split_line(raw, blanks="")
        if len(cells) != len(header):
            column = header[min(len(cells), len(header) - 1)]
            problem = f"the line has {len(cells)} of {len(header)} cells: cut short or malformed, get it again"
            raise unreadable(file.name, problem, number, column)
        for position in number_columns:
            if not is_number_or_empty(cells[position]):
                shown = cells[position].strip(" ")[:40]
                raise unreadable(file.name, f"{shown!r} is not a number", number, header[position])
        for position, cell in enumerate(cells):
            if "\ufffd" in cell:
                raise unreadable(
                    file.name, "the cell is not UTF-8 text: save the file as UTF-8", number, header[position]
                )
    raise unreadable(file.name, f"the table can't be read: {otherwise[:200]}", file.header.number)


def refuse_cut_number(file: CsvFile, number_columns: Sequence[int]) -> None:
    """Raise UnreadablePublication if the file ends within a number.

    A missing final newline alone is fine. But where the last column is a price that every line writes with the same
    number of decimals, a last cell with fewer was cut off.
    """
    last = len(file.header.cells) - 1
    if last not in number_columns or file.content.endswith((b"\n", b"\r")):
        return
    tail = _LINE_BREAK.split(file.content[max(file.header.end, len(file.content) - _TAIL_BYTES) :])
    decimals = [_decimals(line) for line in tail[1:] if line.strip()]
    if len(decimals) > _TAIL_LINES and len(set(decimals[:-1])) == 1 and decimals[-1] < decimals[0]:
        number = sum(1 for _ in _LINE_BREAK.finditer(file.content)) + 1
        raise unreadable(file.name, "the file ends within the number: get it again", number, file.header.cells[last])


def line_of_row(file: CsvFile, row: int) -> int:
    """The physical line, from 1, of a data row, from 0: empty lines between the rows are not rows."""
    for index, (number, _) in enumerate(_lines(file)):
        if index == row:
            return number
    raise IndexError(row)


def is_number_or_empty(cell: str) -> bool:
    """Decimal ASCII digits with an optional sign, point and exponent, up to MAX_NUMBER; `5.` and `.5` are numbers."""
    text = cell.strip(" \t")
    return not cell.strip(" ") or (_NUMBER.fullmatch(text) is not None and abs(float(text)) <= MAX_NUMBER)


def _lines(file: CsvFile) -> Iterator[tuple[int, bytes]]:
    """The data lines that are not empty, with their physical line numbers."""
    number, start = file.header.number, file.header.end
    end = end_of_rows(file.content)
    while start < end:
        number += 1
        found = _LINE_BREAK.search(file.content, start, end)
        stop, after = (found.start(), found.end()) if found else (end, end)
        if stop > start:
            yield number, file.content[start:stop]
        start = after


def _decimals(line: bytes) -> int:
    return len(line.rstrip(b' \t"').rpartition(b",")[2].partition(b".")[2])
