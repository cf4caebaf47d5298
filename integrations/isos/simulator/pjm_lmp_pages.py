"""Pages of PJM's LMP reports: a row per interval, version and pricing node, in that order.

Only the intervals that a page shows are computed, so a page of a year costs as little as one of an hour. Verified
prices of a few hours are corrected some days later: the report then has both versions of their rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

import numpy as np

from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals
from integrations.isos.simulator.market import Market, PriceBlock
from integrations.isos.simulator.noise import stream_key, uniforms
from integrations.isos.simulator.pjm import Node, lmp_table, nodes_of
from integrations.isos.simulator.pjm_query import Query
from integrations.isos.simulator.pjm_schedules import CORRECTED, DAY_AHEAD, VERIFIED, Rolling, Schedule
from integrations.isos.simulator.tables import Column, Flags, Numbers, Table, cut

_HOUR_S: Final = 3600
_SHARE_CORRECTED = 0.05


@dataclass(frozen=True)
class LmpReport:
    """`archived_days` is the age at which data are archived, `kept_days` how long the report is kept at all.

    One without components is of hubs, zones and the like, and of no bus.
    """

    run: Literal["da", "rt"]
    market: Market
    step_s: int
    schedule: Schedule
    is_verified: bool
    archived_days: int
    kept_days: int | None = None
    has_components: bool = True


LMP_REPORTS: Final[Mapping[str, LmpReport]] = {
    "da_hrl_lmps": LmpReport("da", "DA", 3600, DAY_AHEAD, True, 731),
    "rt_hrl_lmps": LmpReport("rt", "RTH", 3600, VERIFIED, True, 731),
    "rt_fivemin_hrl_lmps": LmpReport("rt", "RT5", 300, VERIFIED, True, 186),
    "rt_unverified_hrl_lmps": LmpReport("rt", "RTH", 3600, Rolling(3600, 300), False, 731),
    "rt_unverified_fivemin_lmps": LmpReport("rt", "RT5", 300, Rolling(300, 45), False, 186, kept_days=15),
    "unverified_five_min_lmps": LmpReport(
        "rt", "RT5", 300, Rolling(300, 45), False, 186, kept_days=30, has_components=False
    ),
}


@dataclass(frozen=True)
class Layer:
    """The rows of one interval in one version."""

    start_s: int
    version: int
    is_current: bool


@dataclass(frozen=True)
class LmpPages:
    """The pages of one report of one market."""

    market: GridMarket
    report: LmpReport

    def layers(self, query: Query, now_utc: datetime) -> tuple[Layer, ...]:
        """What is out at `now_utc` of the intervals that the query asks for, oldest first."""
        report, now_s = self.report, int(now_utc.timestamp())
        until_s = report.schedule.until_s(now_utc)
        starts = query.starts(report.step_s, until_s)
        if report.kept_days is not None:
            starts = tuple(start for start in starts if start >= now_s - report.kept_days * 24 * _HOUR_S)
        corrected = self._corrected(starts, CORRECTED.until_s(now_utc)) if starts else frozenset()
        found = []
        for start in starts:
            found += [Layer(start, 1, False)] if start in corrected else []
            found.append(Layer(start, 2, True) if start in corrected else Layer(start, 1, True))
        return tuple(layer for layer in found if query.takes("row_is_current", str(layer.is_current).lower()))

    def changed_utc(self, layers: Sequence[Layer]) -> datetime:
        """When the last of the rows came out."""
        moments = [self.report.schedule.came_out(layers[-1].start_s)]
        moments += [CORRECTED.came_out(layer.start_s) for layer in layers if layer.version > 1][-1:]
        return max(moments)

    def page(self, query: Query, layers: Sequence[Layer]) -> tuple[Table, int]:
        """The rows that the query's page has, and how many there are in all."""
        has_buses = self.report.has_components
        nodes = [n for n in nodes_of(self.market.places) if (has_buses or not n.voltage) and _is_wanted(n, query)]
        total = len(layers) * len(nodes)
        first, last = query.start_row - 1, min(query.start_row - 1 + query.row_count, total)
        if first >= last:
            return {}, total
        before = first // len(nodes)
        shown = layers[before : -(-last // len(nodes))]
        return cut(self._table(shown, nodes), first - before * len(nodes), last - before * len(nodes)), total

    def _corrected(self, starts: Sequence[int], until_s: int) -> frozenset[int]:
        """The starts of intervals whose hour has been corrected by now."""
        if self.report.run == "da" or not self.report.is_verified:
            return frozenset()
        first, last = starts[0] // _HOUR_S, starts[-1] // _HOUR_S
        luck = uniforms(stream_key(self.market.seed, "PJM/corrections"), first, last - first + 1, per_day=24)
        return frozenset(s for s in starts if s < until_s and luck[s // _HOUR_S - first] < _SHARE_CORRECTED)

    def _table(self, layers: Sequence[Layer], nodes: Sequence[Node]) -> dict[str, Column]:
        table = lmp_table(self.report.run, self._block(layers), nodes)
        if not self.report.has_components:
            names = {"name": table["pnode_name"], "type": table["type"]}
            prices = {"five_min_rtlmp": table["total_lmp_rt"], "hourly_lmp": self._hourly(layers, nodes)}
            return {name: table[name] for name in ("datetime_beginning_utc", "datetime_beginning_ept")} | names | prices
        if not self.report.is_verified:
            del table[f"system_energy_price_{self.report.run}"]
            return table
        versions = np.repeat(np.array([layer.version for layer in layers], dtype=np.int64), len(nodes))
        current = np.repeat(np.array([layer.is_current for layer in layers]), len(nodes))
        return table | {"row_is_current": Flags(current), "version_nbr": Numbers(versions, 0)}

    def _hourly(self, layers: Sequence[Layer], nodes: Sequence[Node]) -> Column:
        """The price of the hour in which each interval lies."""
        hours = np.array([layer.start_s // _HOUR_S * _HOUR_S for layer in layers], dtype=np.int64)
        starts = np.arange(hours[0], hours[-1] + 1, _HOUR_S, dtype=np.int64)
        block = self.market.prices("RTH", Intervals(60, starts, starts + _HOUR_S), is_draft=True)
        columns = [node.column for node in nodes]
        return Numbers(block.lmp[(hours - hours[0]) // _HOUR_S][:, columns].reshape(-1), 6)

    def _block(self, layers: Sequence[Layer]) -> PriceBlock:
        """Prices of the layers: unverified ones, and those that were corrected later, are a draft."""
        report, first_s = self.report, layers[0].start_s
        starts = np.arange(first_s, layers[-1].start_s + 1, report.step_s, dtype=np.int64)
        whole = Intervals(report.step_s // 60, starts, starts + report.step_s)
        rows = np.array([(layer.start_s - first_s) // report.step_s for layer in layers])
        is_draft = np.array([not (report.is_verified and layer.is_current) for layer in layers])[:, np.newaxis]
        block = self.market.prices(report.market, whole)
        draft = self.market.prices(report.market, whole, is_draft=True) if is_draft.any() else block
        parts = {
            name: np.where(is_draft, getattr(draft, name)[rows], getattr(block, name)[rows])
            for name in ("energy", "congestion", "loss", "ghg")
        }
        return replace(block, intervals=Intervals(whole.minutes, whole.start_s[rows], whole.end_s[rows]), **parts)


def _is_wanted(node: Node, query: Query) -> bool:
    values = {"pnode_id": str(node.pnode_id), "pnode_name": node.place.node, "type": node.place.node_type}
    return all(query.takes(name, value.lower()) for name, value in values.items())
