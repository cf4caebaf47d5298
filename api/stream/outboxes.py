"""What waits for one subscription's reader. Neither kind grows without end: prices conflate, events don't."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from api.limits import MOST_WAITING_PUBLICATIONS, MOST_WAITING_UPDATES
from api.stream.batches import Selection, newest, tails


class SlowReader(Exception):
    """More events wait than are kept for anybody."""


@dataclass(frozen=True, eq=False)
class Update:
    """Everything that a subscription gets up to `seq`; `written` are its messages, where others may share them."""

    seq: int
    written: Sequence[str] | None
    selections: Sequence[Selection] = ()
    conflated: int = 0

    def tails(self) -> Sequence[str]:
        return tails(self.seq, self.selections, self.conflated) if self.written is None else self.written


class Outbox:
    """Updates in their order; `put` is for the event loop's thread, as `next` is."""

    def __init__(self, most: int | None = None) -> None:
        self._most = MOST_WAITING_PUBLICATIONS if most is None else most
        self._waiting: deque[Update] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, update: Update) -> None:
        """Raises SlowReader where there is no room."""
        self._waiting.append(update)
        self._filled.set()
        if len(self._waiting) > self._most:
            self._make_room()

    async def next(self) -> Update:
        await self._filled.wait()
        update = self._waiting.popleft()
        if not self._waiting:
            self._filled.clear()
        return update

    def _make_room(self) -> None:
        raise SlowReader


class ConflatingOutbox(Outbox):
    """Prices: where there is no room, all that waits becomes one update with the newest price of each place."""

    def __init__(self, most: int = MOST_WAITING_UPDATES) -> None:
        super().__init__(most)

    def _make_room(self) -> None:
        waiting = list(self._waiting)
        selections = newest([selection for update in waiting for selection in update.selections])
        conflated = sum(update.conflated for update in waiting) + len(waiting) - 1
        self._waiting.clear()
        self._waiting.append(Update(waiting[-1].seq, None, selections, conflated))
