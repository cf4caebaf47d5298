"""Moving the event log to another store, while no process has it open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from api.log_stores import EMBEDDED, Databases, Store, opened
from commands.event_logs import extent_of, record_move
from infra.data_folder import DataFolder
from infra.errors import PlatformError
from infra.event_store import EventLog
from infra.log_verification import verify_log
from infra.receiving import (
    LeavableLog,
    NotEmpty,
    Progress,
    first_difference,
    pages_after,
    receive_all,
)
from infra.seals import Seals
from infra.settings import Settings

Report = Callable[[str], Progress]


@dataclass(frozen=True)
class MovedLog:
    """What was moved, and between which stores."""

    source: str
    target: str
    events: int
    position: int
    seals: int


def move_log(settings: Settings, source_uri: str, target_uri: str, report: Report) -> MovedLog:
    """Copies the data folder's log, compares both to the byte and with the seals, records the move, closes the source.

    Interrupted, it goes on where it was. Raises PlatformError, and FolderHeld while a server runs.
    """
    with ExitStack() as open_parts:
        folder = open_parts.enter_context(DataFolder.open(settings.home))
        databases = Databases(folder, open_parts)
        databases.own(settings.database_url or EMBEDDED)  # of the read models: nobody may follow the log meanwhile
        source = open_parts.enter_context(opened(source_uri, databases))
        target = open_parts.enter_context(opened(target_uri, databases))
        return _move(settings, folder, source, target, report)


def _move(settings: Settings, folder: DataFolder, source: Store, target: Store, report: Report) -> MovedLog:
    ours = source.recorder()
    if elsewhere := ours.left_for():
        raise PlatformError(f"The event log was moved from {source.name} already, to {elsewhere}.", "Nothing to do.")
    log_id = ours.log_id()
    if folder.log_id() not in (None, log_id):
        raise PlatformError(
            f"{source.name} holds another event log than that of the data folder {folder.home}.",
            "Name the store that the folder's log is in with --from, or its folder with CARBON254_HOME.",
        )
    log, seals = EventLog(ours), Seals(folder.home / "seals", folder.ensure_seal_key())
    extent = extent_of(log)
    demand_clean(log, seals, source.name, report("verify source"))
    try:
        come_to = target.receiver.begin(log_id)
    except NotEmpty:
        if target.recorder().known_id() != log_id:
            raise
        # A move that was cut short after its last event: all that is left is to compare and to close.
        _compare(ours, target, report("compare"), extent.events)
    else:
        done = log.count(come_to)
        receive_all(target.receiver, pages_after(ours, come_to), done, extent.events, report("copy"))
        _compare(ours, target, report("compare"), extent.events)
        if target.recorder().max_notification_id() not in (None, extent.position):
            raise PlatformError(f"{target.name} holds events that {source.name} has not.", "Move into an empty store.")
        target.receiver.end()
    moved = EventLog(target.recorder())
    checked = demand_clean(moved, seals, target.name, report("verify target"))
    record_move(moved, settings.platform_tenant, source=source.name, target=target.name, extent=extent)
    ours.leave(target.name)
    return MovedLog(source.name, target.name, extent.events, extent.position, checked)


def _compare(ours: LeavableLog, target: Store, told: Progress, of: int) -> None:
    if difference := first_difference(ours, target.recorder(), told, of):
        raise PlatformError(
            f"The copy in {target.name} is not the same: {difference}", "Empty that store and move the log again."
        )


def demand_clean(log: EventLog, seals: Seals, name: str, told: Progress) -> int:
    """The number of seals that the log agrees with."""
    found = verify_log(log, seals, progress=told)
    if found.difference:
        where = f" at position {found.difference.position}" if found.difference.position else ""
        raise PlatformError(
            f"The log in {name} does not agree with its seals: {found.difference.kind}{where}: "
            f"{found.difference.detail}",
            "`carbon254 audit verify` says more. A log that was tampered with is not moved.",
        )
    return found.seals
