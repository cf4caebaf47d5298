"""What a relational read model is: its tables, and what each event writes to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import LiteralString

from infra.event_mapper import RecordedEvent, Undecodable
from projections.changing import PartsOf
from read_models.batch import Batch, Cursor, Wanted
from write_model.base import EVENTS

# Rows of a table that `verify` shows.
SHOWN = 5

_CAN_WAIT = re.compile(r"\s*CREATE (UNIQUE )?INDEX IF NOT EXISTS (?!\w+_(lookup|once) )")

Progress = Callable[[int, int], None]
Write = Callable[[Batch, RecordedEvent], None]
Find = Callable[[RecordedEvent], Iterable[Wanted]]


@dataclass(frozen=True)
class RelationalProjection:
    """One noun's read model: its tables, and what each event writes to them.

    `every` writes for all events. `finds` names the rows that a handler looks up, for the batch to hold them. `views`
    are names under which the rows of several read models are asked for together, each with its query. `parts` tells
    what an event changes; None where no answer from these tables is cached.
    """

    name: str
    version: int
    tables: str
    handlers: Mapping[type, Write]
    every: Write | None = None
    finds: Mapping[type, Find] = field(default_factory=dict)
    views: Mapping[str, LiteralString] = field(default_factory=dict)
    parts: PartsOf | None = None

    @property
    def table_names(self) -> list[str]:
        """The tables that are this projection's own."""
        return re.findall(r"CREATE TABLE IF NOT EXISTS (\w+)", self.tables)

    @property
    def tables_alone(self) -> str:
        """What makes the tables, without the indexes that can wait: rows go in faster before these exist.

        An index by which handlers look rows up, or that refuses what an event would write twice, is called so.
        """
        return ";".join(s for s in self.tables.split(";") if not _CAN_WAIT.match(s))

    def takes(self, kind: type) -> bool:
        """Whether events of this class write anything here, or fail here as those do that nobody knows."""
        return self.every is not None or kind in self.handlers or kind is Undecodable

    def apply(self, cursor: Cursor, events: Sequence[RecordedEvent]) -> None:
        """Writes the rows of all events, in their order."""
        batch, every, handlers, finds = Batch(), self.every, self.handlers, self.finds
        if finds:
            for recorded in events:
                if find := finds.get(type(recorded.event)):
                    batch.want(find(recorded))
            batch.fetch(cursor)
        for recorded in events:
            if every:
                every(batch, recorded)
            if handler := handlers.get(type(recorded.event)):
                handler(batch, recorded)
            elif type(recorded.event) is Undecodable:
                raise recorded.event.error
        batch.flush(cursor)


def views_of(projections: Iterable[RelationalProjection]) -> dict[str, LiteralString]:
    """The queries of their views by name; each may ask tables of all of them."""
    return {name: query for projection in projections for name, query in projection.views.items()}


def shares(
    projections: Sequence[RelationalProjection], events: Sequence[RecordedEvent]
) -> list[Sequence[RecordedEvent]]:
    """The events that each projection takes; most take few kinds of them."""
    kinds = [type(recorded.event) for recorded in events]
    if Undecodable in kinds:
        kinds = [recorded.kind for recorded in events]
    present = set(kinds)
    found: list[Sequence[RecordedEvent]] = []
    for projection in projections:
        taken = {kind for kind in present if projection.takes(kind)}
        if taken == present:
            found.append(events)
        elif taken:
            found.append([recorded for recorded, kind in zip(events, kinds, strict=True) if kind in taken])
        else:
            found.append([])
    return found


def names_of_no_use(projections: Collection[RelationalProjection]) -> tuple[str, ...]:
    """The names of the events that none of them takes. What nobody knows, all of them take."""
    return tuple(name for name, kind in EVENTS.items() if not any(each.takes(kind) for each in projections))
