"""A stand-in for EventStoreDB / KurrentDB, which cannot be had here: its documented answers over real gRPC, in memory.

It stands on the installed client's own servicer classes and keeps what the platform relies on: appends with an
expected revision, once only by event id; streams read in both directions; `$all` in commit order, with filters, from
positions at which an event stands; catch-up subscriptions; persistent subscriptions to `$all`. It has no cluster, no
users, no disk, no links, no deletion and no projections. `EVENTSTOREDB_URI` points the same tests at a real server.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import grpc
from google.protobuf import any_pb2, empty_pb2

from tests.services.kurrentdb_messages import content_of, wanted_by
from tests.services.kurrentdb_persistent import PersistentSubscriptions
from tests.services.kurrentdb_store import NO_STREAM, Record, Store, WrongRevision, position_of
from tests.services.kurrentdb_stubs import (
    persistent_pb2_grpc,
    shared_pb2,
    status_pb2,
    streams_pb2,
    streams_pb2_grpc,
)

_MOST_CALLS = 32
_NO_SUCH_POSITION = "Unexpected FilteredReadAllResult: InvalidPosition"

ReadResp = streams_pb2.ReadResp
Options = streams_pb2.ReadReq.Options


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
        wanted, position = wanted_by(options), self._position(options, context)
        records = self._store.all[:]
        if options.read_direction == Options.Backwards:
            end = len(records) if position is None else bisect_left(records, position, key=position_of)
            found = (records[i] for i in range(end - 1, -1, -1))
        else:
            start = 0 if position is None else bisect_left(records, position, key=position_of)
            found = (records[i] for i in range(start, len(records)))
        for record in islice(filter(wanted, found), options.count):
            self._store.read_of_all += 1
            yield _read(record)

    def _follow(self, options: Options, context: grpc.ServicerContext) -> Iterator[streams_pb2.ReadResp]:
        """What stands behind the position, then whatever comes, until the caller has seen enough."""
        wanted, position = wanted_by(options), self._position(options, context)
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
        i = bisect_left(self._store.all, position, key=position_of)
        if i == len(self._store.all) or self._store.all[i].position != position:
            context.abort(grpc.StatusCode.UNKNOWN, _NO_SUCH_POSITION)
        return position


class KurrentStandIn:
    """The stand-in as a server on a loopback port of its own, in this process."""

    def __init__(self) -> None:
        self.store = Store()
        self._server = grpc.server(ThreadPoolExecutor(_MOST_CALLS, thread_name_prefix="kurrent-stand-in"))
        streams_pb2_grpc.add_StreamsServicer_to_server(Streams(self.store), self._server)  # type: ignore[no-untyped-call]
        groups = PersistentSubscriptions(self.store)
        persistent_pb2_grpc.add_PersistentSubscriptionsServicer_to_server(groups, self._server)  # type: ignore[no-untyped-call]
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.uri = f"esdb://127.0.0.1:{port}?tls=false"
        self._server.start()

    def stop(self) -> None:
        self._server.stop(grace=None).wait()


def _proposed(message: Any) -> Record:
    known, event_id = message.metadata, str(UUID(message.id.string))
    return Record(event_id, "", 0, 0, known["type"], known["content-type"], message.custom_metadata, message.data)


def _read(record: Record) -> streams_pb2.ReadResp:
    event = ReadResp.ReadEvent.RecordedEvent(**content_of(record))
    return ReadResp(event=ReadResp.ReadEvent(event=event, commit_position=record.position))


def _wrong_expected_version(current: int) -> status_pb2.Status:
    wrong = shared_pb2.WrongExpectedVersion()
    if current == NO_STREAM:
        wrong.current_no_stream.CopyFrom(empty_pb2.Empty())
    else:
        wrong.current_stream_revision = current
    details = any_pb2.Any()
    details.Pack(wrong)
    return status_pb2.Status(message="WrongExpectedVersion", details=details)
