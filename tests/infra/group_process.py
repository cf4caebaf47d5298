"""A worker of a group in a process of its own, to be killed: notes the events that it begins, and ends none.

`python -m tests.infra.group_process DSN|URI CATEGORY GROUP FILE`, with an empty CATEGORY for a log on PostgreSQL
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from infra.event_mapper import RecordedEvent
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.groups import Group, GroupWorker
from infra.kurrent_client import open_kurrent
from infra.kurrent_group import KurrentGroup
from infra.kurrent_recorder import KurrentRecorder
from infra.postgres import open_pool
from infra.postgres_group import PostgresGroup


def lane_of(recorded: RecordedEvent) -> str | None:
    """Each stream has a lane of its own; what defines a scenario is of no interest, what revises it is."""
    return None if recorded.name == "scenario.defined" else str(recorded.stream_id)


def main(address: str, category: str, name: str, file: str) -> None:
    notes = os.open(file, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def handle(events: Sequence[RecordedEvent]) -> None:
        os.write(notes, f"{events[0].position}\n".encode())
        time.sleep(10_000)

    group: Group
    if category:
        on_store = KurrentRecorder(open_kurrent(address), category)
        group = KurrentGroup(name, on_store, EventLog(on_store), lane_of)
    else:
        pool = open_pool(address)
        group = PostgresGroup(name, pool, EventLog(PostgresRecorder(pool)), lane_of)
    GroupWorker(group, lambda _: None, handle).start()
    time.sleep(10_000)


if __name__ == "__main__":
    main(*sys.argv[1:])
