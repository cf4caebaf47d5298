"""The subscriptions of one connection: each is a task that sends its beginning, then every update as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from api.access import Access
from api.limits import MOST_STREAM_SUBSCRIPTIONS
from api.platform import Platform
from api.stream import beginnings
from api.stream.batches import headed
from api.stream.closing import SLOW_READER, Cut
from api.stream.hub import Hub, Subscriber
from api.stream.messages import Error, Reset, Subscribe, Subscribed, Unsubscribe, Unsubscribed, encode
from api.stream.outboxes import Update
from commands.message import Refused

logger = logging.getLogger(__name__)


@dataclass
class _Open:
    """A subscription as it stands: `seq` is what its client has been sent, or begins from."""

    subscriber: Subscriber
    seq: int
    task: asyncio.Task[None] | None = None


@dataclass
class Subscriptions:
    """`send` waits for the client, `end` cuts the connection, and `spawn` runs a task as long as that stands."""

    platform: Platform
    hub: Hub
    access: Access
    send: Callable[[str], Awaitable[None]]
    end: Callable[[Cut], None]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    _open: dict[str, _Open] = field(default_factory=dict)

    async def subscribe(self, asked: Subscribe) -> None:
        if asked.id in self._open:
            await self._refuse(asked, "id_in_use", f"there is a subscription {asked.id}", "Take another id.")
            return
        if len(self._open) >= MOST_STREAM_SUBSCRIPTIONS:
            limit = f"a connection has {MOST_STREAM_SUBSCRIPTIONS} subscriptions at most"
            await self._refuse(asked, "too_many_subscriptions", limit, "End one, or open another connection.")
            return
        subscriber = Subscriber(
            asked.id,
            asked.channel,
            asked.filters,
            self.access.principal,
            on_slow=lambda: self._cut_slow(asked.id),
            on_revoked=lambda: self._revoke(asked),
        )
        await asyncio.to_thread(self.hub.catch_up)
        position = self.hub.add(subscriber)
        opened = self._open[asked.id] = _Open(subscriber, position if asked.from_seq is None else asked.from_seq)
        # Asked for once it is in the hub: a revocation from here on finds it there.
        if refusal := await self._refusal(asked, position):
            self._close(asked.id)
            await self.send(encode(refusal))
        elif asked.id in self._open:
            opened.task = self.spawn(self._tell(opened, asked.from_seq, position))

    async def unsubscribe(self, asked: Unsubscribe) -> None:
        if self._close(asked.id):
            await self.send(encode(Unsubscribed(id=asked.id)))
            return
        detail = f"Open are: {', '.join(sorted(self._open)) or 'none'}."
        await self.send(encode(_error("unknown_id", f"there is no subscription {asked.id}", detail, asked.id)))

    def close(self) -> None:
        """Nothing more comes for any of them."""
        for id in list(self._open):
            self._close(id)

    async def _tell(self, opened: _Open, from_seq: int | None, position: int) -> None:
        id = opened.subscriber.id
        replayed = None
        if from_seq is not None:
            replayed = await asyncio.to_thread(beginnings.missed, self.platform, opened.subscriber, from_seq, position)
            if replayed is None:
                opened.seq = position
                await self.send(encode(Reset(id=id, from_seq=from_seq, seq=position)))
        await self.send(encode(Subscribed(id=id, seq=opened.seq)))
        if replayed is not None:
            await self._replay(opened, replayed)
        elif opened.subscriber.channel == "prices":
            filters = opened.subscriber.filters
            for tail in await asyncio.to_thread(beginnings.snapshot, self.platform, filters, position):
                await self.send(headed("snapshot", id, tail))
        while True:
            await self._pass_on(opened, await opened.subscriber.outbox.next())

    async def _replay(self, opened: _Open, updates: Iterator[Update]) -> None:
        while update := await asyncio.to_thread(next, updates, None):
            await self._pass_on(opened, update)

    async def _pass_on(self, opened: _Open, update: Update) -> None:
        for tail in update.tails():
            await self.send(headed("update", opened.subscriber.id, tail, opened.seq))
        opened.seq = update.seq

    async def _refusal(self, asked: Subscribe, position: int) -> Error | None:
        if asked.from_seq is not None and asked.from_seq > position:
            title = f"from_seq {asked.from_seq} is past the newest position, {position}"
            return _error("position_ahead", title, "Give a seq that this platform has sent.", asked.id)
        try:
            await asyncio.to_thread(self.access.demand_iso, asked.filters.iso)
        except Refused as refused:
            logger.warning("refused", extra={"status": refused.status, "reason": refused.reason})
            return _error("not_entitled", refused.reason, refused.remedy, asked.id)
        return None

    async def _refuse(self, asked: Subscribe, code: str, title: str, detail: str) -> None:
        await self.send(encode(_error(code, title, detail, asked.id)))

    def _cut_slow(self, id: str) -> None:
        opened = self._open.get(id)
        # Its task ends first: what it has not sent by now it will not send, so that `seq` is what the client has.
        if opened and self._close(id):
            self.end(Cut(SLOW_READER, f"too slow a reader of {id}; last seq {opened.seq}"))

    def _revoke(self, asked: Subscribe) -> None:
        if self._close(asked.id):
            principal = self.access.principal
            title = (
                f"{principal.tenant} is no longer entitled to {asked.filters.iso} by the channel {principal.channel}"
            )
            remedy = "The platform's admin can grant it again."
            self.spawn(self._refuse(asked, "entitlement_revoked", title, remedy))

    def _close(self, id: str) -> bool:
        opened = self._open.pop(id, None)
        if opened is None:
            return False
        self.hub.remove(opened.subscriber)
        if opened.task:
            opened.task.cancel()
        return True


def _error(code: str, title: str, detail: str, id: str) -> Error:
    return Error(code=code, title=title, detail=detail, id=id)
