"""The five-minute price feeds that a simulated week plays, one of each operator, and what a fault means to each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from integrations.isos.simulator.faults import KINDS, Injected
from read_models.market_days import MARKET_ZONES

FIVE_MINUTES = timedelta(minutes=5)
_HOUR = timedelta(hours=1)
_OASIS_START = re.compile(r"startdatetime=(\d{8}T\d{2}:\d{2}-0000)")
_PJM_START = re.compile(r"datetime_beginning_ept=(\d{2}/\d{2}/\d{4} \d{2}:\d{2})to")
_PJM_WINDOW = timedelta(minutes=10)

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class PlayedFeed:
    """`id` is the feed's; faults are injected into requests that match `where`, a share `rate` of a week's.

    `published_after` is how long after its end the operator publishes an interval. `held` is the stretch that the
    answer to a faulty request has intervals of. `recovered_by` is the feed that brings what was missed where the
    source has only what is newest; others are asked again by the next polls. `kinds` are the faults that it can have.
    """

    id: str
    where: str
    rate: float
    published_after: timedelta
    held: Callable[[Injected], Stretch]
    recovered_by: str | None = None
    kinds: frozenset[str] = frozenset(KINDS)

    @property
    def iso(self) -> str:
        return self.id.partition("/")[0].upper()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(MARKET_ZONES[self.iso])

    def published_ends(self, fault: Injected) -> Iterator[datetime]:
        """The ends of the intervals that the answer to a faulty request has by then."""
        start_utc, end_utc = self.held(fault)
        last = min(end_utc, fault.at_utc - self.published_after)
        for number in range(1, (last - start_utc) // FIVE_MINUTES + 1):
            yield start_utc + number * FIVE_MINUTES


def _newest_only(fault: Injected) -> Stretch:
    """MISO's answer has the interval that ended last, published 40 s after its end."""
    seconds = int(fault.at_utc.timestamp()) - 40
    end_utc = datetime.fromtimestamp(seconds // 300 * 300, UTC)
    return end_utc - FIVE_MINUTES, end_utc


def _hour_asked_for(fault: Injected) -> Stretch:
    found = _OASIS_START.search(fault.request)
    assert found, fault.request
    start_utc = datetime.strptime(found[1], "%Y%m%dT%H:%M%z").astimezone(UTC)
    return start_utc, start_utc + _HOUR


def _window_asked_for(fault: Injected) -> Stretch:
    """PJM's clock; asked within the hour, so that the pass of a repeated hour is the one that is nearer."""
    found = _PJM_START.search(fault.request)
    assert found, fault.request
    clock = datetime.strptime(found[1], "%m/%d/%Y %H:%M").replace(tzinfo=ZoneInfo(MARKET_ZONES["PJM"]))
    start_utc = min(
        (clock.replace(fold=fold).astimezone(UTC) for fold in (0, 1)), key=lambda start: abs(fault.at_utc - start)
    )
    return start_utc, start_utc + _PJM_WINDOW


def _nothing_restated(fault: Injected) -> Stretch:
    raise AssertionError(f"ERCOT's documents are asked for once, and yet one was restated: {fault}")


MISO = PlayedFeed(
    "miso/rt_five_min_lmp", "miso-public-api/*", 0.03, timedelta(seconds=40), _newest_only,
    recovered_by="miso/5min_lmp",
)  # fmt: skip
CAISO = PlayedFeed("caiso/prc_intvl_lmp", "caiso-oasis/*", 0.02, timedelta(seconds=60), _hour_asked_for)
PJM = PlayedFeed("pjm/rt_unverified_fivemin_lmps", "pjm_data_miner/*", 0.01, timedelta(seconds=45), _window_asked_for)
ERCOT = PlayedFeed(
    "ercot/sced_lmp", "ercot-mis/*", 0.02, -FIVE_MINUTES, _nothing_restated, kinds=frozenset(KINDS) - {"restated"}
)
PLAYED_FEEDS = (MISO, CAISO, PJM, ERCOT)
