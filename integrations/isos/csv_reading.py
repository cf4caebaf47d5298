"""Columns of operators' CSV files, read at once by Arrow; the place of a fault is looked for only when there is one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from integrations.isos import csv_faults
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile
from integrations.isos.printable import has_control
from integrations.isos.strings import all_filled, cycle_length, is_plain
from integrations.isos.ticks import Codes, Floats

_BLOCK_BYTES = csv_faults.SURE_LINE_BYTES  # a line longer than two blocks is none to Arrow
_FEW_BLOCKS = 2  # more are read side by side
_SAMPLE_ROWS = 64
_LONG_RUN = 8


@dataclass(frozen=True)
class Text:
    """A text column: row `i` holds `strings[codes[i]]`; these are stripped and distinct."""

    codes: Codes
    strings: pa.StringArray

    @classmethod
    def of(cls, codes: Codes, values: Sequence[str]) -> "Text":
        return cls(codes, pa.array(values, pa.string()))

    @cached_property
    def values(self) -> list[str]:
        """The strings as Python's, made when they are first asked for: a column can have one a row."""
        values: list[str] = self.strings.to_pylist()
        return values

    def __len__(self) -> int:
        return len(self.strings)


class Columns(ABC):
    """Columns of a table by name, whatever the table was read from; `fail` names the place of a fault.

    `is_whole` is false for one page of several: what is missing in it may stand on another one.
    """

    is_whole = True

    def __init__(self, table: pa.Table) -> None:
        self._table = table.combine_chunks()
        self.rows: int = self._table.num_rows
        self._texts: dict[str, Text] = {}

    def has(self, column: str) -> bool:
        return bool(column in self._table.column_names)

    def strings(self, column: str) -> pa.StringArray:
        """The cells of a text column as they were written."""
        return self._table[column].chunk(0)

    def text(self, column: str, *, may_be_empty: bool = False) -> Text:
        """A text column. Raises UnreadablePublication at a control character, and at an empty cell unless allowed."""
        found = self._texts.get(column)
        if found is None:
            found = self._texts[column] = self._encoded(column)
        if not may_be_empty and not all_filled(found.strings):
            self._refuse(column, found.codes, [not value for value in found.values], "the cell is empty")
        return found

    def cells(self, column: str) -> pa.StringArray:
        """A text column's cells, stripped; quicker than `text` where most differ. Raises as it does; may be empty."""
        cells = self.strings(column)
        if is_plain(cells):
            return pc.ascii_trim(cells, " ")
        text = self.text(column, may_be_empty=True)
        return text.strings.take(pa.array(text.codes))

    def _encoded(self, column: str) -> Text:
        codes, strings = self._coded(column)
        if is_plain(strings):
            stripped = pc.ascii_trim(strings, " ")
        else:
            stripped = pc.utf8_trim_whitespace(strings)
            wrong = [has_control(value) for value in stripped.to_pylist()]
            self._refuse(column, codes, wrong, "the cell has a control character")
        if not stripped.equals(strings):
            again = stripped.dictionary_encode()
            codes, stripped = again.indices.to_numpy()[codes], again.dictionary
        return Text(codes, stripped)

    def _coded(self, column: str) -> tuple[Codes, pa.StringArray]:
        """Codes and distinct values of a text column, as they were written."""
        return _encode(self.strings(column))

    def number(self, column: str) -> Floats:
        """A number column, NaN where the cell is empty."""
        values: Floats = self._table[column].chunk(0).to_numpy(zero_copy_only=False)
        return values

    def _refuse(self, column: str, codes: Codes, wrong: Sequence[bool], problem: str) -> None:
        """Raise UnreadablePublication at the first row whose value is a wrong one."""
        if any(wrong):
            rows = np.array(wrong)[codes]
            if rows.any():
                self.fail(int(np.argmax(rows)), column, problem)

    @abstractmethod
    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        """Raise UnreadablePublication at a data row (from 0) and column."""

    @abstractmethod
    def lines(self, *rows: int) -> str:
        """Words for the places of data rows, for a fault that has two."""


