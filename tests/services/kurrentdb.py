"""A stand-in for EventStoreDB / KurrentDB, which cannot be had here: its documented answers over real gRPC, in memory.

It stands on the installed client's own servicer classes and keeps what the platform relies on: appends with an
expected revision, once only by event id; streams read in both directions; `$all` in commit order, with filters, from
positions at which an event stands; catch-up subscriptions. It has no cluster, no users, no disk, no links, no deletion,
no persistent subscriptions and no projections. `EVENTSTOREDB_URI` points the same tests at a real server.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.protobuf import any_pb2, empty_pb2

from tests.services.kurrentdb_stubs import shared_pb2, status_pb2, streams_pb2, streams_pb2_grpc

NO_STREAM = -1
_SYSTEM_EVENTS = 3
_RECORD_BYTES = 120  # what a record takes in the store's log besides its contents, roughly
_MOST_CALLS = 32
_NO_SUCH_POSITION = "Unexpected FilteredReadAllResult: InvalidPosition"

ReadResp = streams_pb2.ReadResp
Options = streams_pb2.ReadReq.Options
Wanted = Callable[["Record"], bool]


@dataclass(frozen=True)
class Record:
    """One event as the store keeps it."""

    id: str
    stream: str
    revision: int
    position: int
    type: str
    content_type: str
    metadata: bytes
    data: bytes


class WrongRevision(Exception):
    """The stream stands at another revision than was expected; -1 where there is no stream."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


class Store:
    """All records in commit order, and by stream. It begins as a real one does, with events of its own."""

    def __init__(self) -> None:
        self.all: list[Record] = []
        self.grown = threading.Condition()
        self.read_of_all = 0  # how many events were given to reads of `$all`
        self._streams: dict[str, list[Record]] = {}
        self._end = 0
        for _ in range(_SYSTEM_EVENTS):
            self.append("$stats", None, [Record(str(uuid4()), "", 0, 0, "$statistics", "", b"", b"{}")])

    def stream(self, name: str) -> Sequence[Record]:
        return tuple(self._streams.get(name, ()))

    def append(self, stream: str, expected: int | None, proposed: Sequence[Record]) -> Record:
        """Appends all or none and returns the last. `expected` is the stream's revision; any is right where it is None.

        Raises WrongRevision, unless the very same events (by id) stand behind the expected revision already.
        """
        with self.grown:
            known = self._streams.get(stream, [])
            current = len(known) - 1
            if expected is not None and expected != current:
                again = known[expected + 1 : expected + 1 + len(proposed)]
                if expected < current and [r.id for r in again] == [r.id for r in proposed]:
                    return again[-1]
                raise WrongRevision(current)
            for revision, new in enumerate(proposed, start=current + 1):
                record = Record(
                    new.id, stream, revision, self._end, new.type, new.content_type, new.metadata, new.data
                )  # fmt: skip
                self._end += _RECORD_BYTES + len(stream) + len(new.type) + len(new.metadata) + len(new.data)
                self._streams.setdefault(stream, []).append(record)
                self.all.append(record)
            self.grown.notify_all()
            return record


