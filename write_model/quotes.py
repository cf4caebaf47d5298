"""Forward quotes: one stream a sheet, that is one file of quotes as it was handed in."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from write_model.base import Aggregate, stream_id

NOUN = "quote sheet"


@dataclass(frozen=True)
class Sheet:
    """A file of quotes: the hash of its bytes, of the rows read from it (Parquet), and what it covers."""

    raw_sha256: str
    rows_sha256: str
    rows_digest: str
    quote_count: int
    hubs: tuple[str, ...]


class QuoteSheet(Aggregate):
    """Quotes recorded together. Later sheets add newer quotes; none is ever changed."""

    NAME = "quote_sheet"

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet

    class Recorded(Aggregate.Created):
        TOPIC = "quote_sheet.recorded"
        sheet: Sheet

    @classmethod
    def record(cls, sheet_id: UUID, sheet: Sheet) -> QuoteSheet:
        return cls._create(cls.Recorded, id=sheet_id, sheet=sheet)


def sheet_id(tenant: str, raw_sha256: str) -> UUID:
    """A sheet is known by its bytes: the same file twice is one sheet."""
    return stream_id(tenant, NOUN, raw_sha256)
