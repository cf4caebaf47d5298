"""A worker of a group that shares the topics of Kafka: Faust takes part in the group, `handle` does the work.

At least once: an offset is committed when its message has been handled, so that after a rebalance or `kill -9` messages
come again. Faust is known to stop consuming after some rebalances, and to crash where a broker is away for long: one
that crashed, or has messages and takes none, is replaced by another one.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import faust

from infra.broker import Received, Record
from infra.failures import reason_of
from infra.workers import LONGEST_PAUSE_S, Worker

logger = logging.getLogger(__name__)

Handle = Callable[[str, Received], None]
"""Takes a topic and a message. What it raises is told as trouble, and the message is given again."""

COMMIT_EVERY_S = 1.0
# A worker that is gone without a word is missed for so long; its partitions stand still meanwhile.
SESSION_S = 10.0
STUCK_AFTER_S = 60.0
_LOOK_EVERY_S = 0.5
_LOOK_PATIENCE_S = 10.0
_STOP_PATIENCE_S = 20.0
# A message may have a megabyte: few are fetched before they are needed.
_MOST_WAITING = 50

for _name in ("faust", "mode", "aiokafka"):  # they say a lot, and all that matters is told as trouble
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class FaustWorker(Worker):
    """`servers` as `host:port,host:port`. It waits until none of its topics is `missing`.

    `lag` counts the messages in its partitions that are not committed yet.
    """

    def __init__(
        self, servers: str, group: str, topics: Sequence[str], handle: Handle, missing: Callable[[], Collection[str]]
    ) -> None:
        super().__init__(group)
        self._lag = 0
        self._brokers = ";".join(f"kafka://{server.strip()}" for server in servers.split(","))
        self._topics = topics
        self._handle = handle
        self._missing = missing
        self._done_at = time.monotonic()
        self._is_handling = False
        self._alone = threading.Lock()

    def stop(self) -> None:
        """Ends the message at hand, commits, and leaves the group, so that others have its partitions at once."""
        self._stop.set()
        self._thread.join()

    @property
    def lag(self) -> int:
        return self._lag

    def _work(self) -> None:
        with tempfile.TemporaryDirectory() as folder:  # Faust wants one, though it keeps nothing there
            asyncio.run(self._consume(Path(folder)))

    async def _consume(self, folder: Path) -> None:
        """Until it is stopped; raises what the application crashed with, and TimeoutError where it is stuck."""
        if missing := await asyncio.to_thread(self._missing):  # Faust would never consume it, nor say so
            raise ConnectionError(
                f"topics are missing, which `carbon254 projector` makes: {', '.join(sorted(missing))}"
            )
        app = self._app(folder)
        self._done_at = time.monotonic()
        starting = asyncio.create_task(app.start())
        try:
            while not starting.done() and not self._stop.is_set():
                await asyncio.wait({starting}, timeout=_LOOK_EVERY_S)
            if starting.done():
                starting.result()
            while not self._stop.is_set():
                await asyncio.sleep(_LOOK_EVERY_S)
                if app.crashed or app.should_stop:
                    raise ConnectionError(f"Faust has crashed: {_reason_of(app)}")
                await self._look_at(app)
        finally:
            starting.cancel()
            while self._is_handling:
                await asyncio.sleep(0.05)
            with suppress(Exception):
                await asyncio.wait_for(app.stop(), _STOP_PATIENCE_S)

    def _app(self, folder: Path) -> Any:
        app = faust.App(
            self.name,
            broker=self._brokers,
            store="memory://",
            datadir=str(folder),
            web_enabled=False,
            autodiscover=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=SESSION_S,
            broker_heartbeat_interval=SESSION_S / 4,
            broker_commit_interval=COMMIT_EVERY_S,
            broker_max_poll_records=_MOST_WAITING,
            stream_buffer_maxsize=_MOST_WAITING,
        )
        topic = app.topic(*self._topics, key_serializer="raw", value_serializer="raw")
        app.agent(topic)(self._take)
        return app

    async def _take(self, stream: Any) -> None:
        # By itself Faust commits what failed or was broken off, too.
        stream = stream.noack()
        async for event in stream.events():
            await self._insist(event.message.topic, _received(event.message))
            await stream.ack(event)

    async def _insist(self, topic: str, received: Received) -> None:
        """Handles a message, in a thread, so that the group hears of this worker meanwhile; again where that fails."""
        pause_s = 0.1
        self._is_handling = True
        try:
            while True:
                try:
                    await asyncio.to_thread(self._handle_alone, topic, received)
                except Exception as error:
                    self.failure = reason_of(error)
                    logger.warning("%s: a message is to be tried again: %s", self.name, self.failure)
                else:
                    self.failure = None
                    self.handled += 1
                    return
                if self._stop.is_set():
                    raise asyncio.CancelledError  # not handled, and not to be committed
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        finally:
            self._done_at = time.monotonic()
            self._is_handling = False

    def _handle_alone(self, topic: str, received: Received) -> None:
        with self._alone:  # one that was broken off by a rebalance is ended first
            self._handle(topic, received)

    async def _look_at(self, app: Any) -> None:
        """Notes how many messages of its partitions wait. Raises TimeoutError where they do, and none is taken."""
        if app.flow_control.is_active() and not app.rebalancing:
            with suppress(Exception):  # its partitions may be taken away meanwhile
                self._lag = await asyncio.wait_for(_waiting(app.consumer), _LOOK_PATIENCE_S)
                if not self._lag and not self._is_handling:
                    self._done_at = time.monotonic()
                    self.failure = None
        if not self._is_handling and time.monotonic() - self._done_at > STUCK_AFTER_S:
            raise TimeoutError(f"{self._lag} messages wait, and Faust has handed out none for {STUCK_AFTER_S:.0f} s")


async def _waiting(consumer: Any) -> int:
    """How many messages of its partitions are there that are not committed."""
    mine = consumer.assignment()
    if not mine:
        return 0
    # What nobody committed begins with the oldest message that Kafka still has.
    oldest = await consumer.earliest_offsets(*mine)
    newest = await consumer.highwaters(*mine)
    return sum(max(0, newest[tp] - max(oldest[tp], consumer._committed_offset[tp] or 0)) for tp in mine)


def _received(message: Any) -> Received:
    headers = dict(message.headers or ())
    readable = {str(name): (value or b"").decode(errors="replace") for name, value in headers.items()}
    key = (message.key or b"").decode(errors="replace")
    return Received(Record(key, message.value or b"", readable), message.partition, message.offset)


def _reason_of(app: Any) -> str:
    return reason_of(app.crash_reason) if getattr(app, "crash_reason", None) else "no reason given"
