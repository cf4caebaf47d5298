"""EventStoreDB that takes a log over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from infra.event_mapper import LoggedEvent
from infra.kurrent_client import PATIENCE_S, KurrentDBClient, NewEvent, StreamState, answered
from infra.kurrent_history import CATEGORY
from infra.kurrent_positions import carrying_id
from infra.kurrent_recorder import KurrentRecorder
from infra.recorder import StoredRow


class KurrentReceiver:
    """Neighbouring events of one stream go in one request; the order of all requests is that of the log."""

    def __init__(self, client: KurrentDBClient, category: str = CATEGORY) -> None:
        self._client = client
        self._category = category
        self._recorder = KurrentRecorder(client, category)

    def begin(self, log_id: UUID) -> int:
        self._recorder.history.begin_receiving(log_id, after=self._recorder.newest_commit())
        self._recorder = KurrentRecorder(self._client, self._category)
        return self._recorder.max_notification_id() or 0

    def receive(self, rows: Sequence[StoredRow]) -> None:
        for stream, events in groupby(rows, key=_stream):
            together = list(events)
            first = together[0][2]
            with answered("take events over"):
                self._client.append_events(
                    f"{self._category}-{stream}",
                    events=[_carrying(row) for row in together],
                    current_version=first - 1 if first else StreamState.NO_STREAM,
                    timeout=PATIENCE_S,
                )

    def end(self) -> None:
        self._recorder.history.end_receiving(
            through=self._recorder.newest_commit(), position=self._recorder.max_notification_id() or 0
        )


def _stream(row: StoredRow) -> UUID:
    return row[1]


def _carrying(row: StoredRow) -> NewEvent:
    position, stream, version, name, metadata, payload = row
    digest = bytes.fromhex(LoggedEvent(stream, version, name, payload, metadata=metadata).hash)
    return NewEvent(type=name, data=payload, metadata=metadata, id=carrying_id(position, digest))
