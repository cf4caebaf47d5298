"""ERCOT's feeds: reports by a list of their documents (MIS), and dashboards.

MIS answers a list of what it keeps of a report, newest first; each document is downloaded by its DocID, with twins as
CSV and as XML. A document that failed to come out is published again with `_retry_` in its name; both are asked for, in
the order of publication. The moment of publication is read from the document's name, for in the repeated hour of autumn
the list's own stamps have had the wrong offset, while names carry `xhr`. No key is wanted; addresses outside the United
States are refused.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from integrations.isos.ercot.documents import DOCUMENT_LIST
from integrations.isos.ercot.formats import published_at
from integrations.isos.errors import unreadable
from integrations.isos.feeds import AgedOut, Feed, Request, Source

MIS = Source("ercot-mis", "https://www.ercot.com", seconds_between_requests=1.0)
DASHBOARDS = Source(
    "ercot-dashboards", "https://www.ercot.com/api/1/services/read/dashboards", seconds_between_requests=1.0
)

LIST_PATH = "misapp/servlets/IceDocListJsonWS"
DOCUMENT_PATH = "misdownload/servlets/mirDownload"

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_NEVER = timedelta(days=365_000)
_TERMS = "public; ERCOT's terms of use"
_NAMED_YEAR = re.compile(r"_(20\d{2})(?!\d)")


Held = tuple[datetime, datetime]
"""The stretch that a document may hold."""


@dataclass(frozen=True)
class Span:
    """What a document may hold: from `before` its publication to `after` it (negative: it ends before that)."""

    before: timedelta
    after: timedelta

    def around(self, moment_utc: datetime) -> Held:
        return moment_utc - self.before, moment_utc + self.after


@dataclass(frozen=True)
class Listed:
    """An entry of a list."""

    doc_id: str
    name: str
    published_utc: datetime


Choose = Callable[[Listed, datetime, datetime], Held | None]
"""The stretch that a document holds, or None where it is not wanted for a stretch that is asked for."""


def choose_covering(span: Span, document: Listed, start_utc: datetime, end_utc: datetime) -> Held | None:
    """Documents whose span touches the stretch: those of what was measured or cleared."""
    first, last = span.around(document.published_utc)
    return (first, last) if first < end_utc and last > start_utc else None


def choose_published(span: Span, document: Listed, start_utc: datetime, end_utc: datetime) -> Held | None:
    """Documents published within the stretch: of forecasts, each of which reaches over days."""
    return span.around(document.published_utc) if start_utc <= document.published_utc < end_utc else None


def choose_year(document: Listed, start_utc: datetime, end_utc: datetime) -> Held | None:
    """Documents whose name bears a year of the stretch."""
    found = _NAMED_YEAR.search(document.name)
    if not found:
        return None
    first, last = datetime(int(found[1]), 1, 1, tzinfo=UTC), datetime(int(found[1]) + 1, 1, 2, tzinfo=UTC)
    return (first, last) if first < end_utc and last > start_utc else None


def plan_list(
    report_id: int, oldest: timedelta | None, start_utc: datetime, end_utc: datetime, now_utc: datetime
) -> Sequence[Request]:
    """The list of a report's documents, which leads to those of the stretch. Raises AgedOut."""
    if oldest is not None and start_utc < now_utc - oldest:
        since = f"{now_utc - oldest:%Y-%m-%d %H:%M}"
        raise AgedOut(f"ERCOT lists report {report_id} from {since} UTC on, not of {start_utc:%Y-%m-%d %H:%M}")
    params = {"reportTypeId": str(report_id)}
    return [Request(LIST_PATH, f"{report_id}_documents.json", start_utc, end_utc, params=params, is_list=True)]


def follow_list(choose: Choose, request: Request, content: bytes) -> Sequence[Request]:
    """The downloads that a list leads to, oldest first; nothing for a document. Raises UnreadablePublication."""
    if not request.is_list:
        return ()
    requests = []
    for document in sorted(documents_of(request.name, content), key=lambda found: found.published_utc):
        if held := choose(document, request.start_utc, request.end_utc):
            params = {"doclookupId": document.doc_id}
            requests.append(Request(DOCUMENT_PATH, document.name, *held, params=params))
    return requests


