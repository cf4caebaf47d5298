"""`carbon254 backup` and `carbon254 restore`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.common import AsJson, connect
from api.cli.connection import ApiError, Connection
from api.cli.output import err, out, say, show_json
from api.cli.progress import follow, follow_work
from infra.errors import PlatformError
from infra.settings import Settings

_PAUSE_S = 1.0
_NOT_READY = 503
Place = Annotated[str, typer.Argument(metavar="FROM", help="A folder, or s3://bucket/prefix.")]


def backup(
    to: Annotated[
        str | None,
        typer.Argument(help="A folder, or s3://bucket/prefix; by default the server's CARBON254_BACKUP_TO."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Back up events, seals, objects and keys while the platform serves; only what is new is copied."""
    with connect() as connection:
        made = follow(connection.lines("POST", "/v1/backups", {} if to is None else {"to": _address(to)}))
    if as_json:
        show_json(made)
    else:
        out.print(
            f"{made['events']:,} events up to position {made['position']:,} ({made['new_events']:,} new), "
            f"{made['seals']:,} seals, {made['objects']:,} objects ({made['new_objects']:,} new, "
            f"{made['new_object_bytes']:,} bytes)"
        )
    if not made["has_keys"]:
        say("The data folder's keys are NOT in it: set CARBON254_BACKUP_PASSPHRASE, or keep copies elsewhere.", err)
    for path in made["unreadable"]:
        say(f"The object {path} is missing or damaged here, so it is not in the backup.", err)
    if made["unreadable"]:
        raise typer.Exit(1)


def restore(
    source: Place,
    to: Annotated[
        str | None, typer.Option(metavar="POSITION|TIME", help="Only what was in the log then; by default everything.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="A folder with copies of the keys.")
    ] = None,
    without_seals: Annotated[
        bool, typer.Option(help="The seal key is lost: seal everything anew, under a new one.")
    ] = False,
    check: Annotated[bool, typer.Option(help="Only read the whole backup and see that it is good.")] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty data folder (and database), build the read models, and verify the log."""
    # Only now: no other verb needs it.
    import msgspec

    from api.restores import Wanted, restore_backup
    from infra.backup_place import BackupPlace
    from infra.backup_reading import check_backup

    started = time.monotonic()
    # What is restored lies on this machine, whatever server is named otherwise.
    settings, place = Settings().model_copy(update={"server": None}), BackupPlace.at(_address(source))
    if check:
        checked = follow_work(lambda report: check_backup(place, report))
        show_json(msgspec.to_builtins(checked)) if as_json else out.print(
            f"good: {checked.events:,} events up to position {checked.position:,}, {checked.seals:,} seals, "
            f"{checked.objects:,} objects, of {checked.made_at:%Y-%m-%d %H:%M:%S} UTC"
        )
        return
    wanted = Wanted(to, _up_to(to), keys, without_seals)
    restored = follow_work(lambda report: restore_backup(settings, place, wanted, report))
    log_took_s = time.monotonic() - started
    err.print("The log is there. Building the read models…")
    with Connection.open(settings) as connection:
        position = _settled(connection)
        verified = follow(connection.lines("POST", "/v1/audit/verification"))
    found = msgspec.to_builtins(restored) | {
        "read_models_at": position,
        "verified_events": verified["events"],
        "difference": verified["difference"],
        "log_took_s": round(log_took_s, 1),
        "took_s": round(time.monotonic() - started, 1),
    }
    if as_json:
        show_json(found)
    else:
        out.print(
            f"{restored.events:,} events up to position {restored.position:,}, {restored.seals:,} seals and "
            f"{restored.objects:,} objects, backed up at {restored.backed_up_at:%Y-%m-%d %H:%M:%S} UTC; "
            f"verified and ready after {found['took_s']:,} s"
        )
    if verified["difference"]:
        say(f"The log differs from its seals: {verified['difference']['detail']}", err)
        raise typer.Exit(1)


def _address(given: str) -> str:
    """What was named, with a folder's path made absolute where the user stands."""
    return given if "://" in given else str(Path(given).expanduser().absolute())


def _up_to(to: str | None) -> Any:
    from api.problems import Problem
    from api.rest.dependencies import is_number, moment
    from infra.backup_reading import UpTo

    if to is None:
        return None
    if is_number(to):
        return UpTo(int(to))
    try:
        return UpTo(2**63 - 1, moment(to, "--to"))
    except Problem as error:
        raise typer.BadParameter(f"{error.title}. {error.remedy}", param_hint="--to") from error


def _settled(connection: Connection) -> int:
    """The position of the read models once they have come to the end of the log."""
    while True:
        try:
            head: int = connection.get("/v1/projections")["head"]
        except ApiError as error:
            if error.status != _NOT_READY:
                raise
            lagging = connection.run(connection.request("GET", "/v1/projections")).json()["items"]
            if trouble := next((item["trouble"] for item in lagging if item["trouble"]), None):
                raise PlatformError(f"A read model cannot be built: {trouble}", "See `carbon254 doctor`.") from error
            time.sleep(_PAUSE_S)
        else:
            return head
