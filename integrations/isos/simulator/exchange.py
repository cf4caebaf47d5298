"""What a request to the simulated operators gets: the operator's answer, under its manners, with faults if wanted.

No sockets: `server.py` serves it over HTTP, and a test may ask it directly.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Final

from infra.clock import Clock
from integrations.isos.simulator import damage
from integrations.isos.simulator.faults import HELD_BACK, SLOW_BODY_S, Faults
from integrations.isos.simulator.manners import MANNERS, Limiter, Page
from integrations.isos.simulator.operator import Answer, Operator

_DAMAGES: Final[Mapping[str, damage.Damage]] = {
    "duplicated": damage.row_twice,
    "truncated": damage.cut_short,
    "wrong_schema": damage.column_renamed,
}
_ERROR_PAGE = b"<!DOCTYPE html><html><body><h1>We are sorry</h1><p>The service is being maintained.</p></body></html>"
_BUSY_S, _DOWN_S = 10, 5
_RESTATABLE_STATUS = 200


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `takes_s` is how long its body takes, in seconds of the wall clock."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    takes_s: float = 0.0


@dataclass
class _Seen:
    """What an earlier request got: when, and the moment from which the operator had been saying so."""

    at_utc: datetime
    published_at_utc: datetime | None
    # While it holds news back, the moment as of which it answers, and until when.
    as_of_utc: datetime | None = None
    until_utc: datetime | None = None
    restated: datetime | None = None
    was_whole: bool = False


@dataclass
class Exchange:
    """All simulated operators behind one door. `twins` hold the same places at other prices, for restatements."""

    operators: Iterable[Operator]
    twins: Iterable[Operator]
    clock: Clock
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self._by_source = {source: operator for operator in self.operators for source in operator.sources}
        self._twin_of = {source: operator for operator in self.twins for source in operator.sources}
        self._limiter = Limiter()
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._lock = threading.Lock()

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._by_source)

    def reply(self, source: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """What a GET gets; `path` is below the source's base URL, `headers` have small letters."""
        if source not in self._by_source:
            return Reply(404, f"There is no source {source}.\n".encode(), {"content-type": "text/plain"})
        manners, now_utc = MANNERS[source], self.clock.now()
        key = headers.get(manners.key_header or "", "")
        if manners.no_key and not key:
            return _page(401, manners.no_key)
        if wait_s := self._limiter.wait_s(source, key, self.clock.seconds()):
            assert manners.limit is not None
            return _page(429, manners.limit.refusal, wait_s)
        request = "&".join((path, *(f"{name}={value}" for name, value in sorted(params.items()))))
        return self._served(source, path, params, request, headers, now_utc)

    def _served(
        self,
        source: str,
        path: str,
        params: Mapping[str, str],
        request: str,
        headers: Mapping[str, str],
        now_utc: datetime,
    ) -> Reply:
        seen = self._seen.get((source, request))
        held = seen if seen and seen.until_utc and now_utc < seen.until_utc else None
        as_of_utc = held.as_of_utc if held and held.as_of_utc else now_utc
        answer = self._by_source[source].answer(source, path, params, as_of_utc)
        restated = seen.restated if seen else None

        def can_be(kind: str) -> bool:
            return self._can_be(kind, answer, seen, is_held=held is not None)

        kind = self.faults.inject(source, path, request, now_utc, can_be)
        published = answer.published_at_utc if answer else None
        if kind == "late":
            before_utc = seen.at_utc if seen else now_utc - HELD_BACK
            answer = self._by_source[source].answer(source, path, params, before_utc)
            held = _Seen(now_utc, None, before_utc, now_utc + HELD_BACK)
        if kind == "restated":
            restated = published
        was_whole = kind in (None, "late", "restated") or (kind == "slow" and seen is not None and seen.was_whole)
        noted = _Seen(now_utc, answer.published_at_utc if answer else None, restated=restated, was_whole=was_whole)
        if held:
            noted.as_of_utc, noted.until_utc = held.as_of_utc, held.until_utc
        with self._lock:
            self._seen[source, request] = noted
        # What was restated stays so until the operator publishes something newer there.
        if answer and restated is not None and restated == answer.published_at_utc:
            answer = self._twin_of[source].answer(source, path, params, as_of_utc) or answer
        return _spoilt(kind, source) or _damaged(kind, answer, source, headers)

    def _can_be(self, kind: str, answer: Answer | None, seen: _Seen | None, *, is_held: bool) -> bool:
        """Whether whoever asks could tell the difference."""
        if answer is None or answer.status != _RESTATABLE_STATUS or is_held:
            return False
        is_news = seen is None or seen.published_at_utc != answer.published_at_utc
        if kind == "late":
            return is_news
        if kind == "restated":
            return not is_news and not _is_list(answer) and seen is not None and seen.was_whole and not seen.restated
        if kind in _DAMAGES:
            return is_news and not _is_list(answer) and _DAMAGES[kind](answer.content) is not None
        return True


def _is_list(answer: Answer) -> bool:
    """A list of documents holds no prices; what is wrong with one is seen at once."""
    return b"ListDocsByRptTypeRes" in answer.content[:200]


def _spoilt(kind: str | None, source: str) -> Reply | None:
    """Answers that have nothing to do with what was asked for."""
    if kind == "missing":
        return _page(404, MANNERS[source].absent)
    if kind == "too_many":
        limit = MANNERS[source].limit
        return _page(429, limit.refusal if limit else Page("text/plain", "Too many requests\n"), _BUSY_S)
    if kind == "unavailable":
        return _page(503, Page("text/plain", "Service unavailable\n"), _DOWN_S)
    if kind == "error_page":
        return Reply(200, _ERROR_PAGE, {"content-type": "text/html; charset=utf-8"})
    return None


def _damaged(kind: str | None, answer: Answer | None, source: str, headers: Mapping[str, str]) -> Reply:
    """The operator's answer, or 304 where whoever asks has it."""
    if answer is None:
        return _page(404, MANNERS[source].absent)
    content = answer.content
    if kind and kind in _DAMAGES:
        content = _DAMAGES[kind](content) or content
    if answer.status != _RESTATABLE_STATUS:
        return Reply(answer.status, content, {"content-type": answer.media_type})
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    validators = {"etag": etag, "last-modified": format_datetime(answer.published_at_utc, usegmt=True)}
    if kind is None and _is_known(headers, etag, answer.published_at_utc):
        return Reply(304, b"", validators)
    takes_s = SLOW_BODY_S if kind == "slow" else 0.0
    return Reply(200, content, validators | {"content-type": answer.media_type}, takes_s)


def _is_known(headers: Mapping[str, str], etag: str, published_at_utc: datetime) -> bool:
    """RFC 9110, section 13.2.2: an ETag decides, and a date only where there is none."""
    if known := headers.get("if-none-match"):
        return etag in known or known.strip() == "*"
    try:
        return parsedate_to_datetime(headers["if-modified-since"]) >= published_at_utc.replace(microsecond=0)
    except (KeyError, ValueError, TypeError):
        return False


def _page(status: int, page: Page, wait_s: int = 0) -> Reply:
    headers = {"content-type": page.media_type} | ({"retry-after": str(wait_s)} if wait_s else {})
    return Reply(status, page.written(wait_s), headers)
