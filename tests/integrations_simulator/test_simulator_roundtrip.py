"""What the simulator writes, the connectors read: every row, on plain days and on both DST days."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.simulator import caiso, ercot, miso, pjm
from integrations.isos.simulator.files import SimulatedFile
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import Market, PriceBlock, SimulatedMarket
from integrations.isos.simulator.places import Place
from integrations.isos.ticks import ParsedPublication
from tests.integrations_simulator.playing import assert_same_prices, column

SPRING, AUTUMN, PLAIN = date(2026, 3, 8), date(2026, 11, 1), date(2026, 6, 15)
SEED = 7

Writer = Callable[[SimulatedMarket, date], SimulatedFile]
# feed: operator, market, minutes, writer, vintage, which components the feed publishes
FEEDS: dict[str, tuple[str, Market, int, Writer, str, str]] = {
    "da_expost_lmp": ("MISO", "DA", 60, miso.day_ahead_lmp, "final", "energy congestion loss"),
    "rt_lmp": ("MISO", "RTH", 60, miso.real_time_lmp, "final", "energy congestion loss"),
    "prc_lmp": ("CAISO", "DA", 60, caiso.day_ahead_lmp, "final", "energy congestion loss"),
    "prc_rtpd_lmp": ("CAISO", "RT15", 15, caiso.real_time_lmp, "final", "energy congestion loss ghg"),
    "da_hrl_lmps": ("PJM", "DA", 60, pjm.day_ahead_lmps, "final", "energy congestion loss"),
    "rt_hrl_lmps": ("PJM", "RTH", 60, pjm.real_time_lmps, "verified", "energy congestion loss"),
    "dam_spp": ("ERCOT", "DA", 60, ercot.day_ahead_spp, "final", ""),
    "rtm_spp": ("ERCOT", "RT15", 15, ercot.real_time_spp, "final", ""),
    "sced_lmp": ("ERCOT", "RT5", 5, ercot.sced_lmp, "final", ""),
}
# Their files state no type, so a zone is in them once.
UNTYPED = {"dam_spp", "sced_lmp"}


def _parsed(file: SimulatedFile) -> list[ParsedPublication]:
    found = survey(file.name, file.content, named=True)
    assert found.skipped == []
    return [parse(payload) for payload in found.payloads]


def _published(feed: str, market: SimulatedMarket, day: date) -> PriceBlock:
    """The prices that ought to be in the feed's file of the day."""
    iso, kind, minutes, *_ = FEEDS[feed]
    intervals = ercot.sced_runs(market.seed, day) if feed == "sced_lmp" else market_days(iso, day, day, minutes=minutes)

    def in_feed(place: Place) -> bool:
        if feed == "prc_lmp":
            return place.role != "outside"
        return feed not in UNTYPED or place.node_type not in {"LZEW", "LZ_DCEW"}

    return market.prices(kind, intervals).only(in_feed)


@pytest.mark.parametrize("day", [PLAIN, SPRING, AUTUMN])
@pytest.mark.parametrize("feed", FEEDS)
def test_every_price_comes_back_as_the_market_made_it(feed: str, day: date) -> None:
    iso, kind, _, write, vintage, components = FEEDS[feed]
    market = SimulatedMarket(iso, SEED)
    publications, block = _parsed(write(market, day)), _published(feed, market, day)
    for publication in publications:
        assert (publication.iso, publication.market, publication.feed) == (iso, kind, feed)
        assert publication.vintage == vintage
        assert publication.gaps.num_rows == 0
    assert_same_prices(publications, block, components=components, has_types=feed not in UNTYPED)
    assert (column(publications, "source_version") == (1 if iso == "PJM" else 0)).all()


def test_the_history_is_one_publication_of_one_hub() -> None:
    market = SimulatedMarket("PJM", SEED)
    (publication,) = _parsed(pjm.hub_history(market, PLAIN))
    assert (publication.feed, publication.market, publication.vintage) == ("da_hrl_lmps", "DA", "final")
    intervals = market_days("PJM", date(2025, 5, 1), PLAIN, minutes=60)
    assert publication.rows.num_rows == len(intervals)
    assert (np.sort(column([publication], "interval_start_utc")) == intervals.start_s).all()
    assert set(publication.rows.column("node").to_pylist()) == {pjm.HISTORY_HUB}


def test_the_repeated_hour_is_published_when_it_was_published() -> None:
    """Names of the second pass carry xhr; without it their stamps would read as an hour earlier."""
    publications = _parsed(ercot.real_time_spp(SimulatedMarket("ERCOT", SEED), AUTUMN))
    assert len(publications) == 100
    for publication in publications:
        (end_s,) = set(column([publication], "interval_end_utc").tolist())
        assert publication.published_at == datetime.fromtimestamp(end_s + 126, UTC)
