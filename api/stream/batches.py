"""Prices of publications on their way to subscribers: looked up by node, cut, conflated and written.

A publication is taken apart once. What a subscriber gets of it are row numbers, so that a few hundred subscribers cost
a few hundred small selections.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.limits import MOST_ROWS_A_MESSAGE
from api.stream.messages import Filters, encode
from infra.columns import dictionary_of, shared_objects
from infra.topics import PowerTicks, TickColumns

Ints = npt.NDArray[np.int64]
Column = npt.NDArray[Any]

_VINTAGES = ("preliminary", "verified", "final")
_TEXTS = ("node", "node_type")
_TIMES = ("interval_start_utc", "interval_end_utc")
_PRICES = (
    "lmp_usd_per_mwh",
    "energy_usd_per_mwh",
    "congestion_usd_per_mwh",
    "loss_usd_per_mwh",
    "ghg_usd_per_mwh",
)


class Facts(Protocol):
    """What is the same for all rows of a batch: `projections.published.Published`, or a snapshot's."""

    @property
    def position(self) -> int: ...
    @property
    def publication_id(self) -> str: ...
    @property
    def is_reread(self) -> bool: ...
    @property
    def iso(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def feed(self) -> str: ...
    @property
    def vintage(self) -> str: ...
    @property
    def published_at(self) -> Any: ...
    @property
    def recorded_at(self) -> Any: ...
    @property
    def rank(self) -> int: ...


class PriceBatch:
    """The prices of one publication. Columns are numpy arrays, text and times in them shared objects."""

    def __init__(self, facts: Facts, rows: pa.Table) -> None:
        self.facts = facts
        self.row_count = rows.num_rows
        self._columns: dict[str, Column | None] = {name: shared_objects(rows[name]) for name in (*_TEXTS, *_TIMES)}
        for name in _PRICES:
            column = rows[name]
            self._columns[name] = None if column.null_count == len(column) else column.to_numpy()
        self._columns["source_version"] = rows["source_version"].to_numpy()
        self._nodes = rows["node"]
        self.starts: Ints = rows["interval_start_utc"].cast(pa.int64()).to_numpy()

    def column(self, name: str) -> Column:
        found = self._columns[name]
        assert found is not None
        return found

    def rows_of(self, filters: Filters) -> Ints | None:
        """The numbers of the rows that match, in their order; None where the whole batch does not."""
        facts = self.facts
        matches = (
            facts.iso == filters.iso and filters.market in (None, facts.market) and filters.feed in (None, facts.feed)
        )
        if not matches:
            return None
        if not filters.nodes:
            return self.all_rows
        found = self._places.rows(set(filters.nodes))
        return np.array(found) if found else None

    @property
    def all_rows(self) -> Ints:
        return np.arange(self.row_count)

    def message(self, rows: Ints) -> PowerTicks:
        facts = self.facts
        cells = {name: None if column is None else column[rows].tolist() for name, column in self._columns.items()}
        return PowerTicks(
            log_position=facts.position,
            publication_id=facts.publication_id,
            publication_position=facts.rank,
            is_reread=facts.is_reread,
            iso=facts.iso,
            market=facts.market,
            feed=facts.feed,
            vintage=cast(Any, facts.vintage),
            published_at=facts.published_at,
            recorded_at=facts.recorded_at,
            columns=TickColumns(**cast(Any, cells)),
        )

    @cached_property
    def _places(self) -> _Places:
        return _Places.of(self._nodes)


@dataclass(frozen=True)
class _Places:
    """Where the rows of each node are: those of node number n are `order[starts[n]:starts[n + 1]]`.

    Lists, since a subscription names some dozens of nodes, for which they are faster than arrays.
    """

    numbers: dict[str, int]
    order: list[int]
    starts: list[int]

    @classmethod
    def of(cls, nodes: pa.ChunkedArray) -> _Places:
        encoded = dictionary_of(nodes)
        names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        ends = np.cumsum(np.bincount(codes, minlength=len(names)))
        numbers = {name: number for number, name in enumerate(names)}
        return cls(numbers, np.argsort(codes, kind="stable").tolist(), [0, *ends.tolist()])

    def rows(self, nodes: Iterable[str]) -> list[int]:
        """The numbers of the rows of these nodes, in their order."""
        found: list[int] = []
        for node in nodes:
            if (number := self.numbers.get(node)) is not None:
                found += self.order[self.starts[number] : self.starts[number + 1]]
        return sorted(found)


@dataclass(frozen=True, eq=False)
class Selection:
    """Some rows of a batch."""

    batch: PriceBatch
    rows: Ints

    def message(self) -> PowerTicks:
        return self.batch.message(self.rows)


def newest(selections: Sequence[Selection]) -> list[Selection]:
    """Of each place (market, feed, node, node type) the winning row of its last interval, and nothing else.

    It wins by (interval, vintage, source version, publication's position, position), as in `queries.prices`.
    """
    places: dict[tuple[str, str, str, str], int] = {}
    keys: list[list[Any]] = []
    for selection in selections:
        facts, rows = selection.batch.facts, selection.rows
        nodes, types = (selection.batch.column(name)[rows].tolist() for name in _TEXTS)
        place = [
            places.setdefault((facts.market, facts.feed, n, t), len(places)) for n, t in zip(nodes, types, strict=True)
        ]
        same = (facts.position, facts.rank)
        position, rank = (np.full(len(rows), value, dtype=np.int64) for value in same)
        vintage = np.full(len(rows), _VINTAGES.index(facts.vintage), dtype=np.int64)
        version = selection.batch.column("source_version")[rows]
        keys.append([position, rank, version, vintage, selection.batch.starts[rows], np.array(place, dtype=np.int64)])
    columns = [np.concatenate(parts) for parts in zip(*keys, strict=True)]
    order = np.lexsort(columns)
    sorted_places = columns[-1][order]
    is_last = np.append(sorted_places[1:] != sorted_places[:-1], True)
    kept = np.sort(order[is_last])
    found, offset = [], 0
    for selection in selections:
        end = offset + len(selection.rows)
        own = kept[(kept >= offset) & (kept < end)] - offset
        if len(own):
            found.append(Selection(selection.batch, selection.rows[own]))
        offset = end
    return found


def tails(seq: int, selections: Sequence[Selection], conflated: int = 0) -> list[str]:
    """The messages for these rows, but for what differs between subscribers (`headed`); one at least.

    `more` stands in all but the last: only with that one is everything up to `seq` there.
    """
    parts = list(_parts(selections)) or [[]]
    written = []
    for number, part in enumerate(parts, start=1):
        more = "true" if number < len(parts) else "false"
        batches = encode([selection.message() for selection in part])
        written.append(f'"seq":{seq},"conflated":{conflated},"more":{more},"batches":{batches}}}')
    return written


def headed(kind: str, subscription: str, tail: str, prev_seq: int | None = None) -> str:
    previous = "" if prev_seq is None else f'"prev_seq":{prev_seq},'
    return f'{{"type":"{kind}","id":{encode(subscription)},{previous}{tail}'


def _parts(selections: Sequence[Selection]) -> Iterator[list[Selection]]:
    """As many rows at once as a client's library takes in one message without being asked to."""
    part: list[Selection] = []
    room = MOST_ROWS_A_MESSAGE
    for selection in selections:
        rows = selection.rows
        while len(rows):
            part.append(Selection(selection.batch, rows[:room]))
            rows, room = rows[room:], room - min(room, len(rows))
            if not room:
                yield part
                part, room = [], MOST_ROWS_A_MESSAGE
    if part:
        yield part
