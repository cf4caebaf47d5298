"""Reading one payload: its rows as Parquet with their digest, or why it can't be read. Pure: bytes in, bytes out."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from infra.canonical import digest, to_parquet
from integrations.isos.catalogue import Payload, parse
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication


class Rows(msgspec.Struct, frozen=True, tag=True):
    """What a payload holds; `rows` and `gaps` are Parquet."""

    iso: str
    market: str
    feed: str
    vintage: str
    parser: str
    parser_version: int
    rows: bytes
    rows_digest: str
    row_count: int
    gaps: bytes | None
    gap_count: int
    first_interval_start_utc: datetime
    last_interval_end_utc: datetime
    published_at: datetime | None
    dataset: str
    measured_until_utc: datetime | None = None


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    """Why a payload can't be read, and where in it: 1-based line, column by its name in the file."""

    reason: str
    line: int | None = None
    column: str | None = None


def read_payload(payload: Payload) -> Rows | Unreadable:
    """Parses the payload whole."""
    try:
        parsed = parse(payload)
    except UnreadablePublication as defect:
        return Unreadable(defect.reason, defect.line, defect.column)
    rows = parsed.rows
    return Rows(
        iso=parsed.iso,
        market=parsed.market,
        feed=parsed.feed,
        vintage=parsed.vintage,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        rows=to_parquet(rows),
        rows_digest=digest(rows),
        row_count=rows.num_rows,
        gaps=to_parquet(parsed.gaps) if parsed.gaps.num_rows else None,
        gap_count=parsed.gaps.num_rows,
        first_interval_start_utc=pc.min(rows["interval_start_utc"]).as_py(),
        last_interval_end_utc=pc.max(rows["interval_end_utc"]).as_py(),
        published_at=parsed.published_at,
        dataset=parsed.dataset,
        measured_until_utc=_measured_until(parsed),
    )


def _measured_until(parsed: ParsedPublication) -> datetime | None:
    """Where the last interval ends that is no forecast; None where all are, or none is."""
    if parsed.dataset != "fundamentals":
        return None
    series = parsed.rows["series"]
    names = pc.unique(series).to_pylist()
    measured = [name for name in names if not name.endswith("_forecast")]
    if len(measured) in (0, len(names)):
        return None
    is_measured = pc.is_in(series.cast(pa.string()), pa.array(measured))
    until: datetime = pc.max(parsed.rows["interval_end_utc"].filter(is_measured)).as_py()
    return until
