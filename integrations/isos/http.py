"""Asking operators for files: paced, retried, cut off while a source is down, and never fooled by an error page.

One `Fetcher` serves all workers of a process, so that they share each source's pace. Whatever comes back is either the
bytes of a file, the news that nothing has changed, or an error that says what is the matter with the source.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from integrations.isos.feeds import Request, Source

ATTEMPTS = 5
LONGEST_WAIT_S = 60.0
LARGEST_ANSWER_BYTES = 1 << 30
LONGEST_ANSWER_S = 300.0
FAILURES_UNTIL_OPEN = 5
OPEN_FOR_S = 60.0
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
_HTML = re.compile(rb"(?is)\s*(<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b")
_EMPTY_ZIP = b"PK\x05\x06"


class FetchFailed(Exception):
    """A request that brought no file.

    `lasting` says that asking again soon will not help (404, a refused key), `is_absent` that the source has no such
    file, or none yet. `troubles` are the tries before it that went wrong.
    """

    def __init__(self, message: str, *, lasting: bool = False, is_absent: bool = False) -> None:
        super().__init__(message)
        self.lasting = lasting
        self.is_absent = is_absent
        self.troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Trouble:
    """A try that went wrong, whatever came of the next one.

    `kind` is too_many_requests, server_error, unreachable, too_slow, broken_off, empty or error_page.
    """

    kind: str
    reason: str


class _Again(Exception):
    """Worth another try, after `wait_s` where the source said how long."""

    def __init__(self, kind: str, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_s = wait_s


@dataclass(frozen=True)
class Validators:
    """What a conditional request sends back: the answer's ETag and Last-Modified."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True)
class Fetched:
    """The bytes behind a request, or None where they are the ones known already (304); the tries that went wrong."""

    content: bytes | None
    validators: Validators
    troubles: tuple[Trouble, ...] = ()


@dataclass
class _Gate:
    """One source's pace and breaker, shared by all threads."""

    next_start: float = 0.0
    failures: int = 0
    open_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Fetcher:
    """Sends requests to sources. `base_urls`, `keys` and `paces` are by source name and replace a source's own.

    `sleep` and `clock` (seconds, monotonic) go by the clock of the market that is asked. `patience_s` is how long the
    body of an answer may take, on the wall clock: each of its pieces may come in time and the whole never.
    """

    def __init__(
        self,
        client: httpx2.Client | None = None,
        *,
        base_urls: Mapping[str, str] | None = None,
        keys: Mapping[str, str] | None = None,
        paces: Mapping[str, float] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = LONGEST_ANSWER_S,
    ) -> None:
        self._client = client
        self._base_urls = base_urls or {}
        self._keys = {} if keys is None else keys  # one that is empty now may have keys later
        self._paces = paces or {}
        self._sleep = sleep
        self._clock = clock
        self._patience_s = patience_s
        self._gates: dict[str, _Gate] = {}
        self._lock = threading.Lock()
        self._retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            retry=retry_if_exception_type(_Again),
            wait=_wait,
            sleep=sleep,
            reraise=True,
        )

    def fetch(self, source: Source, request: Request, known: Validators | None = None) -> Fetched:
        """The answer to one request, after as many tries as it takes. Raises FetchFailed naming source and reason."""
        gate, troubles = self._gate(source), list[Trouble]()
        try:
            fetched: Fetched = self._retrying(self._once, gate, source, request, known or Validators(), troubles)
        except (_Again, FetchFailed) as error:
            raise _failed(f"{source.name}, {request.name}", error, troubles) from None
        return replace(fetched, troubles=tuple(troubles))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def _gate(self, source: Source) -> _Gate:
        with self._lock:
            return self._gates.setdefault(source.name, _Gate())

    def _once(
        self, gate: _Gate, source: Source, request: Request, known: Validators, troubles: list[Trouble]
    ) -> Fetched:
        self._take_turn(gate, source)
        try:
            fetched = self._ask(source, request, known)
        except _Again as error:
            troubles.append(Trouble(error.kind, str(error)))
            with gate.lock:
                gate.failures += 1
                if gate.failures >= FAILURES_UNTIL_OPEN:
                    gate.open_until = self._clock() + OPEN_FOR_S
            raise
        with gate.lock:
            gate.failures = 0
        return fetched

    def _take_turn(self, gate: _Gate, source: Source) -> None:
        """Waits for this source's next slot; raises FetchFailed at once while its breaker is open."""
        with gate.lock:
            now = self._clock()
            if now < gate.open_until:
                left = gate.open_until - now
                raise FetchFailed(
                    f"{source.name} failed {gate.failures} times in a row; it is left alone for {left:.0f} s"
                )
            start = max(now, gate.next_start)
            gate.next_start = start + self._paces.get(source.name, source.seconds_between_requests)
        if start > now:
            self._sleep(start - now)

    def _ask(self, source: Source, request: Request, known: Validators) -> Fetched:
        url = self._base_urls.get(source.name, source.base_url).rstrip("/") + "/" + request.path.lstrip("/")
        headers = {"User-Agent": "254carbon", **request.headers, **known.headers(), **self._key_header(source)}
        try:
            with self._connected().stream("GET", url, params=dict(request.params) or None, headers=headers) as answer:
                _check_status(answer)
                validators = Validators(answer.headers.get("etag"), answer.headers.get("last-modified"))
                if answer.status_code == httpx2.codes.NOT_MODIFIED:
                    return Fetched(None, known)
                content = _read(answer, time.monotonic() + self._patience_s)
        except httpx2.TransportError as error:
            kind = "too_slow" if isinstance(error, httpx2.TimeoutException) else "unreachable"
            raise _Again(kind, f"{type(error).__name__} {error}".strip()) from error
        _check_content(content)
        return Fetched(content, validators)

    def _connected(self) -> httpx2.Client:
        """Made when it is first needed: it reads every certificate that the machine trusts."""
        with self._lock:
            self._client = self._client or httpx2.Client(timeout=_TIMEOUT, follow_redirects=False)
            return self._client

    def _key_header(self, source: Source) -> dict[str, str]:
        if source.key_header is None:
            return {}
        key = self._keys.get(source.name)
        if key is None:
            raise FetchFailed(f"{source.name} wants an API key, and none is set for it", lasting=True)
        return {source.key_header: key}


