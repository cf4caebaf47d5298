"""Events that a relational projection can't apply are set aside, each with its reason; all others go on."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from infra.event_mapper import RecordedEvent
from infra.failures import Failure, attempt, is_fault_of_event, reason_of
from projections.relational import RelationalProjection
from read_models.batch import Cursor
from read_models.dead_letters import add_dead_letter, park_behind, parked_streams


def apply_or_park(
    connection: Connection[TupleRow], projection: RelationalProjection, events: Sequence[RecordedEvent]
) -> None:
    """Applies all events but those that fail by their own fault and those of the same streams behind them.

    These are parked in the same transaction. Raises what is a store's fault; then nothing was done.
    """
    with connection.cursor() as cursor:
        parked = parked_streams(cursor, projection.name)
        pending = [[recorded for recorded in events if projection.takes(recorded.kind)]]
        while pending:
            part = pending.pop()
            for recorded in part:
                if recorded.stream_id in parked:
                    park_behind(cursor, projection.name, recorded, parked[recorded.stream_id])
            ready = [recorded for recorded in part if recorded.stream_id not in parked]
            failure = _try(connection, cursor, projection, ready)
            if failure is None:
                continue
            if len(ready) > 1:
                middle = len(ready) // 2
                pending += [ready[middle:], ready[:middle]]
            else:
                add_dead_letter(cursor, projection.name, ready[0], failure)
                parked[ready[0].stream_id] = ready[0].position


def _try(
    connection: Connection[TupleRow],
    cursor: Cursor,
    projection: RelationalProjection,
    events: Sequence[RecordedEvent],
) -> Failure | None:
    """Applies the events all or not at all. A single one is tried several times; of many one failure is enough."""

    def apply() -> None:
        with connection.transaction():
            projection.apply(cursor, events)

    if len(events) <= 1:
        outcome: Failure | None = attempt(apply)
        return outcome
    try:
        apply()
    except Exception as error:
        if not is_fault_of_event(error):
            raise
        return Failure(reason_of(error), 1)
    return None
