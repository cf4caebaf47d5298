"""What client and server say to each other on the stream, `carbon254.v1`. Unknown fields are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from api.limits import MOST_STREAM_NODES

PROTOCOL = "carbon254.v1"
Iso = Literal["MISO", "CAISO", "PJM", "ERCOT"]
Market = Literal["DA", "RTH", "RT15", "RT5"]
Channel = Literal["prices", "publications"]
SubscriptionId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class _ToServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=str.lower):
    """A message of a client."""


class Authenticate(_ToServer, frozen=True):
    token: str


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a subscription wants of one ISO; without `nodes` all of them."""

    iso: Iso
    nodes: Annotated[tuple[Name, ...], msgspec.Meta(max_length=MOST_STREAM_NODES)] = ()
    market: Market | None = None
    feed: Name | None = None


class Subscribe(_ToServer, frozen=True):
    id: SubscriptionId
    channel: Channel
    filters: Filters
    from_seq: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Unsubscribe(_ToServer, frozen=True):
    id: SubscriptionId


class Ping(_ToServer, frozen=True):
    pass


ToServer = Authenticate | Subscribe | Unsubscribe | Ping


class _ToClient(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """A message of the server, besides those with rows (`api.stream.batches`)."""


class Authenticated(_ToClient, frozen=True, kw_only=True):
    tenant: str
    actor: str
    expires_at: datetime | None


class Subscribed(_ToClient, frozen=True, kw_only=True):
    """Updates follow for what comes after `seq`."""

    id: str
    seq: int


class Unsubscribed(_ToClient, frozen=True, kw_only=True):
    id: str


class Reset(_ToClient, frozen=True, kw_only=True):
    """What was missed since `from_seq` is too much to be sent again; what follows starts anew."""

    id: str
    from_seq: int
    seq: int


class Pong(_ToClient, frozen=True, kw_only=True):
    pass


class Error(_ToClient, frozen=True, kw_only=True):
    """Something was refused, or a subscription (`id`) ended; `detail` is what to do about it."""

    code: str
    title: str
    detail: str
    id: str | None = None


ToClient = Authenticated | Subscribed | Unsubscribed | Reset | Pong | Error

_decoder = msgspec.json.Decoder(ToServer)
_encoder = msgspec.json.Encoder()


def decode(text: str) -> ToServer:
    """Raises msgspec.ValidationError naming the field, or msgspec.DecodeError for what is no JSON."""
    message: ToServer = _decoder.decode(text)
    return message


def encode(message: object) -> str:
    return _encoder.encode(message).decode()
