"""Fetching feeds: ask, keep the bytes, let in what they hold, and record the answer so that nobody asks again."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID, uuid4

from pydantic import AwareDatetime, Field

from commands.message import Answer, Caller, Command, Context, Tools, example
from commands.publications import IngestPublication, Sha256, survey_upload
from integrations.isos.errors import UnreadablePublication
from integrations.isos.feeds import Feed, Request
from integrations.isos.http import Fetched, FetchFailed, Trouble, Validators
from write_model.feeds import FeedFetch, FetchedAnswer, fetch_id
from write_model.publications import Publication

# A chain of pages or of lists that leads on for ever is a fault of the source.
MOST_REQUESTS = 100_000


class RecordFetch(Command):
    """An answer of a source to one request of a feed, after what it holds was let in."""

    model_config = example(
        feed="pjm.da_hrl_lmps",
        request_key="2026-01-31",
        start_utc="2026-01-31T05:00:00Z",
        end_utc="2026-02-01T05:00:00Z",
        object="5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
        size_bytes=1_048_576,
    )

    feed: Annotated[str, Field(min_length=1, max_length=100)]
    request_key: Annotated[str, Field(min_length=1, max_length=4000)]
    start_utc: AwareDatetime
    end_utc: AwareDatetime
    object: Sha256
    size_bytes: Annotated[int, Field(ge=0)]
    publications: Annotated[tuple[UUID, ...], Field(max_length=100_000)] = ()
    etag: Annotated[str, Field(max_length=500)] | None = None
    last_modified: Annotated[str, Field(max_length=100)] | None = None
    is_settled: bool = False
    last_interval_end_utc: AwareDatetime | None = None
    asked_at: Annotated[str, Field(max_length=1000)] | None = None


def stream_of_fetch(command: RecordFetch, caller: Caller, _: Tools) -> UUID:
    return fetch_id(caller.tenant, command.feed, command.request_key)


def handle_record_fetch(command: RecordFetch, fetch: FeedFetch | None, context: Context) -> FeedFetch:
    answer = FetchedAnswer(
        raw_sha256=command.object,
        size_bytes=command.size_bytes,
        publications=command.publications,
        etag=command.etag,
        last_modified=command.last_modified,
        fetched_at=context.tools.now(),
        is_settled=command.is_settled,
        last_interval_end_utc=command.last_interval_end_utc,
        asked_at=command.asked_at,
    )
    if fetch is None:
        return FeedFetch.record(
            context.stream_id,
            feed=command.feed,
            request_key=command.request_key,
            start_utc=command.start_utc,
            end_utc=command.end_utc,
            answer=answer,
        )
    fetch.record_again(answer)
    return fetch


class Fetches(Protocol):
    """Sends one request of a feed's source. Raises FetchFailed."""

    def __call__(self, feed: Feed, request: Request, known: Validators) -> Fetched: ...


class Dispatch(Protocol):
    """The bus: handles one command."""

    def __call__(self, command: Command, caller: Caller) -> Answer: ...


@dataclass
class FeedRun:
    """What came of running a feed: requests by outcome, and what failed with the reason.

    `awaited` are files that the source does not have and, by the feed's freshness target, need not have yet: until
    they come, what ends at their start is the newest. Of what `failed`, `absent` are files that should have been
    there, and `passing` is what asking again soon may mend. `damaged` are answers in which something was quarantined
    that was not on record of their request. `troubles` are single tries that went wrong, whether or not a later one
    went well.
    """

    requests: int = 0
    known: int = 0
    unchanged: int = 0
    fetched: int = 0
    awaited: int = 0
    absent: int = 0
    passing: int = 0
    damaged: int = 0
    publications: int = 0
    quarantined: int = 0
    bytes_fetched: int = 0
    newest_interval_end_utc: datetime | None = None
    failed: list[dict[str, str]] = field(default_factory=list)
    troubles: list[dict[str, str]] = field(default_factory=list)


Progress = Callable[[FeedRun, int], None]


def run_feed(
    feed: Feed,
    start_utc: datetime,
    end_utc: datetime,
    *,
    tools: Tools,
    dispatch: Dispatch,
    fetch: Fetches,
    caller: Caller,
    progress: Progress,
    asked_at: str | None = None,
) -> FeedRun:
    """Fetches what a feed has of [start, end) and is not known yet; `progress` gets the run and the requests left.

    `asked_at` is the address that was asked instead of the operator's own, and is kept with every answer.

    Interrupted and run again it goes on: each answer is on record, and a settled one is not asked for again. A request
    that fails does not stop the others. Raises AgedOut where the source no longer serves the stretch.
    """
    run = FeedRun()
    worker = _Worker(feed, tools, dispatch, fetch, caller, run, asked_at)
    waiting = deque(feed.plan(start_utc, end_utc, tools.now()))
    seen = {request.key for request in waiting}
    while waiting:
        progress(run, len(waiting))
        request = waiting.popleft()
        run.requests += 1
        for further in worker.serve(request):
            if further.key not in seen and len(seen) < MOST_REQUESTS:
                seen.add(further.key)
                waiting.append(further)
    progress(run, 0)
    return run


@dataclass(frozen=True)
class _LetIn:
    """What an answer brought in."""

    publications: tuple[UUID, ...] = ()
    last_interval_end_utc: datetime | None = None
    is_whole: bool = True


