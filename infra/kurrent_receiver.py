"""EventStoreDB that takes a log over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

import msgspec

from infra.event_mapper import LoggedEvent
from infra.kurrent_client import KurrentDBClient, NewEvent, StreamState
from infra.kurrent_positions import carrying_id
from infra.kurrent_recorder import (
    CATEGORY,
    FOUNDED,
    LEFT,
    PATIENCE_S,
    RECEIVED,
    RECEIVING,
    KurrentRecorder,
    Receiving,
    answered,
)
from infra.receiving import NotEmpty
from infra.recorder import StoredRow


class KurrentReceiver:
    """Neighbouring events of one stream go in one request; the order of all requests is that of the log."""

    def __init__(self, client: KurrentDBClient, category: str = CATEGORY) -> None:
        self._client = client
        self._category = category
        self._recorder = KurrentRecorder(client, category)

    def begin(self, log_id: UUID) -> int:
        history = self._recorder.history()
        if not history and self._recorder.max_notification_id() is None:
            self._note([NewEvent(type=FOUNDED, data=str(log_id).encode()), _receiving(0)], StreamState.NO_STREAM)
        elif not history or self._recorder.known_id() != log_id or history[-1].type not in (RECEIVING, LEFT):
            raise NotEmpty("EventStoreDB holds an event log already.", "Name a database without streams `carbon254-`.")
        elif history[-1].type == LEFT:
            self._note([_receiving(self._recorder.newest_commit())], StreamState.ANY)
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
        commit, position = self._recorder.newest_commit(), self._recorder.max_notification_id() or 0
        data = msgspec.json.encode({"through": commit, "position": position})
        self._note([NewEvent(type=RECEIVED, data=data)], StreamState.ANY)

    def _note(self, events: Sequence[NewEvent], version: int | StreamState) -> None:
        with answered("keep the log's history"):
            self._client.append_events(
                self._recorder.history_stream, events=events, current_version=version, timeout=PATIENCE_S
            )


def _receiving(after: int) -> NewEvent:
    return NewEvent(type=RECEIVING, data=msgspec.json.encode(Receiving(after)))


def _stream(row: StoredRow) -> UUID:
    return row[1]


def _carrying(row: StoredRow) -> NewEvent:
    position, stream, version, name, metadata, payload = row
    digest = bytes.fromhex(LoggedEvent(stream, version, name, payload, metadata=metadata).hash)
    return NewEvent(type=name, data=payload, metadata=metadata, id=carrying_id(position, digest))
