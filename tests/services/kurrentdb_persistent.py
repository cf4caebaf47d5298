"""The gRPC service of persistent subscriptions over `Group`, on the installed client's own servicer classes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc

from tests.services.kurrentdb_groups import LOOK_S, Consumer, Delivery, Group, GroupIsFull, Terms
from tests.services.kurrentdb_messages import content_of, wanted_by
from tests.services.kurrentdb_store import Store
from tests.services.kurrentdb_stubs import persistent_pb2, persistent_pb2_grpc

STRATEGIES = ("DispatchToSingle", "RoundRobin", "Pinned")


class PersistentSubscriptions(persistent_pb2_grpc.PersistentSubscriptionsServicer):
    """Groups over `$all`, by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: dict[str, Group] = {}

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        options = request.options
        if options.WhichOneof("stream_option") != "all" or options.settings.consumer_strategy not in STRATEGIES:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "the stand-in has groups over $all, by three strategies")
        if options.group_name in self._groups:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Group '{options.group_name}' already exists.")
        after = {"start": None, "end": self._store.all[-1].position, "position": options.all.position.commit_position}
        begin = after[options.all.WhichOneof("all_option")]
        self._groups[options.group_name] = Group(
            self._store, wanted_by(options.all), begin, _terms(options.settings, options.settings.consumer_strategy)
        )
        return persistent_pb2.CreateResp()

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        options = request.options
        group = self._group(options.group_name, context)
        group.terms = _terms(options.settings, group.terms.strategy)
        group.disconnect()
        return persistent_pb2.UpdateResp()

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._group(request.options.group_name, context).disconnect()
        del self._groups[request.options.group_name]
        return persistent_pb2.DeleteResp()

    def GetInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        group = self._group(request.options.group_name, context)
        outstanding, to_read, to_retry = group.counts()
        known = persistent_pb2.SubscriptionInfo(
            event_source="$all",
            group_name=request.options.group_name,
            status="Live",
            start_from="C:0/P:0",
            message_timeout_milliseconds=int(1000 * group.terms.patience_s),
            max_retry_count=group.terms.most_retries,
            max_subscriber_count=group.terms.most_consumers,
            named_consumer_strategy=group.terms.strategy,
            parked_message_count=group.parked,
            outstanding_messages_count=outstanding,
            read_buffer_count=to_read,
            retry_buffer_count=to_retry,
        )
        return persistent_pb2.GetInfoResp(subscription_info=known)

    def ReplayParked(self, request: Any, context: grpc.ServicerContext) -> Any:
        options = request.options
        limited = options.WhichOneof("stop_at_option") == "stop_at"
        self._group(options.group_name, context).replay_parked(options.stop_at if limited else None)
        return persistent_pb2.ReplayParkedResp()

    def Read(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        options = next(requests).options
        group = self._group(options.group_name, context)
        try:
            consumer = group.join(options.buffer_size)
        except GroupIsFull:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Maximum subscriptions reached")
        context.add_callback(lambda: group.leave(consumer))
        threading.Thread(target=_heed, args=(requests, group, consumer), daemon=True).start()
        confirmation = persistent_pb2.ReadResp.SubscriptionConfirmation(subscription_id=f"$all::{options.group_name}")
        yield persistent_pb2.ReadResp(subscription_confirmation=confirmation)
        while context.is_active() and consumer.is_connected:
            if delivery := group.next_for(consumer):
                yield _given(delivery)
            else:
                time.sleep(LOOK_S)
        if context.is_active():
            context.abort(grpc.StatusCode.CANCELLED, "the subscription was dropped")

    def _group(self, name: str, context: grpc.ServicerContext) -> Group:
        group = self._groups.get(name)
        if group is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Group '{name}' does not exist.")
        assert group
        return group


def _heed(requests: Iterator[Any], group: Group, consumer: Consumer) -> None:
    """What the consumer answers, until it has gone."""
    try:
        for request in requests:
            if request.WhichOneof("content") == "ack":
                group.acknowledge(consumer, [known.string for known in request.ack.ids])
            else:
                action = persistent_pb2.ReadReq.Nack.Action.Name(request.nack.action)
                group.refuse(consumer, [known.string for known in request.nack.ids], action)
                if action == "Stop":
                    group.leave(consumer)
    except grpc.RpcError:  # it went without a word
        group.leave(consumer)


def _terms(settings: Any, strategy: str) -> Terms:
    return Terms(strategy, settings.max_retry_count, settings.message_timeout_ms / 1000, settings.max_subscriber_count)


def _given(delivery: Delivery) -> Any:
    kind = persistent_pb2.ReadResp.ReadEvent
    event = kind.RecordedEvent(**content_of(delivery.record))
    return persistent_pb2.ReadResp(
        event=kind(event=event, commit_position=delivery.record.position, retry_count=delivery.retries)
    )