@dataclass
class _Worker:
    """Serves the requests of one run."""

    feed: Feed
    tools: Tools
    dispatch: Dispatch
    fetch: Fetches
    caller: Caller
    run: FeedRun
    asked_at: str | None

    def serve(self, request: Request) -> tuple[Request, ...]:
        """Fetches and records one request; returns those that its answer leads to."""
        known = self._known(request)
        if known and known.answer.is_settled:
            self.run.known += 1
            self._see(known.answer.last_interval_end_utc)
            return self._followed(request, self.tools.objects.get("raw", known.answer.raw_sha256))
        validators = Validators(known.answer.etag, known.answer.last_modified) if known else Validators()
        try:
            fetched = self.fetch(self.feed, request, validators)
            self._note(request, fetched.troubles)
            if fetched.content is None:
                assert known is not None
                self.run.unchanged += 1
                content = self.tools.objects.get("raw", known.answer.raw_sha256)
                self._record(request, content, self._let_in_before(known.answer), validators)
            else:
                content = fetched.content
                self.run.fetched += 1
                self.run.bytes_fetched += len(content)
                let_in = self._let_in(request, content)
                # The same damage a second time is the source's own: asking soon again would not help.
                was_damaged = known is not None and known.answer.publications == let_in.publications
                self.run.damaged += not let_in.is_whole and not was_damaged
                self._record(request, content, let_in, fetched.validators)
            return self._followed(request, content)
        except FetchFailed as error:
            self._note(request, error.troubles)
            if error.is_absent and self.tools.now() < request.start_utc + self.feed.freshness_target:
                self.run.awaited += 1
                return ()
            self.run.failed.append({"request": request.key, "reason": str(error)})
            self.run.absent += error.is_absent
            self.run.passing += not error.lasting
            return ()

    def _note(self, request: Request, troubles: Sequence[Trouble]) -> None:
        self.run.troubles += [{"request": request.key, "kind": each.kind, "reason": each.reason} for each in troubles]

    def _known(self, request: Request) -> FeedFetch | None:
        loaded = self.tools.read_aggregate(FeedFetch, fetch_id(self.caller.tenant, self.feed.id, request.key))
        return loaded.value if loaded else None

    def _let_in(self, request: Request, content: bytes) -> _LetIn:
        if request.is_list:
            self._followed(request, content)  # what is no list is refused before it is kept
            self.tools.objects.put("raw", content)
            return _LetIn()
        if self.feed.is_empty(content):
            raise FetchFailed(
                f"{self.feed.source.name}, {request.name}: the source has nothing for it, or nothing yet",
                is_absent=True,
            )
        sha256 = self.tools.uploads.keep(self.caller.tenant, content)
        payloads, _ = survey_upload(self.tools, self.caller.tenant, sha256, request.name, named=True)
        found: list[UUID] = []
        ends: list[datetime] = []
        is_whole = True
        for payload in payloads:
            message = IngestPublication(objects=tuple(payload.objects), names=tuple(payload.names), place=payload.place)
            answer = self.dispatch(message, replace(self.caller, command_id=uuid4()))
            self.run.publications += answer.status != "quarantined"
            self.run.quarantined += answer.status == "quarantined"
            is_whole &= answer.status != "quarantined"
            ends += self._checked_end(request, answer.id)
            found.append(answer.id)
        return _LetIn(tuple(found), max(ends, default=None), is_whole)

    def _let_in_before(self, answer: FetchedAnswer) -> _LetIn:
        """What the answer that has come again brought in when it came first."""
        loaded = [self.tools.read_aggregate(Publication, publication) for publication in answer.publications]
        is_whole = all(found is not None and found.value.reading is not None for found in loaded)
        return _LetIn(answer.publications, answer.last_interval_end_utc, is_whole)

    def _checked_end(self, request: Request, publication_id: UUID) -> list[datetime]:
        """Where its last interval ends, if it has one; a forecast beside measurements is passed over.

        Yesterday's file under today's name must not pass for fresh.
        """
        loaded = self.tools.read_aggregate(Publication, publication_id)
        reading = loaded.value.reading if loaded else None
        if reading is None or reading.dataset == "places":
            return []
        if reading.last_interval_end_utc <= request.start_utc or reading.first_interval_start_utc >= request.end_utc:
            raise FetchFailed(
                f"{self.feed.source.name}, {request.name}: it holds {reading.first_interval_start_utc.isoformat()} to "
                f"{reading.last_interval_end_utc.isoformat()}, which is not the stretch asked for"
            )
        return [reading.measured_until_utc or reading.last_interval_end_utc]

    def _record(self, request: Request, content: bytes, let_in: _LetIn, validators: Validators) -> None:
        """What was quarantined is never settled: the source may mend it, however old it is."""
        self._see(let_in.last_interval_end_utc)
        is_past = self.tools.now() >= request.end_utc + self.feed.settled_after
        message = RecordFetch(
            feed=self.feed.id,
            request_key=request.key,
            start_utc=request.start_utc,
            end_utc=request.end_utc,
            object=self.tools.objects.key(content),
            size_bytes=len(content),
            publications=let_in.publications,
            last_interval_end_utc=let_in.last_interval_end_utc,
            etag=validators.etag,
            last_modified=validators.last_modified,
            asked_at=self.asked_at,
            is_settled=not request.is_list and let_in.is_whole and is_past,
        )
        self.dispatch(message, replace(self.caller, command_id=uuid4()))

    def _see(self, end_utc: datetime | None) -> None:
        ends = [end for end in (self.run.newest_interval_end_utc, end_utc) if end]
        self.run.newest_interval_end_utc = max(ends, default=None)

    def _followed(self, request: Request, content: bytes) -> tuple[Request, ...]:
        try:
            return tuple(self.feed.follow(request, content))
        except UnreadablePublication as error:
            raise FetchFailed(f"{self.feed.source.name}, {error.reason}") from None
