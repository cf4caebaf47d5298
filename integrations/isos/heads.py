"""The first lines of a text file, by which its format is recognised."""

import csv
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from integrations.isos.errors import UnreadablePublication, unreadable

_HEAD_BYTES = 65536
_HEAD_LINES = 12
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|$)")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class HeadLine:
    """A physical line (`number` from 1) with its cells, stripped; the next line starts at byte `end`."""

    number: int
    cells: tuple[str, ...]
    end: int

    @cached_property
    def keys(self) -> tuple[str, ...]:
        return tuple(column_key(cell) for cell in self.cells)


@dataclass(frozen=True)
class Head:
    """A payload's base name, its bytes and its first lines, blank ones left out."""

    name: str
    content: bytes
    lines: tuple[HeadLine, ...]

    @property
    def first(self) -> HeadLine:
        return self.lines[0] if self.lines else HeadLine(1, (), 0)

    def cells_below(self, header: HeadLine, column: int) -> list[str]:
        """The cells of a column in the lines of the head that follow the header."""
        below = (line.cells for line in self.lines if line.number > header.number)
        return [cells[column] for cells in below if column < len(cells)]


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header is known. Column names are compared by `column_key`, so spelling variants are one."""

    name: str
    content: bytes
    header: HeadLine

    def find(self, *keys: str) -> int | None:
        """The position of the column with one of these keys; null where none is there. Raises if it is there twice."""
        found = [position for key in keys for position in self._positions.get(key, ())]
        if len(found) > 1:
            names = " and ".join(self.header.cells[position] for position in found)
            raise unreadable(
                self.name, f"two columns for one value ({names}): leave one of them out", self.header.number, names
            )
        return found[0] if found else None

    @cached_property
    def _positions(self) -> dict[str, list[int]]:
        positions: dict[str, list[int]] = {}
        for position, key in enumerate(self.header.keys):
            positions.setdefault(key, []).append(position)
        return positions

    def need(self, column: str, *aliases: str) -> int:
        """The position of a column that the format cannot do without. Raises UnreadablePublication."""
        position = self.find(*dict.fromkeys(column_key(spelling) for spelling in (column, *aliases)))
        if position is None:
            raise missing_column(self.name, self.header, column)
        return position


def missing_column(name: str, header: HeadLine, column: str) -> UnreadablePublication:
    has = ", ".join(header.cells[:12])
    return unreadable(
        name, f"the column is missing, keep the operator's header; this one has {has}", header.number, column
    )


@lru_cache(maxsize=1024)
def column_key(text: str) -> str:
    """`HE 01`, `he1` and `HE_1` are the same column; so are `DeliveryDate` and `Delivery Date`."""
    key = "".join(text.replace("_", " ").split()).lower()
    return f"he{key[3:]}" if key.startswith("he0") else key


def head_of(name: str, content: bytes) -> Head:
    """Read the first lines; never raises, bytes that are no UTF-8 become replacement characters."""
    start = len(_BOM) if content.startswith(_BOM) else 0
    lines: list[HeadLine] = []
    for number, found in enumerate(_LINE.finditer(content[: start + _HEAD_BYTES], start), start=1):
        if found.group(1).strip():
            lines.append(HeadLine(number, split_line(found.group(1)), found.end()))
        if len(lines) == _HEAD_LINES or found.end() >= len(content):
            break
    return Head(name, content, tuple(lines))


def split_line(line: bytes, blanks: str | None = None) -> tuple[str, ...]:
    """The cells of one physical line, stripped of white space or just of `blanks`."""
    text = line.decode("utf-8", "replace")
    try:
        cells = next(csv.reader([text]), [])
    except csv.Error:  # a cell too long for the reader, as behind a quote that never closes
        cells = text.split(",")
    return tuple(cell.strip(blanks) for cell in cells)
