"""What every command message is, and what travels with it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from commands.readings import Readings
from commands.uploads import Uploads
from infra.event_mapper import RecordedEvent
from infra.objects import Objects
from infra.principal import Principal
from write_model.base import Aggregate, NotFound
from write_model.base import Refused as Refused  # what a caller of the bus has to expect

A = TypeVar("A", bound=Aggregate)
A_co = TypeVar("A_co", bound=Aggregate, covariant=True)

Place = tuple[str | int, ...]  # names and numbers that lead into a message
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def refuse_control_characters(value: object) -> None:
    """Raises ValueError where a text, however deep, holds what no table stores and a terminal would obey."""
    for _, refusal in _control_characters(value):
        raise ValueError(refusal)


def _control_characters(value: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Where such texts are, and what is wrong with each."""
    if isinstance(value, str):
        if found := _CONTROL.search(value):
            yield place, f"{value!r} holds the control character {found[0]!r}; leave it out"
    elif isinstance(value, dict):
        for name, inner in value.items():
            refused = list(_control_characters(name, place))
            yield from refused or _control_characters(inner, (*place, name))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _control_characters(inner, (*place, number))


class Command(BaseModel):
    """A message of one command. Unknown fields, NaN and infinity are refused: a typing error must not be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _plain_text(cls, fields: Any) -> Any:
        refused = [
            InitErrorDetails(
                type=PydanticCustomError("control_character", "{refusal}", {"refusal": refusal}), loc=place, input=None
            )
            for place, refusal in _control_characters(fields)
        ]
        if refused:
            raise ValidationError.from_exception_data(cls.__name__, refused)
        return fields

    @classmethod
    def command_name(cls) -> str:
        """`DefineScenario` is `define-scenario` to the outside."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()

    def body_sha256(self) -> str:
        """Equal messages have equal hashes, however their JSON was laid out."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{self.command_name()}\n{text}".encode()).hexdigest()


def example(**fields: Any) -> ConfigDict:
    """A message as a caller would send it, for the documentation of its command: `model_config = example(…)`."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


@dataclass(frozen=True)
class Caller:
    """Who sends a command, and under which ids. `causation_id` is the command or event that led to it.

    `principal` says with what rights; it is None where the platform itself sends the command.
    """

    tenant: str
    actor: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID
    principal: Principal | None = None


@dataclass(frozen=True)
class Answer:
    """What a command came to: the id it made or changed, the log position that holds it, and the events it appended.

    `status` is `done`, `unchanged`, or what its noun says (`quarantined`, `different`). It is derived from the log
    alone, so that the same command always gets the same answer; but for `secret`, which only the call that made it
    is told. `created` says that the command made what it is about.
    """

    command_id: UUID
    id: UUID
    position: int
    status: str
    events: tuple[dict[str, Any], ...]
    created: bool = False
    secret: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, command_id: UUID, stream_id: UUID, appended: Sequence[RecordedEvent]) -> Answer:
        events = tuple({"name": e.name, "position": e.position, "data": e.payload()} for e in appended)
        first, last = appended[0], appended[-1]
        created = first.stored.originator_version == Aggregate.INITIAL_VERSION
        return cls(command_id, stream_id, last.position, last.metadata.status, events, created)


class PriceHistory(Protocol):
    """Winning prices of one place up to a position, with the publication each came from."""

    def __call__(self, *, iso: str, market: str, node: str, node_type: str, through_position: int) -> pa.Table: ...


class ForwardQuotes(Protocol):
    """The newest quote of each product of a hub up to a position, with the sheet each came from."""

    def __call__(self, *, tenant: str, hub: str, through_position: int) -> pa.Table: ...


@dataclass(frozen=True)
class Loaded(Generic[A_co]):
    """Another aggregate, whose it is, and the position of its newest event."""

    value: A_co
    tenant: str
    position: int


class ReadAggregate(Protocol):
    """An aggregate from its own events, or None where there is no such stream."""

    def __call__(self, kind: type[A], aggregate_id: UUID) -> Loaded[A] | None: ...


@dataclass(frozen=True)
class Tools:
    """What handlers may use besides their own aggregate; filled by the wiring.

    `platform_tenant` is whose market data it is: it feeds and operates the platform.
    """

    objects: Objects
    uploads: Uploads
    readings: Readings
    price_history: PriceHistory
    forward_quotes: ForwardQuotes
    read_aggregate: ReadAggregate
    settled_position: Callable[[], int]
    now: Callable[[], datetime]
    code_version: str
    platform_tenant: str


@dataclass(frozen=True)
class Context:
    """What a handler knows of the command at hand: who sent it, which stream it goes to, and the tools.

    `first_position` is that of the stream's first event, null for a stream that does not exist yet.
    """

    caller: Caller
    stream_id: UUID
    tools: Tools
    first_position: int | None = None
    secrets: list[str] = field(default_factory=list, repr=False)

    def show_once(self, secret: str) -> None:
        """Has the answer tell a secret, which no event holds and no other answer will tell."""
        self.secrets[:] = [secret]

    def load(self, kind: type[A], aggregate_id: UUID, noun: str, given: object, *, remedy: str) -> Loaded[A]:
        """Another aggregate of the same tenant, from its own events. Raises NotFound."""
        found = self.tools.read_aggregate(kind, aggregate_id)
        if found is None or found.tenant != self.caller.tenant:
            raise NotFound(noun, given, remedy=remedy)
        return found
