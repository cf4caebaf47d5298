"""Tables in PJM's capacity workbooks: decorated sheets, read by the words in them and never by their position."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NoReturn

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.pjm.stamps import eastern_second

Row = Sequence[Any]

_YEARS = re.compile(r"(20\d\d)\s*[/-]\s*(?:20)?(\d\d)\b")


@dataclass(frozen=True)
class Sheet:
    """One sheet: `fail` names it, the row and the column of a fault."""

    document: Document
    name: str
    rows: Sequence[Row]

    @property
    def title(self) -> str:
        """The first words of the sheet."""
        return next((word for row in self.rows for word in map(text, row) if word), "")

    def header(self, first: str, *others: str, start: int = 0) -> int | None:
        """The row from `start` whose first cell begins with `first` and that has a cell with each of the words."""
        for number in range(start, len(self.rows)):
            cells = [text(cell).lower() for cell in self.rows[number]]
            if cells and cells[0].startswith(first) and all(any(word in cell for cell in cells) for word in others):
                return number
        return None

    def below(self, header: int) -> Iterator[tuple[int, str, Row]]:
        """Row number, label and cells of the rows below a header, to the total, a footnote or a row without a label."""
        for number in range(header + 1, len(self.rows)):
            label = text(self.rows[number][0])
            if not label or label.startswith("*") or label.lower() == "total":
                return
            yield number, label.rstrip("* "), self.rows[number]

    def column(self, header: int, *words: str) -> int | None:
        """The first column of a header that has all of the words."""
        cells = [text(cell).lower() for cell in self.rows[header]]
        return next((at for at, cell in enumerate(cells) if all(word in cell for word in words)), None)

    def number(self, row: int, column: int) -> float:
        """A cell that must be a number. Raises UnreadablePublication."""
        found = number(self.rows[row][column])
        if found is None:
            self.fail(row, column, f"{text(self.rows[row][column])[:40]!r} is not a number")
        return found

    def fail(self, row: int, column: int, problem: str) -> NoReturn:
        raise unreadable(f"{self.document.name} sheet {self.name}", problem, row + 1, f"{column_letters(column)}")


def sheets(document: Document) -> list[Sheet]:
    return [Sheet(document, name, rows) for name, rows in document.sheets.items()]


def text(cell: Any) -> str:
    """A cell's words with single blanks between them."""
    return " ".join(cell.split()) if isinstance(cell, str) else "" if cell is None else str(cell)


def number(cell: Any) -> float | None:
    """The number of a cell; None for words, `NA`, `TBD`, `*` and bounds such as `>2,308.1`."""
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else None


def column_letters(column: int) -> str:
    """Column 0 is A, 26 is AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass(frozen=True)
class DeliveryYear:
    """A delivery year of the capacity market: from 1 June to the next, Eastern time. `label` is `2026/2027`."""

    first_year: int

    @property
    def label(self) -> str:
        return f"{self.first_year}/{self.first_year + 1}"

    @property
    def start_utc(self) -> datetime:
        return eastern_midnight(date(self.first_year, 6, 1))

    @property
    def end_utc(self) -> datetime:
        return eastern_midnight(date(self.first_year + 1, 6, 1))

    @classmethod
    def in_words(cls, words: str) -> "DeliveryYear | None":
        found = _YEARS.search(words)
        if not found or (int(found[1]) + 1) % 100 != int(found[2]):
            return None
        return cls(int(found[1]))


def eastern_midnight(day: date) -> datetime:
    return datetime.fromtimestamp(eastern_second(f"{day.isoformat()} 00:00"), UTC)
