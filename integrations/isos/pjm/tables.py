"""Data Miner 2 tables: one report is the same columns, be it the CSV of the user interface or the JSON of the API.

Both are read into `Columns` (the JSON in `answers`), so that each report has one parser.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from integrations.isos.csv_reading import Columns, read
from integrations.isos.heads import CsvFile, column_key
from integrations.isos.ticks import ParsedPublication

PAGE_ROWS = 50_000
UTC_STAMP = ("datetime_beginning_utc",)
_FEWEST_LEFT_OUT = 4
EASTERN_STAMP = ("datetime_beginning_ept",)


@dataclass(frozen=True)
class Report:
    """One Data Miner feed: the operator's name of it and its columns, of which `numbers` hold numbers.

    `tells` are the columns that no other report has (with `lacks` absent, and `unnamed_lacks` too where
    no name says which report it is); `parse` reads a table with the columns.

    Who downloads can choose columns: `may_lack` are those that can be done without, where several of the report's are
    not there (`passed_over` has those that are not read) and no strange one is. One alone that is gone is a fault.
    """

    name: str
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    tells: tuple[str, ...]
    parse: Callable[[Columns], ParsedPublication]
    optional_texts: tuple[str, ...] = ()
    optional_numbers: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    unnamed_lacks: tuple[str, ...] = ()
    may_lack: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def number_columns(self) -> frozenset[str]:
        return frozenset((*self.numbers, *self.optional_numbers))

    @property
    def needed(self) -> tuple[str, ...]:
        return (*self.texts, *self.numbers)

    def needed_of(self, keys: frozenset[str]) -> tuple[str, ...]:
        """The columns that a table with these keys must have. Its stamps may be Eastern alone."""
        is_choice = keys <= self._known_keys and len(keys) <= len(self._known_keys) - _FEWEST_LEFT_OUT
        if not self.may_lack or not is_choice:
            return self.needed
        needed = [name for name in self.needed if name not in self.may_lack or column_key(name) in keys]
        if not folded(UTC_STAMP) & keys and folded(EASTERN_STAMP) <= keys:
            needed = [*EASTERN_STAMP, *(name for name in needed if name not in UTC_STAMP)]
        return tuple(needed)

    @cached_property
    def _known_keys(self) -> frozenset[str]:
        return folded((*self.needed, *self.optional_texts, *self.optional_numbers, *self.passed_over))

    @cached_property
    def needed_keys(self) -> frozenset[str]:
        return folded(self.needed)

    def is_told_by(self, keys: frozenset[str]) -> bool:
        return self._telling_keys <= keys and not self._lacked_keys & keys

    @cached_property
    def _telling_keys(self) -> frozenset[str]:
        return folded(self.tells)

    @cached_property
    def _lacked_keys(self) -> frozenset[str]:
        return folded(self.lacks)


def folded(columns: Sequence[str]) -> frozenset[str]:
    return frozenset(column_key(column) for column in columns)


def csv_table(file: CsvFile, report: Report) -> Columns:
    """The report's columns of a CSV. Raises UnreadablePublication naming the one that is missing, or the bad cell."""
    positions = {column: file.need(column) for column in report.needed_of(frozenset(file.header.keys))}
    for column in (*report.optional_texts, *report.optional_numbers):
        if (position := file.find(column_key(column))) is not None:
            positions[column] = position
    return read([file], [positions], report.number_columns)