class Streams(streams_pb2_grpc.StreamsServicer):
    """The gRPC service `event_store.client.streams.Streams`, as far as it is needed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def BatchAppend(
        self, requests: Iterator[streams_pb2.BatchAppendReq], context: grpc.ServicerContext
    ) -> Iterator[streams_pb2.BatchAppendResp]:
        for request in requests:
            assert request.is_final, "one request is one batch"
            options = request.options
            answer = streams_pb2.BatchAppendResp(
                correlation_id=request.correlation_id, stream_identifier=options.stream_identifier
            )
            proposed = [_proposed(message) for message in request.proposed_messages]
            try:
                last = self._append(options, proposed)
                answer.success.current_revision = last.revision
                answer.success.position.commit_position = last.position
                answer.success.position.prepare_position = last.position
            except WrongRevision as wrong:
                answer.error.CopyFrom(_wrong_expected_version(wrong.current))
            yield answer

    def _append(self, options: Any, proposed: Sequence[Record]) -> Record:
        expected = {"any": None, "no_stream": NO_STREAM, "stream_position": options.stream_position}
        asked = options.WhichOneof("expected_stream_position")
        return self._store.append(options.stream_identifier.stream_name.decode(), expected[asked], proposed)

    def Read(self, request: streams_pb2.ReadReq, context: grpc.ServicerContext) -> Iterator[streams_pb2.ReadResp]:
        options = request.options
        if options.WhichOneof("stream_option") == "stream":
            yield from self._read_stream(options)
        elif options.WhichOneof("count_option") == "subscription":
            yield from self._follow(options, context)
        else:
            yield from self._read_all(options, context)

    def _read_stream(self, options: Options) -> Iterator[streams_pb2.ReadResp]:
        name = options.stream.stream_identifier.stream_name
        records = self._store.stream(name.decode())
        if not records:
            missing = ReadResp.StreamNotFound(stream_identifier=shared_pb2.StreamIdentifier(stream_name=name))
            yield ReadResp(stream_not_found=missing)
            return
        asked = options.stream.WhichOneof("revision_option") == "revision"
        if options.read_direction == Options.Backwards:
            found: Iterable[Record] = reversed(records[: options.stream.revision + 1] if asked else records)
        else:
            found = records[options.stream.revision if asked else 0 :]
        yield from map(_read, islice(found, options.count))

    def _read_all(self, options: Options, context: grpc.ServicerContext) -> Iterator[streams_pb2.ReadResp]:
        wanted, position = _filter(options), self._position(options, context)
        records = self._store.all[:]
        if options.read_direction == Options.Backwards:
            end = len(records) if position is None else bisect_left(records, position, key=_position)
            found = (records[i] for i in range(end - 1, -1, -1))
        else:
            start = 0 if position is None else bisect_left(records, position, key=_position)
            found = (records[i] for i in range(start, len(records)))
        for record in islice(filter(wanted, found), options.count):
            self._store.read_of_all += 1
            yield _read(record)

    def _follow(self, options: Options, context: grpc.ServicerContext) -> Iterator[streams_pb2.ReadResp]:
        """What stands behind the position, then whatever comes, until the caller has seen enough."""
        wanted, position = _filter(options), self._position(options, context)
        yield ReadResp(confirmation=ReadResp.SubscriptionConfirmation(subscription_id=str(uuid4())))
        given = 0
        while context.is_active():
            with self._store.grown:
                if given == len(self._store.all):
                    self._store.grown.wait(0.1)
                fresh = self._store.all[given:]
            given += len(fresh)
            yield from (_read(r) for r in fresh if wanted(r) and (position is None or r.position > position))

    def _position(self, options: Options, context: grpc.ServicerContext) -> int | None:
        if options.all.WhichOneof("all_option") != "position":
            return None
        position: int = options.all.position.commit_position
        i = bisect_left(self._store.all, position, key=_position)
        if i == len(self._store.all) or self._store.all[i].position != position:
            context.abort(grpc.StatusCode.UNKNOWN, _NO_SUCH_POSITION)
        return position


class KurrentStandIn:
    """The stand-in as a server on a loopback port of its own, in this process."""

    def __init__(self) -> None:
        self.store = Store()
        self._server = grpc.server(ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="kurrent-stand-in"))
        streams_pb2_grpc.add_StreamsServicer_to_server(Streams(self.store), self._server)  # type: ignore[no-untyped-call]
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.uri = f"esdb://127.0.0.1:{port}?tls=false"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()


def _position(record: Record) -> int:
    return record.position


def _proposed(message: Any) -> Record:
    known, event_id = message.metadata, str(UUID(message.id.string))
    return Record(event_id, "", 0, 0, known["type"], known["content-type"], message.custom_metadata, message.data)


def _read(record: Record) -> streams_pb2.ReadResp:
    event = ReadResp.ReadEvent.RecordedEvent(
        id=shared_pb2.UUID(string=record.id),
        stream_identifier=shared_pb2.StreamIdentifier(stream_name=record.stream.encode()),
        stream_revision=record.revision,
        prepare_position=record.position,
        commit_position=record.position,
        metadata={"type": record.type, "content-type": record.content_type, "created": "0"},
        custom_metadata=record.metadata,
        data=record.data,
    )
    return ReadResp(event=ReadResp.ReadEvent(event=event, commit_position=record.position))


def _filter(options: Options) -> Wanted:
    """Which records the caller wants: by type or by stream, by a regular expression or by prefixes."""
    if options.WhichOneof("filter_option") != "filter":
        return lambda record: True
    by_stream = options.filter.WhichOneof("filter") == "stream_identifier"
    expression = options.filter.stream_identifier if by_stream else options.filter.event_type
    prefixes, pattern = tuple(expression.prefix), re.compile(expression.regex)

    def wanted(record: Record) -> bool:
        text = record.stream if by_stream else record.type
        return text.startswith(prefixes) if prefixes else pattern.search(text) is not None

    return wanted


def _wrong_expected_version(current: int) -> status_pb2.Status:
    wrong = shared_pb2.WrongExpectedVersion()
    if current == NO_STREAM:
        wrong.current_no_stream.CopyFrom(empty_pb2.Empty())
    else:
        wrong.current_stream_revision = current
    details = any_pb2.Any()
    details.Pack(wrong)
    return status_pb2.Status(message="WrongExpectedVersion", details=details)
