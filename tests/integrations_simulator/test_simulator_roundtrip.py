"""What the simulator writes, the connectors read: every row, on plain days and on both DST days."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from integrations.isos.catalogue import parse, survey
from integrations.isos.simulator import caiso, ercot, miso, pjm
from integrations.isos.simulator.files import SimulatedFile
from integrations.isos.simulator.intervals import market_days
from integrations.isos.simulator.market import Market, PriceBlock, SimulatedMarket
from integrations.isos.simulator.places import Place
from integrations.isos.ticks import ParsedPublication

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
    intervals = ercot.sced_runs(market, day) if feed == "sced_lmp" else market_days(iso, day, day, minutes=minutes)

    def in_feed(place: Place) -> bool:
        if feed == "prc_lmp":
            return place.role != "outside"
        return feed not in UNTYPED or place.node_type not in {"LZEW", "LZ_DCEW"}

    return market.prices(kind, intervals).only(in_feed)


def _column(publications: list[ParsedPublication], name: str) -> NDArray[Any]:
    columns = [publication.rows.column(name) for publication in publications]
    if name.endswith("_utc"):
        return np.concatenate([column.cast("int64").to_numpy() for column in columns])
    return np.concatenate([np.array(column.to_pylist()) for column in columns])


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
    intervals, places = block.intervals, block.places
    assert sum(publication.rows.num_rows for publication in publications) == len(intervals) * len(places)

    starts, ends = (np.repeat(side, len(places)) for side in (intervals.start_s, intervals.end_s))
    nodes = np.tile(np.array([place.node for place in places]), len(intervals))
    types = np.tile(np.array(["" if feed in UNTYPED else place.node_type for place in places]), len(intervals))
    read_starts, read_ends, read_nodes, read_types = (
        _column(publications, name) for name in ("interval_start_utc", "interval_end_utc", "node", "node_type")
    )
    made, read = np.lexsort((types, nodes, starts)), np.lexsort((read_types, read_nodes, read_starts))
    assert (read_starts[read] == starts[made]).all()
    assert (read_ends[read] == ends[made]).all()
    assert (read_nodes[read] == nodes[made]).all()
    assert (read_types[read] == types[made]).all()
    assert (_column(publications, "source_version") == (1 if iso == "PJM" else 0)).all()

    lmp = _column(publications, "lmp_usd_per_mwh")[read]
    assert (lmp == block.lmp.ravel()[made] / block.units_per_usd).all(), "equal to the last bit"
    for component in ("energy", "congestion", "loss", "ghg"):
        values = _column(publications, f"{component}_usd_per_mwh")[read]
        if component in components.split():
            # MISO prints no energy: it is a difference, and may be off in its last bit.
            expected = getattr(block, component).ravel()[made] / block.units_per_usd
            np.testing.assert_allclose(values.astype(float), expected, rtol=0, atol=1e-9)
        else:
            assert all(value is None for value in values.tolist())


def test_the_history_is_one_publication_of_one_hub() -> None:
    market = SimulatedMarket("PJM", SEED)
    (publication,) = _parsed(pjm.hub_history(market, PLAIN))
    assert (publication.feed, publication.market, publication.vintage) == ("da_hrl_lmps", "DA", "final")
    intervals = market_days("PJM", date(2025, 5, 1), PLAIN, minutes=60)
    assert publication.rows.num_rows == len(intervals)
    assert (np.sort(_column([publication], "interval_start_utc")) == intervals.start_s).all()
    assert set(publication.rows.column("node").to_pylist()) == {pjm.HISTORY_HUB}


def test_the_repeated_hour_is_published_when_it_was_published() -> None:
    """Names of the second pass carry xhr; without it their stamps would read as an hour earlier."""
    publications = _parsed(ercot.real_time_spp(SimulatedMarket("ERCOT", SEED), AUTUMN))
    assert len(publications) == 100
    for publication in publications:
        (end_s,) = set(_column([publication], "interval_end_utc").tolist())
        assert publication.published_at == datetime.fromtimestamp(end_s + 126, UTC)
