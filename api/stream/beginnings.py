"""What a subscription starts with: the latest prices at a position, or what was published since another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from api.limits import MOST_REPLAYED_PUBLICATIONS, MOST_REPLAYED_ROWS
from api.platform import Platform
from api.stream.batches import PriceBatch, Selection, tails
from api.stream.hub import Subscriber, Updates
from api.stream.messages import Filters
from api.stream.outboxes import Update
from projections.published import published_between
from queries.dead_letters import dead_letters
from queries.latest_prices import latest_prices
from queries.publications import superseded_readings


@dataclass(frozen=True)
class _Facts:
    """What the rows of a snapshot that come from one reading share."""

    position: int
    publication_id: str
    is_reread: bool
    iso: str
    market: str
    feed: str
    vintage: str
    published_at: datetime | None
    recorded_at: datetime
    rank: int


def snapshot(platform: Platform, filters: Filters, position: int) -> list[str]:
    """The winning price of each matching place in its last interval, as it was known at `position`."""
    found = latest_prices(
        platform.clickhouse,
        isos=[filters.iso],
        nodes=filters.nodes,
        market=filters.market,
        feed=filters.feed,
        through_position=position,
        superseded=superseded_readings(platform.pool, position),
    )
    return tails(position, [Selection(batch, batch.all_rows) for batch in _batches(found)])


def missed(platform: Platform, subscriber: Subscriber, after: int, through: int) -> Iterator[Update] | None:
    """The updates at positions (after, through], each made as it is taken; None where they are too many."""
    publications = published_between(platform.log, platform.log.settled(after), through, MOST_REPLAYED_PUBLICATIONS)
    if publications is None:
        return None
    wanted = [publication for publication in publications if subscriber.wants(publication)]
    if subscriber.channel == "prices" and sum(p.row_count for p in wanted) > MOST_REPLAYED_ROWS:
        return None
    set_aside = {(letter["projection"], letter["position"]) for letter in dead_letters(platform.pool)}
    told = (p for p in wanted if (p.dataset, p.position) not in set_aside)
    return (update for p in told if (update := Updates(platform.objects, p).of(subscriber)))


def _batches(rows: pa.Table) -> Iterator[PriceBatch]:
    positions = rows["log_position"]
    for position in pc.unique(positions).sort().to_pylist():
        own = rows.filter(pc.equal(positions, position))
        (first,) = own.slice(0, 1).to_pylist()
        facts = _Facts(
            position=position,
            publication_id=first["publication_id"],
            is_reread=first["publication_position"] != position,
            iso=first["iso"],
            market=first["market"],
            feed=first["feed"],
            vintage=first["vintage_name"],
            published_at=first["published_at"],
            recorded_at=first["recorded_at"],
            rank=first["publication_position"],
        )
        yield PriceBatch(facts, own)