def _check_status(answer: httpx2.Response) -> None:
    status = answer.status_code
    if status in (httpx2.codes.OK, httpx2.codes.NOT_MODIFIED):
        return
    if status == httpx2.codes.TOO_MANY_REQUESTS or status >= 500:
        kind = "too_many_requests" if status == httpx2.codes.TOO_MANY_REQUESTS else "server_error"
        raise _Again(kind, f"the source answered {status}", _retry_after(answer))
    raise FetchFailed(
        f"{answer.request.url.host} answered {status} for {answer.request.url.path}",
        lasting=True,
        is_absent=status in (httpx2.codes.NOT_FOUND, httpx2.codes.GONE),
    )


def _retry_after(answer: httpx2.Response) -> float | None:
    """Seconds that the source asks to wait, whether it gives a number or a date."""
    given = answer.headers.get("retry-after", "")
    if given.isdigit():
        return min(float(given), LONGEST_WAIT_S)
    try:
        return min(max(0.0, (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()), LONGEST_WAIT_S)
    except (TypeError, ValueError):
        return None


def _read(answer: httpx2.Response, deadline: float) -> bytes:
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if time.monotonic() > deadline:
            raise _Again("too_slow", f"after {len(content):,} bytes the answer had taken longer than it may")
        if len(content) > LARGEST_ANSWER_BYTES:
            raise FetchFailed(f"{answer.request.url.host} sent more than 1 GiB", lasting=True)
    expected = answer.headers.get("content-length")
    if expected and "content-encoding" not in answer.headers and int(expected) != len(content):
        raise _Again("broken_off", f"the answer broke off after {len(content):,} of {expected} bytes")
    return bytes(content)


def _check_content(content: bytes) -> None:
    """What comes with status 200 and is no file all the same. Operators' error answers in XML are the catalogue's."""
    if not content.strip():
        raise _Again("empty", "the answer is empty")
    if content.startswith(_EMPTY_ZIP):
        raise _Again("empty", "the answer is an empty zip")
    if _HTML.match(content[:4096]):
        raise _Again("error_page", "an HTML page came with status 200 instead of a file")


def _failed(what: str, error: _Again | FetchFailed, troubles: Sequence[Trouble]) -> FetchFailed:
    """What is raised for good. Without its frames: the last try holds its error, and so they would keep each other and
    what had come of the answer, until the collector looks.
    """
    failed = error if isinstance(error, FetchFailed) else FetchFailed(f"{what}: {error}")
    failed.troubles = tuple(troubles)
    error.__traceback__ = None
    return failed


_backoff = wait_random_exponential(multiplier=1.0, max=LONGEST_WAIT_S)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_s if isinstance(error, _Again) else None
    return asked if asked is not None else _backoff(state)
