"""Reading payloads: parse them, keep their rows, and remember for a moment what was read ahead of its command."""

from __future__ import annotations

import threading
from collections import OrderedDict

import pyarrow.compute as pc

from infra.canonical import digest, to_parquet
from infra.objects import Objects
from integrations.isos.catalogue import Payload, parse
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication
from write_model.publications import Defect, Reading

# What is read ahead and never asked for (its upload was given up) is forgotten after so many others.
MOST_AHEAD = 64


class Readings:
    """Reads each payload once: what `read_ahead` has read is handed to the next `read` of the same payload."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._ahead: OrderedDict[tuple[object, ...], Reading | Defect] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, payload: Payload, raw_sha256: tuple[str, ...]) -> Reading | Defect:
        """What a payload holds, its rows kept as objects, or why it can't be read."""
        with self._lock:
            found = self._ahead.pop(_key(payload, raw_sha256), None)
        return found or self._make(payload)

    def read_ahead(self, payload: Payload, raw_sha256: tuple[str, ...]) -> None:
        made = self._make(payload)
        with self._lock:
            self._ahead[_key(payload, raw_sha256)] = made
            while len(self._ahead) > MOST_AHEAD:
                self._ahead.popitem(last=False)

    def _make(self, payload: Payload) -> Reading | Defect:
        try:
            parsed = parse(payload)
        except UnreadablePublication as defect:
            return Defect(reason=defect.reason, file=payload.place, line=defect.line, column=defect.column)
        return _store(parsed, self._objects)


def _key(payload: Payload, raw_sha256: tuple[str, ...]) -> tuple[object, ...]:
    return (raw_sha256, payload.names, payload.place)


def _store(parsed: ParsedPublication, objects: Objects) -> Reading:
    rows = parsed.rows
    return Reading(
        iso=parsed.iso,
        market=parsed.market,
        feed=parsed.feed,
        vintage=parsed.vintage,
        parser=parsed.parser,
        parser_version=parsed.parser_version,
        rows_sha256=objects.put("rows", to_parquet(rows)),
        rows_digest=digest(rows),
        row_count=rows.num_rows,
        gaps_sha256=objects.put("rows", to_parquet(parsed.gaps)) if parsed.gaps.num_rows else None,
        gap_count=parsed.gaps.num_rows,
        first_interval_start_utc=pc.min(rows["interval_start_utc"]).as_py(),
        last_interval_end_utc=pc.max(rows["interval_end_utc"]).as_py(),
        published_at=parsed.published_at,
        dataset=parsed.dataset,
    )
