"""PJM's Data Miner 2 as it is asked over HTTP: reports by name, ranges of Eastern time, pages, JSON or CSV; and the
workbooks of the capacity auctions on its web site.

Metered load stays unverified. Rows come in order of time whatever `sort` says. A report that there is not is answered
with 404.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

import numpy as np

from integrations.isos.pjm.sheets import DeliveryYear
from integrations.isos.simulator import pjm_capacity
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.operator import Answer
from integrations.isos.simulator.pjm_lmp_pages import LMP_REPORTS, Layer, LmpPages
from integrations.isos.simulator.pjm_market_pages import MARKET_REPORTS
from integrations.isos.simulator.pjm_query import BadQuery, Query, bad_query_page, query_of
from integrations.isos.simulator.pjm_system_pages import SYSTEM_REPORTS, Report, load_forecast, pnode_list
from integrations.isos.simulator.pjm_tables import csv_of, json_of
from integrations.isos.simulator.tables import Table, cut, rows_of

_API: Final = "https://api.pjm.com/api/v1"
_LMP_RANGE: Final = "datetime_beginning_ept"
_LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
_FORECAST, _NODES = "load_frcstd_7_day", "pnode"

REPORTS: Final[Mapping[str, Report]] = {**SYSTEM_REPORTS, **MARKET_REPORTS}
"""The reports of anything but prices of energy, by name."""

_DATA_MINER, _WEB = "pjm_data_miner", "pjm_web"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_RESULTS, _RESULTS_RENAMED, _RENAMED_SINCE = "base-residual-auction-results", "bra-results", 2026
_PARAMETERS: Final = "planning-period-parameters-for-base-residual-auction"
_SINCE_YEAR = 2022
_WORKBOOK_PATH: Final = re.compile(
    r"-/media/DotCom/markets-ops/rpm/rpm-auction-info/"
    r"(?P<years>(?P<first>\d{4})-(?P<next>\d{4}))/(?P=years)-(?P<name>[\w-]+)\.xlsx"
)


@dataclass(frozen=True)
class PjmOperator:
    """Answers for Data Miner and the web site."""

    market: GridMarket

    @property
    def sources(self) -> tuple[str, ...]:
        return (_DATA_MINER, _WEB)

    def answer(self, source: str, path: str, params: Mapping[str, str], now_utc: datetime) -> Answer | None:
        """A page, which is empty where nothing is out yet; 400 for what the API does not take."""
        if source == _WEB:
            return self._workbook(path, now_utc)
        prices, report = LMP_REPORTS.get(path), REPORTS.get(path)
        if prices is None and report is None and path not in (_FORECAST, _NODES):
            return None
        filter_name = _LMP_RANGE if prices else report.filter if report else None
        archived = prices or report
        try:
            query = query_of(params, filter_name, archived.archived_days if archived else None, now_utc)
        except BadQuery as error:
            return Answer(bad_query_page(error), now_utc, "application/json", 400)
        content, changed_utc = self._page(path, params, query, now_utc)
        return Answer(content, changed_utc, "text/csv" if query.is_csv else "application/json")

    def _workbook(self, path: str, now_utc: datetime) -> Answer | None:
        named = _WORKBOOK_PATH.fullmatch(path)
        if named is None or int(named["next"]) != int(named["first"]) + 1:
            return None
        first_year, name = int(named["first"]), named["name"]
        results = _RESULTS if first_year < _RENAMED_SINCE else _RESULTS_RENAMED
        is_results = name == results
        published_utc = pjm_capacity.posted(first_year, is_results=is_results).astimezone(UTC)
        if (not is_results and name != _PARAMETERS) or first_year < _SINCE_YEAR or now_utc < published_utc:
            return None
        return Answer(_workbook(self.market, first_year, is_results), published_utc, _XLSX)

    def _page(self, path: str, params: Mapping[str, str], query: Query, now_utc: datetime) -> tuple[bytes, datetime]:
        """The page, and since when it has been as it is."""
        href = f"{_API}/{path}?{urlencode(params, safe=':/;,')}"
        if path in LMP_REPORTS:
            pages = LmpPages(self.market, LMP_REPORTS[path])
            layers = pages.layers(query, now_utc)
            changed_utc = pages.changed_utc(layers) if layers else _LONG_AGO
            return _lmp_page(self.market, path, href, query, layers), changed_utc
        if path in REPORTS:
            schedule = REPORTS[path].schedule
            starts = query.starts(REPORTS[path].step_s, schedule.until_s(now_utc))
            changed_utc = schedule.came_out(starts[-1]) if starts else _LONG_AGO
            return _system_page(self.market, path, href, query, starts), changed_utc
        table, changed_utc = (
            load_forecast(self.market, now_utc) if path == _FORECAST else (pnode_list(self.market), _LONG_AGO)
        )
        return _page_of(path, href, query, table), changed_utc


@lru_cache(maxsize=8)
def _workbook(market: GridMarket, first_year: int, is_results: bool) -> bytes:
    write = pjm_capacity.results if is_results else pjm_capacity.parameters
    return write(market, DeliveryYear(first_year))


# A full page of prices is some 17 MB.
@lru_cache(maxsize=24)
def _lmp_page(market: GridMarket, path: str, href: str, query: Query, layers: tuple[Layer, ...]) -> bytes:
    table, total = LmpPages(market, LMP_REPORTS[path]).page(query, layers)
    return _written(path, href, query, table, total)


@lru_cache(maxsize=64)
def _system_page(market: GridMarket, path: str, href: str, query: Query, starts: tuple[int, ...]) -> bytes:
    whole = REPORTS[path].table(market, np.array(starts, dtype=np.int64)) if starts else {}
    return _page_of(path, href, query, whole)


def _page_of(path: str, href: str, query: Query, whole: Table) -> bytes:
    first = query.start_row - 1
    return _written(path, href, query, cut(whole, first, first + query.row_count), rows_of(whole))


def _written(path: str, href: str, query: Query, table: Table, total: int) -> bytes:
    if query.fields:
        table = {name: column for name, column in table.items() if name in query.fields}
    return csv_of(table) if query.is_csv else json_of(table, total, _links(path, href, query, total))


def _links(path: str, href: str, query: Query, total: int) -> list[dict[str, str]]:
    links = [{"rel": "self", "href": href}]
    if (following := query.start_row + query.row_count) <= total:
        further = href.replace(f"startRow={query.start_row}", f"startRow={following}")
        links.append({"rel": "next", "href": further})
    return [*links, {"rel": "metadata", "href": f"{_API}/{path}/metadata"}]
