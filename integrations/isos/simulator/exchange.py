"""What a request to the simulated operators gets: the operator's answer, under its manners, with faults if wanted.

No sockets: `server.py` serves it over HTTP, and a test may ask it directly.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
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
# A request that nobody has sent for so long is a new one. Whoever polls sends it every week.
_FORGOTTEN_AFTER = timedelta(days=8)
_FEW = 1_000
_OK = 200


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. `takes_s` is how long its body takes, in seconds of the wall clock."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    takes_s: float = 0.0


@dataclass(frozen=True)
class _Memory:
    """What earlier requests of the same name got.

    `asked_at_utc` is when it came last, and `published_at_utc` since when the operator had been saying what it then
    said. Until `held_until_utc` news are held back and it is answered as of `held_as_of_utc`. `restated_utc` is the
    publication that is restated. `is_known` says that whoever asks has had that publication undamaged.
    """

    asked_at_utc: datetime | None = None
    published_at_utc: datetime | None = None
    held_as_of_utc: datetime | None = None
    held_until_utc: datetime | None = None
    restated_utc: datetime | None = None
    is_known: bool = False

    def holds_back(self, now_utc: datetime) -> bool:
        return self.held_until_utc is not None and now_utc < self.held_until_utc

    def is_old(self, now_utc: datetime) -> bool:
        return self.asked_at_utc is not None and now_utc > self.asked_at_utc + _FORGOTTEN_AFTER

    def as_of(self, now_utc: datetime) -> datetime:
        """The moment as of which a request is answered."""
        return self.held_as_of_utc if self.held_as_of_utc and self.holds_back(now_utc) else now_utc

    def can_be(self, kind: str, answer: Answer | None, now_utc: datetime) -> bool:
        """Whether whoever asks could tell the difference that a fault makes."""
        if answer is None or answer.status != _OK or self.holds_back(now_utc):
            return False
        is_news = self.published_at_utc != answer.published_at_utc
        if kind == "late":
            return is_news and answer.published_at_utc > self._before(now_utc)
        if kind == "restated":
            is_so_already = self.restated_utc == answer.published_at_utc
            return not is_news and self.is_known and not is_so_already and not _is_list(answer)
        if kind in _DAMAGES:
            return is_news and not _is_list(answer) and _DAMAGES[kind](answer.content) is not None
        return True

    def holding_back(self, now_utc: datetime) -> "_Memory":
        return replace(self, held_as_of_utc=self._before(now_utc), held_until_utc=now_utc + HELD_BACK)

    def _before(self, now_utc: datetime) -> datetime:
        """When it was asked last, or could have been: what was published since is news to whoever asks."""
        return self.asked_at_utc or now_utc - HELD_BACK

    def after(self, kind: str | None, answer: Answer | None, now_utc: datetime) -> "_Memory":
        """What is remembered once `answer` was given with that fault."""
        published = answer.published_at_utc if answer else None
        was_whole = kind in (None, "late", "restated")
        return replace(
            self,
            asked_at_utc=now_utc,
            published_at_utc=published,
            restated_utc=published if kind == "restated" else self.restated_utc,
            is_known=was_whole or (self.is_known and published == self.published_at_utc),
        )


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
        self._memory: dict[tuple[str, str], _Memory] = {}
        self._looked_through_at = _FEW

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(self._by_source)

    def reply(self, source: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """What a GET gets; `path` is below the source's base URL, `headers` have small letters."""
        if source not in self._by_source:
            return Reply(404, f"There is no source {source}.\n".encode(), {"content-type": "text/plain"})
        manners = MANNERS[source]
        key = headers.get(manners.key_header or "", "")
        if manners.no_key and not key:
            return _page(401, manners.no_key)
        if wait_s := self._limiter.wait_s(source, key, self.clock.seconds()):
            assert manners.limit is not None
            return _page(429, manners.limit.refusal, wait_s)
        kind, answer = self._answered(source, path, params)
        return _spoilt(kind, source) or _sent(kind, answer, source, headers)

    def _answered(self, source: str, path: str, params: Mapping[str, str]) -> tuple[str | None, Answer | None]:
        """The fault that a request gets, if any, and the answer, which may be late or restated but is not damaged."""
        now_utc = self.clock.now()
        request = "&".join((path, *(f"{name}={value}" for name, value in sorted(params.items()))))
        memory = self._memory.get((source, request), _Memory())
        operator = self._by_source[source]
        answer = operator.answer(source, path, params, memory.as_of(now_utc))
        kind = self.faults.inject(source, path, request, now_utc, lambda kind: memory.can_be(kind, answer, now_utc))
        if kind == "late":
            memory = memory.holding_back(now_utc)
            answer = operator.answer(source, path, params, memory.as_of(now_utc))
        memory = self._memory[source, request] = memory.after(kind, answer, now_utc)
        if len(self._memory) > self._looked_through_at:
            self._forget(now_utc)
        # What was restated stays so until the operator publishes something newer there.
        if answer and memory.restated_utc == answer.published_at_utc:
            answer = self._twin_of[source].answer(source, path, params, memory.as_of(now_utc)) or answer
        return kind, answer

    def _forget(self, now_utc: datetime) -> None:
        """Requests that come no more: a market names its documents after their times, and runs for years.

        What was restated stays so.
        """
        for (source, request), memory in list(self._memory.items()):
            if memory.is_old(now_utc) and memory.restated_utc is None:
                self._memory.pop((source, request), None)
                self.faults.forget(source, request)
        self._looked_through_at = _FEW + 2 * len(self._memory)


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


def _sent(kind: str | None, answer: Answer | None, source: str, headers: Mapping[str, str]) -> Reply:
    """The operator's answer, damaged if it is to be; or 304 where whoever asks has it."""
    if answer is None:
        return _page(404, MANNERS[source].absent)
    content = answer.content
    if kind and kind in _DAMAGES:
        content = _DAMAGES[kind](content) or content
    if answer.status != _OK:
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
