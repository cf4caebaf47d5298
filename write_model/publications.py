"""What an ISO published: one stream a publication, from its first reading to every better one.

Its values are structs, which are read from the log in half the time of dataclasses: most events are publications.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from write_model.base import Aggregate, stream_id

NOUN = "publication"


class Source(Struct, frozen=True, gc=False):
    """The published bytes: hashes of the payload's parts, their names, and where they were found."""

    raw_sha256: tuple[str, ...]
    names: tuple[str, ...]
    place: str
    size_bytes: int
    name_facts: dict[str, str]


class Reading(Struct, frozen=True, gc=False):
    """What a parser made of the bytes: rows of a `dataset` (energy prices, or one of the other products).

    `rows_sha256` names the Parquet object, `rows_digest` its canonical values.

    `ranked_as` is the position as which the rows compete with other publications of the same interval: that of the
    publication's first event, so that reading it again later does not make it win over what restated it. Null stands
    for the position of the event that carries this.

    `measured_until_utc` is where what was measured ends, where forecasts stand beside it: they say nothing of how fresh
    the measurements are. Null where all rows are of one kind.
    """

    iso: str
    market: str
    feed: str
    vintage: str
    parser: str
    parser_version: int
    rows_sha256: str
    rows_digest: str
    row_count: int
    gaps_sha256: str | None
    gap_count: int
    first_interval_start_utc: datetime
    last_interval_end_utc: datetime
    published_at: datetime | None
    ranked_as: int | None = None
    dataset: str = "prices"
    measured_until_utc: datetime | None = None


class Defect(Struct, frozen=True, gc=False):
    """Why a payload was not let in, and where in it: 1-based line, column by its name in the file."""

    reason: str
    file: str
    line: int | None
    column: str | None


class Publication(Aggregate):
    """A published payload: read (then `reading` says what it holds) or quarantined (then `defect` says why)."""

    NAME = "publication"

    def __init__(self, source: Source, reading: Reading | None = None, defect: Defect | None = None) -> None:
        self.source = source
        self.reading = reading
        self.defect = defect

    class Ingested(Aggregate.Created):
        """Read whole; its rows lie in the object store."""

        TOPIC = "publication.ingested"
        source: Source
        reading: Reading

    class Quarantined(Aggregate.Created):
        """Could not be read; nothing of it was let in."""

        TOPIC = "publication.quarantined"
        source: Source
        defect: Defect

    class Reread(Aggregate.Event):
        """Read anew, by a newer parser or after a quarantine: replaces all rows of earlier readings."""

        TOPIC = "publication.reread"
        reading: Reading

        def apply(self, aggregate: Publication) -> None:
            aggregate.reading, aggregate.defect = self.reading, None

    class FoundUnreadable(Aggregate.Event):
        """Tried once more and still unreadable, for another reason than before."""

        TOPIC = "publication.found_unreadable"
        defect: Defect

        def apply(self, aggregate: Publication) -> None:
            aggregate.reading, aggregate.defect = None, self.defect

    @classmethod
    def ingest(cls, publication_id: UUID, source: Source, outcome: Reading | Defect) -> Publication:
        if isinstance(outcome, Reading):
            return cls._create(cls.Ingested, id=publication_id, source=source, reading=outcome)
        return cls._create(cls.Quarantined, id=publication_id, source=source, defect=outcome)

    def is_read_by(self, parser_version: int) -> bool:
        """Whether this or a newer version of the parser has read it already."""
        return self.reading is not None and self.reading.parser_version >= parser_version

    def read_again(self, outcome: Reading | Defect) -> None:
        """A reading replaces what was known; a defect is recorded only where no reading stands and it is a new one."""
        if isinstance(outcome, Reading):
            self.trigger_event(self.Reread, reading=outcome)
        elif self.reading is None and outcome.reason != (self.defect and self.defect.reason):
            self.trigger_event(self.FoundUnreadable, defect=outcome)


def publication_id(tenant: str, raw_sha256: tuple[str, ...], name_facts: Mapping[str, str]) -> UUID:
    """The identity of a publication: its innermost bytes, in any order of parts, and what only its name told."""
    return stream_id(tenant, NOUN, {"raw_sha256": sorted(raw_sha256), "name_facts": dict(name_facts)})
