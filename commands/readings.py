"""Reading payloads: parse them, keep their rows, and remember for a moment what was read ahead of its command."""

from __future__ import annotations

import threading
from collections import OrderedDict

from commands.reading import Rows, Unreadable
from commands.reading_processes import ReadingProcesses
from infra.objects import Objects
from integrations.isos.catalogue import Payload, name_facts
from write_model.publications import Defect, Reading

# What is read ahead and never asked for (its upload was given up) is forgotten after so many others.
MOST_AHEAD = 64


class Readings:
    """Reads each payload once: what `read_ahead` has read is handed to the next `read` of the same payload."""

    def __init__(self, objects: Objects, processes: ReadingProcesses) -> None:
        self._objects = objects
        self._processes = processes
        self._ahead: OrderedDict[tuple[object, ...], Reading | Defect] = OrderedDict()
        self._facts: OrderedDict[tuple[object, ...], dict[str, str]] = OrderedDict()
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

    def name_facts(self, payload: Payload, raw_sha256: tuple[str, ...]) -> dict[str, str]:
        """As `catalogue.name_facts`, which decodes a whole document: an upload and its command ask three times."""
        key = (*_key(payload, raw_sha256), payload.problem)
        with self._lock:
            found = self._facts.get(key)
        if found is None:
            found = name_facts(payload)
            with self._lock:
                self._facts[key] = found
                while len(self._facts) > MOST_AHEAD:
                    self._facts.popitem(last=False)
        return dict(found)

    def _make(self, payload: Payload) -> Reading | Defect:
        outcome = self._processes.read(payload)
        if isinstance(outcome, Unreadable):
            return Defect(reason=outcome.reason, file=payload.place, line=outcome.line, column=outcome.column)
        return _store(outcome, self._objects)


def _key(payload: Payload, raw_sha256: tuple[str, ...]) -> tuple[object, ...]:
    return (raw_sha256, payload.names, payload.place)


def _store(found: Rows, objects: Objects) -> Reading:
    return Reading(
        iso=found.iso,
        market=found.market,
        feed=found.feed,
        vintage=found.vintage,
        parser=found.parser,
        parser_version=found.parser_version,
        rows_sha256=objects.put("rows", found.rows),
        rows_digest=found.rows_digest,
        row_count=found.row_count,
        gaps_sha256=None if found.gaps is None else objects.put("rows", found.gaps),
        gap_count=found.gap_count,
        first_interval_start_utc=found.first_interval_start_utc,
        last_interval_end_utc=found.last_interval_end_utc,
        published_at=found.published_at,
        dataset=found.dataset,
        measured_until_utc=found.measured_until_utc,
    )
