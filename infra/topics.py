"""What is said on the broker's topics: versioned messages, each rows of one publication as columns side by side.

A message never changes under one version: what changes gets the next number and a topic of its own. JSON schemas of
these structs lie in docs/schemas. Numbers are written so that reading them gives the very same 64-bit value; a column
without any value is null. Intervals are half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

Utc = Annotated[datetime, msgspec.Meta(tz=True, extra_json_schema={"pattern": "Z$"})]
Numbers = list[float | None]


class Message(msgspec.Struct, kw_only=True):
    """What every message has. (`log_position`, `part`) is the same whenever a message comes again.

    The `of` parts of an event together hold its rows. On `/v1/stream`, where everybody gets rows of their own, both
    stay 1, and `more` of the update tells what is still to come.
    """

    schema_version: Literal[1] = 1
    log_position: int
    part: int = 1
    of: int = 1
    recorded_at: Utc


class PublicationMessage(Message, kw_only=True):
    """Rows of one publication.

    For one place and interval the highest (vintage, source_version, publication_position, log_position) wins. With
    `is_reread` this replaces all earlier rows of the publication.
    """

    publication_id: str
    publication_position: int
    is_reread: bool
    iso: str
    market: str
    feed: str
    vintage: Literal["preliminary", "verified", "final"]
    published_at: Utc | None


class RowColumns(msgspec.Struct, kw_only=True):
    """One entry a row in each column, as in those of all messages about publications."""

    interval_start_utc: list[Utc]
    interval_end_utc: list[Utc]
    source_version: list[int]


class TickColumns(RowColumns, kw_only=True):
    """Energy prices at nodes; a place is (market, feed, node, node_type)."""

    node: list[str]
    node_type: list[str]
    lmp_usd_per_mwh: list[float]
    energy_usd_per_mwh: Numbers | None = None
    congestion_usd_per_mwh: Numbers | None = None
    loss_usd_per_mwh: Numbers | None = None
    ghg_usd_per_mwh: Numbers | None = None


class CapacityColumns(RowColumns, kw_only=True):
    """Results of capacity auctions; an interval is the delivery period, `area` the LDA or zone."""

    auction: list[str]
    area: list[str]
    product: list[str]
    price_usd_per_mw_day: list[float]
    cleared_mw: Numbers | None = None


class OrdcColumns(RowColumns, kw_only=True):
    """Scarcity: price adders, and the reserves behind them."""

    adder: list[str]
    price_usd_per_mwh: list[float]
    reserve_mw: Numbers | None = None


class FundamentalColumns(RowColumns, kw_only=True):
    """Load, generation, forecasts, flows; `value` is in `unit`. `issued_at` is when a forecast was made."""

    series: list[str]
    area: list[str]
    category: list[str]
    unit: list[str]
    value: list[float]
    issued_at: list[Utc | None] | None = None


class CurveColumns(msgspec.Struct, kw_only=True):
    """One entry a delivery month (its first day); extrapolated months lie past the last quote."""

    delivery_month: list[date]
    price_usd_per_mwh: list[float]
    is_extrapolated: list[bool]


class PowerTicks(PublicationMessage, kw_only=True):
    """Energy prices, `power.ticks.v1`."""

    topic: Literal["power.ticks.v1"] = "power.ticks.v1"
    columns: TickColumns


class PowerCapacity(PublicationMessage, kw_only=True):
    """Capacity prices, `power.capacity.v1`."""

    topic: Literal["power.capacity.v1"] = "power.capacity.v1"
    columns: CapacityColumns


class PowerOrdc(PublicationMessage, kw_only=True):
    """Scarcity prices, `power.ordc.v1`."""

    topic: Literal["power.ordc.v1"] = "power.ordc.v1"
    columns: OrdcColumns


class FundamentalsSeries(PublicationMessage, kw_only=True):
    """Fundamentals, `fundamentals.series.v1`."""

    topic: Literal["fundamentals.series.v1"] = "fundamentals.series.v1"
    columns: FundamentalColumns


class CurvesForward(Message, kw_only=True):
    """A forward curve of a tenant as it was built, `curves.forward.v1`. A newer one has an id of its own."""

    topic: Literal["curves.forward.v1"] = "curves.forward.v1"
    tenant: str
    curve_id: str
    hub: str
    columns: CurveColumns


class CurveInputs(Message, kw_only=True):
    """What a tenant's curves are built from, besides prices, has changed, `curves.inputs.v1`; its rows are not told.

    The tenant recorded quotes, revised a scenario, asked for a curve to be kept fresh, or was granted an entitlement.
    """

    topic: Literal["curves.inputs.v1"] = "curves.inputs.v1"
    tenant: str
    kind: Literal["quotes", "scenario", "follow", "entitlement"]


TOPICS: Mapping[str, type[Message]] = {
    "power.ticks.v1": PowerTicks,
    "power.capacity.v1": PowerCapacity,
    "power.ordc.v1": PowerOrdc,
    "curves.forward.v1": CurvesForward,
    "curves.inputs.v1": CurveInputs,
    "fundamentals.series.v1": FundamentalsSeries,
}
"""The message of each topic."""
