"""Putting on record what became of the log itself. No server runs meanwhile, so no bus hands these to anybody."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

from infra.event_mapper import GENESIS_HASH, Metadata
from infra.event_store import EventLog
from write_model.base import Aggregate
from write_model.event_logs import EventLogMove, EventLogRestore, Extent, move_id, restore_id

LOCAL_OPERATOR = "local-operator"


def extent_of(log: EventLog) -> Extent:
    """How far the log goes."""
    position = log.head()
    last = log.at(position) if position else None
    return Extent(log.count(), position, last.stored.hash if last else GENESIS_HASH)


def record_move(log: EventLog, tenant: str, *, source: str, target: str, extent: Extent) -> None:
    """Appends that the log was moved, unless that is on record."""
    stream = move_id(tenant, target, extent)
    _append_once(
        log, tenant, "migrate-store", stream,
        lambda: EventLogMove.record(stream, source=source, target=target, extent=extent),
    )  # fmt: skip


def record_restore(
    log: EventLog, tenant: str, *, backup: str, backed_up_at: datetime, source_log_id: UUID, extent: Extent
) -> None:
    """Appends that the log was restored, unless that is on record."""
    stream = restore_id(tenant, log.recorder.log_id())
    _append_once(
        log, tenant, "restore", stream,
        lambda: EventLogRestore.record(
            stream, backup=backup, backed_up_at=backed_up_at, source_log_id=source_log_id, extent=extent
        ),
    )  # fmt: skip


def _append_once(log: EventLog, tenant: str, command: str, stream_id: UUID, made: Callable[[], Aggregate]) -> None:
    stream = log.stream(stream_id)
    if stream.events:
        return
    command_id = uuid4()
    body = json.dumps([command, str(stream_id)]).encode()
    metadata = Metadata(
        tenant=tenant, actor=LOCAL_OPERATOR, command=command, command_id=command_id,
        body_sha256=hashlib.sha256(body).hexdigest(), status="done", correlation_id=command_id,
        causation_id=command_id, recorded_at=datetime.now(UTC), schema_version=1, previous_hash="",
    )  # fmt: skip
    log.append(stream, made().collect_events(), metadata)