def documents_of(name: str, content: bytes) -> Sequence[Listed]:
    """The documents of a list that are no XML twins. Raises UnreadablePublication for anything that is no list."""
    try:
        found: Any = json.loads(content)[DOCUMENT_LIST]
        entries = (found or {}).get("DocumentList") or []
        # A list of one entry comes as that entry.
        entries = [entries] if isinstance(entries, dict) else entries
        documents = [_document(entry["Document"]) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"no list of documents: {type(error).__name__} {str(error)[:100]}"
        raise unreadable(name, problem) from None
    return [document for document in documents if "_xml" not in document.name.lower()]


def _document(entry: Mapping[str, Any]) -> Listed:
    name = str(entry["ConstructedName"])
    published = published_at(name) or datetime.fromisoformat(entry["PublishDate"])
    if published.tzinfo is None:
        raise ValueError(f"PublishDate {entry['PublishDate']!r} has no offset")
    return Listed(str(entry["DocID"]), name, published.astimezone(UTC))


def plan_dashboard(
    name: str, span: Span, start_utc: datetime, end_utc: datetime, now_utc: datetime
) -> Sequence[Request]:
    """The one answer of a dashboard, which holds what is around now. Raises AgedOut for a stretch before it."""
    del start_utc
    first, last = span.around(now_utc)
    if end_utc < first:
        raise AgedOut(f"ERCOT's dashboard {name} serves only what is newest; ask for a report of {end_utc:%Y-%m-%d}")
    return [Request(f"{name}.json", f"{name}.json", first, last)]


@dataclass(frozen=True)
class _Timing:
    """How long MIS keeps a document of a report, how often one comes, and how old the newest may be."""

    kept: timedelta
    cadence: timedelta
    freshness_target: timedelta


def _report(
    name: str, report_id: int, title: str, dataset: str, market: str, span: Span, timing: _Timing,
    *, is_forecast: bool = False,
) -> Feed:  # fmt: skip
    """A document never changes: a correction is another one. So it is settled as soon as it is there."""
    choose = partial(choose_published if is_forecast else choose_covering, span)
    oldest = timing.kept if is_forecast else timing.kept + span.before
    return Feed(
        iso="ERCOT", name=name, title=title, dataset=dataset, market=market, source=MIS,
        plan=partial(plan_list, report_id, oldest), follow=partial(follow_list, choose), cadence=timing.cadence,
        freshness_target=timing.freshness_target, settled_after=-span.after, licence=_TERMS,
    )  # fmt: skip


def _history(name: str, report_id: int, title: str, dataset: str, market: str) -> Feed:
    return Feed(
        iso="ERCOT", name=name, title=title, dataset=dataset, market=market, source=MIS,
        plan=partial(plan_list, report_id, None), follow=partial(follow_list, choose_year), cadence=7 * _DAY,
        freshness_target=14 * _DAY, settled_after=-_NEVER, licence=_TERMS,
    )  # fmt: skip


def _dashboard(name: str, path: str, title: str, span: Span, cadence: timedelta) -> Feed:
    return Feed(
        iso="ERCOT", name=name, title=title, dataset="fundamentals", market="", source=DASHBOARDS,
        plan=partial(plan_dashboard, path, span), cadence=cadence,
        freshness_target=max(10 * _MINUTE, 2 * cadence), settled_after=_NEVER, licence=_TERMS,
    )  # fmt: skip


_WEEK, _MONTH = timedelta(days=7), timedelta(days=31)
# What is cleared day-ahead comes out around noon, for the next Central day.
_NEXT_DAY = Span(timedelta(hours=-6), timedelta(hours=48))
_LAST_QUARTER = Span(30 * _MINUTE, timedelta(0))
_LAST_RUN = Span(15 * _MINUTE, 10 * _MINUTE)
_LAST_DAY = Span(2 * _DAY, timedelta(0))
_COMING_WEEK = Span(3 * _DAY, 9 * _DAY)
_SIXTY_DAYS_AGO = Span(timedelta(days=62), timedelta(days=-58))
_FROM_NOW_ON = Span(timedelta(0), _NEVER // 10)

_DAILY = _Timing(_MONTH, _DAY, 26 * _HOUR)
_DAY_AFTER = _Timing(_MONTH, _DAY, 33 * _HOUR)
_QUARTERLY = _Timing(_WEEK, 15 * _MINUTE, 20 * _MINUTE)
_BY_RUN = _Timing(5 * _DAY, 5 * _MINUTE, 8 * _MINUTE)
_HOURLY = _Timing(_WEEK, _HOUR, 2 * _HOUR)
_DISCLOSED = _Timing(timedelta(days=1462), _DAY, timedelta(days=63))

FEEDS: tuple[Feed, ...] = (
    _report("dam_spp", 12331, "day-ahead settlement point prices", "prices", "DA", _NEXT_DAY, _DAILY),
    _report("dam_bus_lmp", 12328, "day-ahead LMPs by bus", "prices", "DA", _NEXT_DAY, _DAILY),
    _report("rtm_spp", 12301, "settlement point prices", "prices", "RT15", _LAST_QUARTER, _QUARTERLY),
    _report("sced_lmp", 12300, "LMPs by settlement point and run", "prices", "RT5", _LAST_RUN, _BY_RUN),
    _report("sced_bus_lmp", 11485, "LMPs by bus and run", "prices", "RT5", _LAST_RUN, _BY_RUN),
    _report("dam_mcpc", 12329, "day-ahead ancillary prices", "ancillary", "DA", _NEXT_DAY, _DAILY),
    _report("rtm_mcpc", 24898, "ancillary prices", "ancillary", "RT15", _LAST_QUARTER, _QUARTERLY),
    _report("sced_mcpc", 24891, "ancillary prices by run", "ancillary", "RT5", _LAST_RUN, _BY_RUN),
    _report("sced_price_adders", 13221, "price adders by run", "ordc", "RT5", _LAST_RUN, _BY_RUN),
    _report("sced_system_lambda", 13114, "system lambda by run", "ordc", "RT5", _LAST_RUN, _BY_RUN),
    _report("load_by_weather_zone", 13101, "load by weather zone", "fundamentals", "", _LAST_DAY, _DAY_AFTER),
    _report("load_by_zone", 14836, "load by forecast zone", "fundamentals", "", _LAST_DAY, _DAY_AFTER),
    _report("system_demand", 12340, "system-wide demand", "fundamentals", "", _LAST_DAY, _QUARTERLY),
    _report(
        "load_forecast_by_zone", 12311, "load forecast by forecast zone", "fundamentals", "", _COMING_WEEK, _HOURLY,
        is_forecast=True,
    ),
    _report(
        "load_forecast_by_weather_zone_by_model", 14837, "load forecasts by model and weather zone", "fundamentals",
        "", _COMING_WEEK, _HOURLY, is_forecast=True,
    ),
    _report(
        "wind_power", 13028, "wind power, measured and forecast", "fundamentals", "", _COMING_WEEK, _HOURLY,
        is_forecast=True,
    ),
    _report(
        "solar_power", 13483, "solar power, measured and forecast", "fundamentals", "", _COMING_WEEK, _HOURLY,
        is_forecast=True,
    ),
    _report(
        "sced_disclosure", 13052, "60-day disclosure of the dispatch", "disclosures", "RT5", _SIXTY_DAYS_AGO,
        _DISCLOSED,
    ),
    _report(
        "dam_disclosure", 13051, "60-day disclosure of the day-ahead market", "disclosures", "DA", _SIXTY_DAYS_AGO,
        _DISCLOSED,
    ),
    _report(
        "settlement_points", 10008, "buses, resource nodes, hubs and load zones", "places", "", _FROM_NOW_ON,
        _Timing(_MONTH, _WEEK, _MONTH), is_forecast=True,
    ),
    _history("dam_lzhb_spp", 13060, "a year of day-ahead hub and zone prices", "prices", "DA"),
    _history("rtm_lzhb_spp", 13061, "a year of real-time hub and zone prices", "prices", "RT15"),
    _history("dam_mcpc_history", 13091, "a year of day-ahead ancillary prices", "ancillary", "DA"),
    _history("sced_price_adders_history", 13231, "a year of price adders by run", "ordc", "RT5"),
    _history("rtm_price_adders", 13240, "a year of price adders", "ordc", "RT15"),
    _dashboard("dashboard_fuel_mix", "fuel-mix", "generation by fuel", Span(2 * _DAY, _HOUR), 5 * _MINUTE),
    _dashboard("dashboard_demand", "system-wide-demand", "load and its forecasts", Span(2 * _DAY, 2 * _DAY), _HOUR),
    _dashboard("dashboard_storage", "energy-storage-resources", "batteries", Span(2 * _DAY, _HOUR), 5 * _MINUTE),
    _dashboard("dashboard_supply", "supply-demand", "load and capacity", Span(_DAY, 6 * _DAY), 5 * _MINUTE),
)  # fmt: skip
