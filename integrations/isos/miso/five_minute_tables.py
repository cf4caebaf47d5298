"""MISO's five-minute LMPs as an answer of the public API: `GetRealTimeFiveMinExPost/{Current|Rolling|Previous}`.

`{"headers": ["INTERVAL", "CPNODE", "LMP", "MLC", "MCC"], "data": [["2026-10-01T00:05:00", "MINN.HUB", …], …]}`: the
columns and the stamps of the running reports, with every cell a text.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

import pyarrow as pa

from integrations.isos.csv_faults import is_number_or_empty
from integrations.isos.csv_reading import Columns
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.heads import column_key
from integrations.isos.miso import five_minute_lmps
from integrations.isos.miso.five_minute_lmps import Layout
from integrations.isos.ticks import ParsedPublication


def parse(document: Document, layout: Layout) -> ParsedPublication:
    """All rows of an answer. Raises UnreadablePublication naming the n-th."""
    return five_minute_lmps.publication(_Table(document, layout), layout)


class _Table(Columns):
    """The columns of the layout; a header that stands there twice, and a row of another length, are refused."""

    def __init__(self, document: Document, layout: Layout) -> None:
        self._name = document.name
        headers = [column_key(str(header)) for header in document.json["headers"]]
        data = document.json["data"]
        if not isinstance(data, list) or not data:
            raise unreadable(document.name, "there are headers and no row of data: get it again", None, "data")
        for row, cells in enumerate(data):
            if not isinstance(cells, list) or len(cells) != len(headers):
                self.fail(row, "data", f"it has not the {len(headers)} cells of the headers: get it again")
        cells_of = list(zip(*data, strict=True))
        columns = {}
        for name in (layout.stamp, layout.node, "LMP", layout.congestion, layout.loss):
            if headers.count(column_key(name)) != 1:
                raise unreadable(document.name, "the header is there twice: get it again", None, name)
            texts = self._texts_of(name, cells_of[headers.index(column_key(name))])
            columns[name] = texts if name in (layout.stamp, layout.node) else self._numbers(name, texts)
        super().__init__(pa.table(columns))

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        raise unreadable(self._name, f"row {row + 1}: {problem}", None, column)

    def lines(self, *rows: int) -> str:
        return " and ".join(f"row {row + 1}" for row in rows)

    def _texts_of(self, column: str, cells: Sequence[Any]) -> pa.StringArray:
        """Texts and numbers as texts, null as an empty one."""
        if not all(cell is None or isinstance(cell, str) for cell in cells):
            for row, cell in enumerate(cells):
                if isinstance(cell, bool | list | dict):
                    self.fail(row, column, f"{str(cell)[:40]!r} is neither a text nor a number")
            cells = [cell if cell is None else str(cell) for cell in cells]
        return pa.array(cells, pa.string()).fill_null("")

    def _numbers(self, column: str, texts: pa.StringArray) -> pa.Array:
        encoded = texts.dictionary_encode()
        values = encoded.dictionary.to_pylist()
        wrong = [not is_number_or_empty(value) for value in values]
        self._refuse(column, encoded.indices.to_numpy(), wrong, "the cell is not a number")
        numbers = pa.array([float(value) if value.strip() else None for value in values], pa.float64())
        return numbers.take(encoded.indices)