class Frame(Columns):
    """Columns of one CSV file, or of several of the same layout one after the other."""

    def __init__(
        self, files: Sequence[CsvFile], positions: Sequence[Mapping[str, int]], tables: Sequence[pa.Table]
    ) -> None:
        super().__init__(pa.concat_tables(list(tables)))
        self._files = files
        self._positions = positions
        self._rows = [table.num_rows for table in tables]

    def fail(self, row: int, column: str, problem: str) -> NoReturn:
        for file, positions, rows in zip(self._files, self._positions, self._rows, strict=True):
            if row < rows:
                line = csv_faults.line_of_row(file, row)
                raise unreadable(file.name, problem, line, file.header.cells[positions[column]])
            row -= rows
        raise IndexError(row)

    def lines(self, *rows: int) -> str:
        return " and ".join(str(csv_faults.line_of_row(self._files[0], row)) for row in rows)


def read(files: Sequence[CsvFile], positions: Sequence[Mapping[str, int]], numbers: frozenset[str]) -> Frame:
    """Read the columns in `positions` (our name -> position, one mapping a file); those in `numbers` as float64.

    Raises UnreadablePublication naming file, line and column for a line with too few or too many cells, text, NaN,
    infinity or more than MAX_NUMBER where a number belongs, bytes that are no UTF-8, a last number cut off, and
    for no rows at all.
    """
    tables = [_read_one(file, mapping, numbers) for file, mapping in zip(files, positions, strict=True)]
    return Frame(files, positions, tables)


def _read_one(file: CsvFile, positions: Mapping[str, int], numbers: frozenset[str]) -> pa.Table:
    start, end = file.header.end, csv_faults.end_of_rows(file.content)
    number_columns = [position for name, position in positions.items() if name in numbers]
    if start >= end:
        raise unreadable(
            file.name, "there is a header and no row below it: get it again, or leave it out", file.header.number
        )
    csv_faults.refuse_cut_number(file, number_columns)
    types = {str(position): pa.float64() if name in numbers else pa.string() for name, position in positions.items()}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(file.content).slice(start, end - start)),
            read_options=arrow_csv.ReadOptions(
                column_names=[str(position) for position in range(len(file.header.cells))],
                block_size=_BLOCK_BYTES,
                use_threads=end - start > _FEW_BLOCKS * _BLOCK_BYTES,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=[" " * width for width in range(20)],
                strings_can_be_null=False,
                check_utf8=not file.content.isascii(),
            ),
        )
    except pa.ArrowInvalid as error:
        csv_faults.refuse(file, number_columns, str(error))
    table = table.rename_columns(list(positions))
    if not all(_finite(column) for column in _number_chunks(table, numbers)):
        csv_faults.refuse(file, number_columns, "a number is NaN, infinite or far too large")
    return table


def _encode(strings: pa.StringArray) -> tuple[Codes, pa.StringArray]:
    """Codes and distinct values of a text column.

    Places come in the same order in each interval: one round of them is encoded. Dates, hours and flags come in long
    runs, each encoded once.
    """
    if cycle := cycle_length(strings):
        codes, distinct = _encode_each(strings[:cycle])
        return np.tile(codes, -(-len(strings) // cycle))[: len(strings)], distinct
    if _LONG_RUN * len(pc.run_end_encode(strings[:_SAMPLE_ROWS]).values) <= min(len(strings), _SAMPLE_ROWS):
        runs = pc.run_end_encode(strings)
        codes, distinct = _encode_each(runs.values)
        return np.repeat(codes, np.diff(runs.run_ends.to_numpy(), prepend=0)), distinct
    return _encode_each(strings)


def _encode_each(strings: pa.StringArray) -> tuple[npt.NDArray[np.int32], pa.StringArray]:
    encoded = strings.dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary


def _number_chunks(table: pa.Table, numbers: frozenset[str]) -> Iterator[pa.Array]:
    for name in table.column_names:
        if name in numbers:
            yield from table[name].chunks


def _finite(chunk: pa.Array) -> bool:
    """Whether every cell is a bounded number or empty: an empty one is null and becomes NaN, as a written NaN is."""
    values = chunk.to_numpy(zero_copy_only=False)
    return int((np.abs(values) <= csv_faults.MAX_NUMBER).sum()) + int(chunk.null_count) == len(values)
