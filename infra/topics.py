"""What is said on the stream's topics: versioned messages, each a batch of one publication, as columns side by side.

A message never changes its meaning under one version: what is not compatible gets the next number and a topic of its
own. JSON schemas of these structs lie in docs/schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

Cells = list[float | None]


class TickColumns(msgspec.Struct, kw_only=True):
    """One entry a row in each column; prices in $/MWh, intervals half-open. A column without any value is null."""

    node: list[str]
    node_type: list[str]
    interval_start_utc: list[datetime]
    interval_end_utc: list[datetime]
    lmp_usd_per_mwh: list[float]
    energy_usd_per_mwh: Cells | None = None
    congestion_usd_per_mwh: Cells | None = None
    loss_usd_per_mwh: Cells | None = None
    ghg_usd_per_mwh: Cells | None = None
    source_version: list[int]


class PowerTicks(msgspec.Struct, kw_only=True):
    """Energy prices of one publication, `power.ticks.v1`.

    For one place (market, feed, node, node_type) and interval the highest (vintage, source_version,
    publication_position, log_position) wins. With `is_reread` this replaces all earlier rows of the publication.
    """

    topic: Literal["power.ticks.v1"] = "power.ticks.v1"
    log_position: int
    publication_id: str
    publication_position: int
    is_reread: bool
    iso: str
    market: str
    feed: str
    vintage: Literal["preliminary", "verified", "final"]
    published_at: datetime | None
    recorded_at: datetime
    columns: TickColumns


TOPICS: Mapping[str, type[msgspec.Struct]] = {"power.ticks.v1": PowerTicks}
"""The message of each topic."""
