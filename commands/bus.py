"""One command, one stream, one append: finds the stream, repeats the recorded answer, or lets the handler decide."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from uuid import UUID

from commands.message import Answer, Caller, Command, Context, Tools
from commands.permissions import Permission, demand
from infra import tracing
from infra.event_mapper import Metadata
from infra.event_store import ConcurrentAppend, EventLog, Stream
from write_model.base import Aggregate, Refused
from write_model.refusals import Refusal

_TRIES = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.5
_chance = Random()  # noqa: S311 - whoever guesses a pause has nothing of it


def done_or_unchanged(_: Aggregate, changed: bool) -> str:
    return "done" if changed else "unchanged"


@dataclass(frozen=True)
class Handling:
    """How one command is handled: its message, who may send it, its stream, the decision, and the status that follows.

    `handle` gets the message, the aggregate as it stands (None where the stream is new) and the context; it returns
    the aggregate with the events it triggered, or raises Refused.
    """

    message: type[Command]
    permission: Permission
    aggregate: type[Aggregate]
    stream: Callable[[Any, Caller, Tools], UUID]
    handle: Callable[[Any, Any, Context], Aggregate]
    status: Callable[[Any, bool], str] = done_or_unchanged


class CommandBus:
    """Dispatches messages to handlers; a lost race against another append is decided anew."""

    def __init__(self, registry: Mapping[str, Handling], log: EventLog, tools: Tools) -> None:
        self.registry = registry
        self._log = log
        self.tools = tools

    def dispatch(self, command: Command, caller: Caller) -> Answer:
        """Handles the command once and for all: the same command id gets the recorded answer.

        Raises Refused (which is then itself on record), and ConcurrentAppend when the stream stays contended. Who may
        not send the command now isn't told its recorded answer either.
        """
        handling = self.registry[command.command_name()]
        with tracing.span(f"command {command.command_name()}", **{"carbon254.command_id": str(caller.command_id)}):
            return self._handle(command, handling, caller)

    def _handle(self, command: Command, handling: Handling, caller: Caller) -> Answer:
        target = caller.command_id
        try:
            if caller.principal:
                demand(caller.principal, command.command_name(), (handling.permission,), self.tools.platform_tenant)
            target = handling.stream(command, caller, self.tools)
            return self._decided(command, handling, Context(caller, target, self.tools))
        except Refused as refused:
            self.record_refusal(command, caller, refused, target)
            raise

    def _decided(self, command: Command, handling: Handling, context: Context) -> Answer:
        """Decides again while others append to the stream at the same time.

        A loop, since tenacity holds what was raised in a cycle: all that a refused command had read would wait for the
        collector, which comes seldom.
        """
        for number in range(1, _TRIES):
            with suppress(ConcurrentAppend):
                return self._decide(command, handling, context)
            time.sleep(_chance.uniform(0, min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**number)))
        return self._decide(command, handling, context)

    def _decide(self, command: Command, handling: Handling, context: Context) -> Answer:
        stream = _own(self._log.stream(context.stream_id), context)
        command_id = context.caller.command_id
        if earlier := stream.of_command(command_id):
            if earlier[0].metadata.body_sha256 != command.body_sha256():
                raise Refused(
                    f"the command id {command_id} was used before with another body",
                    remedy="Send a new command id, or the same body as the first time.",
                    status=422,
                )
            return Answer.of(command_id, stream.id, earlier)
        context = replace(context, first_position=stream.events[0].position if stream.events else None)
        aggregate = handling.handle(command, _aggregate(stream, handling), context)
        events = aggregate.collect_events()
        status = handling.status(aggregate, bool(events))
        if not events:
            return Answer(command_id, stream.id, stream.position, status, ())
        grown = self._log.append(stream, events, self._metadata(command, context.caller, status))
        answer = Answer.of(command_id, stream.id, grown.of_command(command_id))
        return replace(answer, secret=context.secrets[0]) if context.secrets else answer

    def record_refusal(self, command: Command, caller: Caller, refused: Refused, target: UUID | None = None) -> None:
        """Puts on record that a command was refused; without a `target` before its stream was asked for."""
        refusal = Refusal.record(target_id=target or caller.command_id, reason=refused.reason, remedy=refused.remedy)
        metadata = self._metadata(command, caller, "refused")
        self._log.append(Stream(refusal.id, ()), refusal.collect_events(), metadata)

    def _metadata(self, command: Command, caller: Caller, status: str) -> Metadata:
        return Metadata(
            tenant=caller.tenant,
            actor=caller.actor,
            command=command.command_name(),
            command_id=caller.command_id,
            body_sha256=command.body_sha256(),
            status=status,
            correlation_id=caller.correlation_id,
            causation_id=caller.causation_id,
            recorded_at=self.tools.now(),
            schema_version=1,
            previous_hash="",
        )


def _own(stream: Stream, context: Context) -> Stream:
    """The stream, or an empty one where it is another tenant's: that doesn't exist, and the answer must not differ."""
    if stream.events and stream.events[0].metadata.tenant != context.caller.tenant:
        return Stream(stream.id, ())
    return stream


def _aggregate(stream: Stream, handling: Handling) -> Aggregate | None:
    try:
        return stream.aggregate(handling.aggregate)
    except TypeError as error:
        command = handling.message.command_name()
        raise Refused(
            f"{stream.id} is not something that {command} applies to", remedy="Check the id.", status=422
        ) from error
