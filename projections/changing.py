"""Which parts of a read model an event changes: what cached answers go by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from infra.event_mapper import RecordedEvent, Undecodable
from read_models.changes import WHOLE, Part, market_parts
from write_model.publications import Publication, Reading

PartsOf = Callable[[RecordedEvent], Collection[Part]]

# Of no ISO, as far as anybody knows.
_QUARANTINED = Part(dataset="quarantined")


def tenant_parts(recorded: RecordedEvent) -> Collection[Part]:
    """Of rows that belong to the tenant whose command it was."""
    return [Part(tenant=recorded.metadata.tenant)]


def reading_parts(recorded: RecordedEvent) -> Collection[Part]:
    """Of the rows that a publication's reading brings."""
    assert isinstance(recorded.event, Publication.Ingested | Publication.Reread)
    return _span(recorded.event.reading)


def publication_parts(recorded: RecordedEvent) -> Collection[Part]:
    """Of publications and of which readings count: what was read anew may have been anything before."""
    match recorded.event:
        case Publication.Ingested(reading=reading):
            return _span(reading)
        case Publication.Quarantined():
            return [_QUARANTINED]
    return [WHOLE]


def changed(parts_of: PartsOf | None, events: Iterable[RecordedEvent]) -> dict[Part, int]:
    """The parts that events change, each with the position of the last one, where they come in order.

    What one that cannot be decoded changes nobody knows. Without `parts_of` nothing is told.
    """
    if parts_of is None:
        return {}
    return {
        part: recorded.position
        for recorded in events
        for part in ([WHOLE] if type(recorded.event) is Undecodable else parts_of(recorded))
    }


def _span(reading: Reading) -> Collection[Part]:
    return market_parts(
        reading.dataset, reading.iso, reading.market, reading.first_interval_start_utc, reading.last_interval_end_utc
    )
