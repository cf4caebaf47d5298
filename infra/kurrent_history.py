"""The stream beside a log on EventStoreDB: it begins with the log's id and tells where it came from and went to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID, uuid4

import msgspec

from infra.kurrent_client import (
    PATIENCE_S,
    KurrentDBClient,
    NewEvent,
    NotFoundError,
    RecordedEvent,
    StreamState,
    WrongCurrentVersionError,
    answered,
)
from infra.kurrent_positions import TakenOver
from infra.receiving import NotEmpty
from infra.recorder import refuse_unusable

CATEGORY = "carbon254"
# What its events are, in this order; the newest says in what state the log is.
_FOUNDED, _RECEIVING, _RECEIVED, _LEFT = "log.founded", "log.receiving", "log.received", "log.left"


class _Receiving(msgspec.Struct, frozen=True):
    """The log is being taken over; its events come behind `after` of the store."""

    after: int


class _Received(msgspec.Struct, frozen=True):
    """All of the log is there, through a place of the store; its last event has this position."""

    through: int
    position: int


class KurrentHistory:
    """Of the log of one category."""

    def __init__(self, client: KurrentDBClient, category: str = CATEGORY) -> None:
        self._client = client
        self._stream = f"{category}.log"

    def log_id(self) -> UUID:
        """The id, made where there is none. Raises UnusableLog where the log is not whole, or is elsewhere now."""
        with answered("tell the id of the log"), suppress(WrongCurrentVersionError):
            self._append([_founded(uuid4())], StreamState.NO_STREAM)
        history = self._events()
        refuse_unusable(is_receiving=history[-1].type == _RECEIVING, target=self.left_for())
        return UUID(history[0].data.decode())

    def known_id(self) -> UUID | None:
        """The id, whatever state the log is in; None where there is no log."""
        history = self._events()
        return UUID(history[0].data.decode()) if history else None

    def left_for(self) -> str | None:
        """Where the log was moved to, or None while it is here."""
        history = self._events()
        return history[-1].data.decode() if history and history[-1].type == _LEFT else None

    def leave(self, target: str) -> None:
        """Closes the log."""
        self._note([NewEvent(type=_LEFT, data=target.encode())], StreamState.ANY)

    def begin_receiving(self, log_id: UUID, after: int) -> None:
        """Makes ready for that log, or goes on with it; `after` is where the newest event of the store stands.

        Raises NotEmpty where anything else is there.
        """
        history = self._events()
        receiving = NewEvent(type=_RECEIVING, data=msgspec.json.encode(_Receiving(after)))
        if not history and not after:
            self._note([_founded(log_id), receiving], StreamState.NO_STREAM)
        elif not history or self.known_id() != log_id or history[-1].type not in (_RECEIVING, _LEFT):
            raise NotEmpty("EventStoreDB holds an event log already.", "Name a database without streams `carbon254-`.")
        elif history[-1].type == _LEFT:
            self._note([receiving], StreamState.ANY)

    def end_receiving(self, through: int, position: int) -> None:
        """All is there, through a place of the store; the log's last event has this position."""
        data = msgspec.json.encode(_Received(through, position))
        self._note([NewEvent(type=_RECEIVED, data=data)], StreamState.ANY)

    def taken_over(self) -> Sequence[TakenOver]:
        """The stretches of the store that hold what was taken over, the oldest first."""
        found: list[TakenOver] = []
        for event in self._events():
            if event.type == _RECEIVING:
                found.append(TakenOver(msgspec.json.decode(event.data, type=_Receiving).after))
            elif event.type == _RECEIVED:
                received = msgspec.json.decode(event.data, type=_Received)
                found[-1] = TakenOver(found[-1].after, received.through, received.position)
        return found

    def _events(self) -> Sequence[RecordedEvent]:
        with answered("tell the history of the log"):
            try:
                return self._client.get_stream(self._stream, timeout=PATIENCE_S)
            except NotFoundError:
                return ()

    def _note(self, events: Sequence[NewEvent], version: StreamState) -> None:
        with answered("keep the log's history"):
            self._append(events, version)

    def _append(self, events: Sequence[NewEvent], version: StreamState) -> None:
        self._client.append_events(self._stream, events=events, current_version=version, timeout=PATIENCE_S)


def _founded(log_id: UUID) -> NewEvent:
    return NewEvent(type=_FOUNDED, data=str(log_id).encode())
