"""Damage to archives and workbooks is done, and found: what comes of it is quarantined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.feed_registry import FEEDS
from integrations.isos.simulator import damage
from integrations.isos.simulator.ercot_operator import ErcotOperator
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.miso_operator import MisoOperator
from integrations.isos.simulator.operator import Operator
from integrations.isos.simulator.pjm_operator import PjmOperator
from tests.integrations_simulator.playing import Played, play

JANUARY, OCTOBER = datetime(2026, 1, 12, 15, tzinfo=UTC), datetime(2026, 10, 5, 15, tzinfo=UTC)
DAY = timedelta(days=1)
OPERATORS: dict[str, Operator] = {
    "ERCOT": ErcotOperator(GridMarket("ERCOT", 7, 70)),
    "MISO": MisoOperator(GridMarket("MISO", 7, 60)),
    "PJM": PjmOperator(GridMarket("PJM", 7, 60)),
}
# When a feed is asked, and how old what it is asked for is.
ASKED = {
    "ercot/sced_disclosure": (JANUARY, 62 * DAY), "ercot/dam_disclosure": (JANUARY, 62 * DAY),
    "ercot/dam_lzhb_spp": (JANUARY, 5 * DAY), "ercot/rtm_lzhb_spp": (JANUARY, 5 * DAY),
    "ercot/dam_mcpc_history": (OCTOBER, 5 * DAY), "ercot/sced_price_adders_history": (JANUARY, 5 * DAY),
    "ercot/rtm_price_adders": (JANUARY, 5 * DAY), "miso/sr_gfm": (JANUARY, 2 * DAY), "miso/df_al": (JANUARY, 2 * DAY),
    "pjm/rpm_bra_results": (JANUARY, 5 * DAY), "pjm/rpm_planning_parameters": (JANUARY, 5 * DAY),
    "pjm/da_marginal_value": (JANUARY, 2 * DAY), "pjm/reserve_market_results": (JANUARY, 2 * DAY),
    "pjm/load_frcstd_hist": (JANUARY, 2 * DAY),
}  # fmt: skip
CANNOT = {("miso/df_al", damage.column_renamed)} | {
    (feed_id, damage.row_twice)
    for feed_id in ("miso/df_al", "miso/sr_gfm", "pjm/rpm_bra_results", "pjm/rpm_planning_parameters")
}
"""An old workbook can only be cut short; others end in a remark or a total."""

NOT_SEEN = {
    (feed_id, damage.row_twice)
    for feed_id in ("pjm/da_marginal_value", "pjm/reserve_market_results", "pjm/load_frcstd_hist")
}
"""The connector takes the same row twice for one."""


@cache
def _answer(feed_id: str) -> Played:
    now, age = ASKED[feed_id]
    feed = FEEDS[feed_id]
    return play(OPERATORS[feed.iso], feed, now - age, now - age + timedelta(hours=1), now)[0]


@pytest.mark.parametrize("kind", [damage.cut_short, damage.row_twice, damage.column_renamed])
@pytest.mark.parametrize("feed_id", ASKED)
def test_damage_is_quarantined(feed_id: str, kind: damage.Damage) -> None:
    played = _answer(feed_id)
    assert played.answer is not None
    damaged = kind(played.answer.content)
    if (feed_id, kind) in CANNOT:
        assert damaged is None
        return
    assert damaged is not None
    assert damaged != played.answer.content
    refused = 0
    for payload in survey(played.request.name, damaged, named=True).payloads:
        try:
            parse(payload)
        except UnreadablePublication:
            refused += 1
    assert bool(refused) == ((feed_id, kind) not in NOT_SEEN)
