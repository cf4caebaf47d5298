"""What was asked of operators, and what came: one stream a request of a feed, so that nothing is asked for twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from write_model.base import Aggregate, stream_id

NOUN = "feed fetch"


@dataclass(frozen=True)
class FetchedAnswer:
    """An answer of a source: the bytes' hash, what became of them, and by what a later request may be conditional.

    `is_settled` says that the stretch can no longer change, so that it need not be asked for again. The last interval
    end is that of what was let in; None where nothing was (a list, a quarantined file). `asked_at` is the address that
    was asked instead of the operator's own, such as a simulator's.
    """

    raw_sha256: str
    size_bytes: int
    publications: tuple[UUID, ...]
    etag: str | None
    last_modified: str | None
    fetched_at: datetime
    is_settled: bool
    last_interval_end_utc: datetime | None = None
    asked_at: str | None = None


class FeedFetch(Aggregate):
    """One request of one feed, and the newest answer to it."""

    NAME = "feed_fetch"

    def __init__(
        self, feed: str, request_key: str, start_utc: datetime, end_utc: datetime, answer: FetchedAnswer
    ) -> None:
        self.feed = feed
        self.request_key = request_key
        self.start_utc = start_utc
        self.end_utc = end_utc
        self.answer = answer

    class Fetched(Aggregate.Created):
        """The first answer; the stretch asked for is [start_utc, end_utc)."""

        TOPIC = "feed_fetch.fetched"
        feed: str
        request_key: str
        start_utc: datetime
        end_utc: datetime
        answer: FetchedAnswer

    class FetchedAgain(Aggregate.Event):
        """Another answer than before, or the same one for the last time."""

        TOPIC = "feed_fetch.fetched_again"
        feed: str
        answer: FetchedAnswer

        def apply(self, aggregate: FeedFetch) -> None:
            aggregate.answer = self.answer

    @classmethod
    def record(
        cls,
        fetch_id: UUID,
        *,
        feed: str,
        request_key: str,
        start_utc: datetime,
        end_utc: datetime,
        answer: FetchedAnswer,
    ) -> FeedFetch:
        return cls._create(
            cls.Fetched,
            id=fetch_id,
            feed=feed,
            request_key=request_key,
            start_utc=start_utc,
            end_utc=end_utc,
            answer=answer,
        )

    def record_again(self, answer: FetchedAnswer) -> None:
        """The same bytes change nothing, unless the stretch has settled since."""
        if answer.raw_sha256 != self.answer.raw_sha256 or answer.is_settled != self.answer.is_settled:
            self.trigger_event(self.FetchedAgain, feed=self.feed, answer=answer)


def fetch_id(tenant: str, feed: str, request_key: str) -> UUID:
    """A fetch is found by its feed and request."""
    return stream_id(tenant, NOUN, {"feed": feed, "request": request_key})
