"""ERCOT's MIS and dashboards as they answer, from a simulated market.

XML twins are not listed. The web site has the workbooks of
`ercot_grid_information` besides.

A report is a list of its documents, newest first, and a document is a download by its DocID; both are there from the
moment of publication to the end of the day that they are kept until. Documents are never restated: ERCOT publishes
corrections of prices elsewhere.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from integrations.isos.ercot.documents import DOCUMENT_LIST
from integrations.isos.ercot.feeds import DASHBOARDS, DOCUMENT_PATH, LIST_PATH, MIS
from integrations.isos.simulator import ercot_dashboards
from integrations.isos.simulator.ercot_grid_information import file_at
from integrations.isos.simulator.ercot_reports import REPORTS
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.operator import Answer

_ZIP, _JSON = "application/zip", "application/json"
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
# Day-ahead documents come out before the day that they are of begins; those of hours and minutes within the hour.
_BEFORE_KEY_S: Final = _DAY_S
_MINUTE_S: Final = 60
_DASHBOARD_S: Final = 300


@dataclass(frozen=True)
class ErcotOperator:
    """ERCOT's public endpoints over a market."""

    market: GridMarket

    @property
    def sources(self) -> tuple[str, ...]:
        return (MIS.name, DASHBOARDS.name)

    def answer(self, source: str, path: str, params: Mapping[str, str], now_utc: datetime) -> Answer | None:
        """See `operator.Operator`."""
        if source == DASHBOARDS.name:
            return self._dashboard(path.removesuffix(".json"), now_utc)
        if source == MIS.name and path == LIST_PATH:
            return self._list(params.get("reportTypeId", ""), now_utc)
        if source == MIS.name and path == DOCUMENT_PATH:
            return self._download(params.get("doclookupId", ""), now_utc)
        if source == MIS.name and (found := file_at(self.market, path, now_utc)):
            content, published = found
            return Answer(content, published.astimezone(UTC), _ZIP if path.endswith("zip") else _WORKBOOK)
        return None

    def _dashboard(self, name: str, now_utc: datetime) -> Answer | None:
        """A dashboard is renewed each five minutes."""
        if name not in ercot_dashboards.DASHBOARDS:
            return None
        updated_s = int(now_utc.timestamp()) // _DASHBOARD_S * _DASHBOARD_S
        content = ercot_dashboards.DASHBOARDS[name](self.market, updated_s)
        return Answer(content, datetime.fromtimestamp(updated_s, UTC), _JSON)

    def _list(self, number: str, now_utc: datetime) -> Answer | None:
        report = REPORTS.get(int(number)) if number.isdecimal() else None
        if report is None:
            return None
        now_s = int(now_utc.timestamp())
        oldest_s = now_s - int(report.timing.kept.total_seconds()) - _DAY_S
        latest_s = int(report.timing.latest.total_seconds())
        before_s, after_s = (_BEFORE_KEY_S, latest_s) if report.timing.step_s >= _DAY_S else (0, _HOUR_S)
        keys = report.timing.keys(max(oldest_s - after_s, report.since), now_s + before_s)
        known = [_listed(report.number, self.market.seed, key) for key in keys]
        there = [each for each in known if each.published_s <= now_utc.timestamp() < each.expires_s]
        documents = [each.entry for each in reversed(there)]
        newest = datetime.fromtimestamp(there[-1].published_s, UTC) if there else now_utc
        # One document stands by itself, none is nothing.
        listed = documents if len(documents) > 1 else documents[0] if documents else None
        return Answer(json.dumps({DOCUMENT_LIST: {"DocumentList": listed}}).encode(), newest, _JSON)

    def _download(self, doc_id: str, now_utc: datetime) -> Answer | None:
        """A DocID is the report's five digits and its key in minutes."""
        report = REPORTS.get(int(doc_id[:5])) if doc_id.isdecimal() else None
        if report is None or not 5 < len(doc_id) < 15:
            return None
        key = int(doc_id[5:]) * _MINUTE_S
        longest = report.timing.kept + report.timing.latest + timedelta(days=1)
        is_near = abs(key - now_utc.timestamp()) < longest.total_seconds()
        if key < report.since or not is_near or key not in report.timing.keys(key, key + 1):
            return None
        published = report.timing.published(self.market.seed, key)
        if not published <= now_utc < report.timing.expires(self.market.seed, key):
            return None
        return Answer(written(self.market, report.number, key), published.astimezone(UTC), _ZIP)


# What takes long, a history or a disclosure, is asked for by few.
@lru_cache(maxsize=8)
def written(market: GridMarket, number: int, key: int) -> bytes:
    """The document of a report's number and a key."""
    return REPORTS[number].document(market, key).content


@dataclass(frozen=True)
class _Listed:
    """What a list says of a document, and from when to when it is there, in seconds since 1970."""

    published_s: float
    expires_s: float
    entry: Mapping[str, Any]


# A list has up to 1,440 documents and is asked for again and again, while a document never changes.
@lru_cache(maxsize=16_000)  # five reports by run, with what is kept of each, and four years of disclosures
def _listed(number: int, seed: int, key: int) -> _Listed:
    report = REPORTS[number]
    published = report.timing.published(seed, key)
    expires = report.timing.expires(seed, key)
    name = report.zip_name(seed, key)
    document = {
        "ExpiredDate": (expires - timedelta(seconds=1)).isoformat(timespec="seconds"),
        "ILMStatus": "EXT",
        "SecurityStatus": "P",
        "Extension": "zip",
        "ReportTypeID": str(number),
        "Prefix": name.partition(".")[0],
        "FriendlyName": f"{report.name}{report.suffix}",
        "ConstructedName": name,
        "DocID": f"{number}{key // _MINUTE_S}",
        "PublishDate": published.isoformat(timespec="seconds"),
        "ReportName": report.title,
        "DUNS": "0000000000000000",
        "DocCount": "0",
    }
    return _Listed(published.timestamp(), expires.timestamp(), {"Document": document})
