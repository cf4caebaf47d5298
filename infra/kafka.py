"""Kafka as the broker. Its client wants an event loop, which here is a thread's own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, for_code

from infra.broker import BrokerUnavailable, Cluster, Reader, Received, Record

T = TypeVar("T")

PARTITIONS = 6
"""Of a topic that is missing and made here. Whoever wants another number makes the topic beforehand."""
MOST_REPLICAS = 3
REQUEST_PATIENCE_S = 10.0
_CLOSE_PATIENCE_S = 5.0
_MOST_RECORDS = 500
_MOST_WAITING = 20
"""How many records are on their way to Kafka at once; each may have a megabyte."""
_ALREADY_EXISTS = 36

# It says every second that it can't connect; who waits is told by BrokerUnavailable.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class KafkaBroker:
    """`servers` are some of the cluster's, as `host:port,host:port`; they need not answer yet."""

    def __init__(self, servers: str, patience_s: float = REQUEST_PATIENCE_S) -> None:
        self._servers = servers
        self._patience_s = patience_s
        self._loop = _LoopThread()
        self._producer: AIOKafkaProducer | None = None

    def prepare(self, topics: Iterable[str]) -> Cluster:
        """Makes the topics that are missing. Raises BrokerUnavailable."""
        return self._wait(self._prepare(set(topics)))

    def missing(self, topics: Iterable[str]) -> set[str]:
        """Those of the topics that are not there. Raises BrokerUnavailable."""
        return self._wait(self._missing(set(topics)))

    def publish(self, topic: str, records: Sequence[Record]) -> None:
        for first in range(0, len(records), _MOST_WAITING):  # each with its patience: a large publication takes long
            self._wait(self._publish(topic, records[first : first + _MOST_WAITING]))

    def read_as(self, topic: str, group: str) -> Reader:
        return _KafkaReader(self, self._wait(self._consumer(topic, group)))

    def read_from(self, topic: str, offsets: Mapping[int, int]) -> Reader:
        return _KafkaReader(self, self._wait(self._consumer_from(topic, offsets)))

    def close(self) -> None:
        """Readers are closed by who opened them, before this."""
        with suppress(BrokerUnavailable):
            self._wait(self._drop_producer())
        self._loop.close()

    async def _prepare(self, topics: set[str]) -> Cluster:
        async with self._admin() as admin:
            cluster = await admin.describe_cluster()
            if missing := topics - set(await admin.list_topics()):
                replicas = min(MOST_REPLICAS, len(cluster["brokers"]))
                made = await admin.create_topics([NewTopic(name, PARTITIONS, replicas) for name in sorted(missing)])
                for name, code, *_ in made.topic_errors:
                    if code not in (0, _ALREADY_EXISTS):  # somebody else may have been quicker
                        raise for_code(code)(f"the topic {name} was not made")
            return Cluster(str(cluster["cluster_id"]), frozenset(missing))

    async def _missing(self, topics: set[str]) -> set[str]:
        async with self._admin() as admin:
            return topics - set(await admin.list_topics())

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=int(self._patience_s * 1000))
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    async def _publish(self, topic: str, records: Sequence[Record]) -> None:
        try:
            producer = await self._started_producer()
            kept = [
                await producer.send(
                    topic,
                    record.value,
                    record.key.encode(),
                    headers=[(k, v.encode()) for k, v in record.headers.items()],
                )
                for record in records
            ]
            await asyncio.gather(*kept)
        except BaseException:
            # What it still holds is published again; a new one begins without it.
            await self._drop_producer()
            raise

    async def _started_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                enable_idempotence=True,
                compression_type="gzip",
                request_timeout_ms=int(self._patience_s * 1000),
            )
            await _started(producer)
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer:
            await _ended(producer.stop())

    async def _consumer(self, topic: str, group: str | None) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            topic,
            group_id=group,
            bootstrap_servers=self._servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=int(self._patience_s * 1000),
        )
        await _started(consumer)
        return consumer

    async def _consumer_from(self, topic: str, offsets: Mapping[int, int]) -> AIOKafkaConsumer:
        consumer = await self._consumer(topic, None)
        for number, offset in offsets.items():
            consumer.seek(TopicPartition(topic, number), offset)
        return consumer

    def _wait(self, work: Coroutine[Any, Any, T], patience_s: float | None = None) -> T:
        """What `work` returns. Raises BrokerUnavailable where it fails or takes longer."""
        try:
            return self._loop.run(work, patience_s or self._patience_s)
        except MessageSizeTooLargeError:
            raise  # the record's fault, which no waiting mends
        except (KafkaError, OSError, TimeoutError) as error:
            what = str(error) or type(error).__name__
            raise BrokerUnavailable(
                f"Kafka at {self._servers} does not keep or give records: {what}",
                "Check KAFKA_BOOTSTRAP_SERVERS and the brokers. It is tried again.",
            ) from error


class _KafkaReader:
    def __init__(self, broker: KafkaBroker, consumer: AIOKafkaConsumer) -> None:
        self._broker = broker
        self._consumer = consumer

    def next(self, patience_s: float) -> Sequence[Received]:
        found = self._broker._wait(
            self._consumer.getmany(timeout_ms=int(patience_s * 1000), max_records=_MOST_RECORDS),
            patience_s + REQUEST_PATIENCE_S,
        )
        return [_received(message) for messages in found.values() for message in messages]

    def commit(self) -> None:
        self._broker._wait(self._consumer.commit())

    def close(self) -> None:
        with suppress(BrokerUnavailable):
            self._broker._wait(_ended(self._consumer.stop()))


class _LoopThread:
    """An event loop that runs until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], patience_s: float) -> T:
        """What `work` returns; raises TimeoutError, and cancels it, where it takes longer."""
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, patience_s), self._loop).result()

    def close(self) -> None:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_end_all_others(), self._loop).result(_CLOSE_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _started(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    try:
        await client.start()
    except BaseException:
        await _ended(client.stop())
        raise


async def _end_all_others() -> None:
    """What a client that could not be closed in time has left behind."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _ended(stopping: Coroutine[Any, Any, None]) -> None:
    """Waits for the end of something that may not get through to its broker any more."""
    with suppress(KafkaError, OSError, TimeoutError):
        await asyncio.wait_for(stopping, _CLOSE_PATIENCE_S)


def _received(message: ConsumerRecord) -> Received:
    headers = {name: value.decode() for name, value in message.headers}
    return Received(Record(message.key.decode(), message.value, headers), message.partition, message.offset)
