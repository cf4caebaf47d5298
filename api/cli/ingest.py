"""`carbon254 ingest`: files and folders as the ISOs publish them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.common import AsJson, connect
from api.cli.connection import ApiError, Connection
from api.cli.found_files import find_files, reason, shown
from api.cli.output import err, out, show_json, table
from infra.settings import Settings

QUARANTINED = 3
# Files on their way at once: one being decoded while another is stored keeps both cores of a small machine busy.
AT_ONCE = 4
# Answers that say something of the one file that was sent: contended, too large, not valid, or a fault met in it.
OF_ONE_FILE = (409, 413, 422, 500)


@dataclass
class Report:
    """What became of the files; `rows_per_second` counts until everything is queryable."""

    files: int = 0
    publications: int = 0
    rows: int = 0
    rows_per_second: float = 0.0
    unchanged: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    quarantined: list[dict[str, Any]] = field(default_factory=list)

    def quarantine(self, file: str, reason: str, line: int | None = None, column: str | None = None) -> None:
        self.quarantined.append({"file": file, "line": line, "column": column, "reason": reason})


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, metavar="PATH...")],
    reparse: Annotated[bool, typer.Option(help="Read known publications again where the parser is newer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ingest price files: plain, .zip or .gz, single or in folders. Exit code 3 when something was quarantined."""
    with connect() as connection:
        report = ingest_paths(connection, paths, reparse=reparse)
    if as_json:
        show_json(report.__dict__)
    else:
        _show(report)
    if report.quarantined:
        raise typer.Exit(QUARANTINED)


def ingest_paths(connection: Connection, paths: list[Path], *, reparse: bool = False) -> Report:
    """Uploads, surveys and ingests; returns when every row is queryable. One bad file never stops the others."""
    started = time.monotonic()
    found = find_files(paths, home=Settings().home)
    report = Report(skipped=found.skipped)
    for path, why in found.unreadable:
        report.quarantine(shown(path), why)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Ingesting", total=len(found.files))
        work = _Work(connection, report, reparse, lambda: progress.advance(task))
        newest = connection.run(work.everything(found.files))
        connection.run(connection.request("GET", "/v1/projections", params={"wait_for": str(newest)}))
    seconds = time.monotonic() - started
    report.rows_per_second = round(report.rows / seconds, 1)
    report.skipped.sort(key=lambda entry: entry["file"])
    report.quarantined.sort(key=lambda entry: entry["file"])
    return report


@dataclass
class _Work:
    connection: Connection
    report: Report
    reparse: bool
    advance: Callable[[], None]

    async def everything(self, files: dict[Path, bool]) -> int:
        """Uploads and surveys several files at once, but sends their commands in order; returns the newest position."""
        gate = asyncio.Semaphore(AT_ONCE)
        # Where two publications of the same prices rank alike the later one wins, so the order must be the user's.
        turns = [asyncio.Event() for _ in range(len(files) + 1)]
        turns[0].set()

        async def one(number: int, file: Path, named: bool) -> int:
            async with gate:
                payloads = await _upload(self.connection, self.report, file, named)
                await turns[number].wait()
                positions = [await self._send(file, payload) for payload in payloads]
                turns[number + 1].set()
                self.advance()
                return max(positions, default=0)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(n, file, named)) for n, (file, named) in enumerate(files.items())]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # the first is worth telling; it has called the others off
        return max((task.result() for task in tasks), default=0)

    async def _send(self, file: Path, payload: dict[str, Any]) -> int:
        """Ingests one payload of a file; returns the position that it led to."""
        body = payload | {"reparse": self.reparse}
        try:
            answer = (await self.connection.request("POST", "/v1/commands/ingest-publication", json=body)).json()
        except ApiError as error:
            _told_of(self.report, error, _place(file, payload["place"]))
            return 0
        if answer["status"] == "quarantined":
            self.report.quarantine(_place(file, payload["place"]), **await _defect(self.connection, answer))
        elif answer["status"] == "unchanged":
            self.report.unchanged += 1
        else:
            self.report.publications += 1
            self.report.rows += sum(event["data"]["reading"]["row_count"] for event in answer["events"])
        return int(answer["position"])


async def _upload(connection: Connection, report: Report, file: Path, named: bool) -> list[dict[str, Any]]:
    """Uploads a file; returns the payloads in it."""
    report.files += 1
    try:
        stored = await connection.request("POST", "/v1/objects", content=file.read_bytes())
        params = {"name": shown(Path(file.name)), "named": named}
        path = f"/v1/objects/{stored.json()['sha256']}/survey"
        survey = (await connection.request("POST", path, params=params)).json()
    except OSError as error:
        report.quarantine(shown(file), reason(error))
        return []
    except ApiError as error:
        _told_of(report, error, shown(file))
        return []
    report.skipped += [{"file": _place(file, s["file"]), "reason": s["reason"]} for s in survey["skipped"]]
    return list(survey["payloads"])


def _told_of(report: Report, error: ApiError, place: str) -> None:
    """A problem of this one file is reported with it; any other ends the verb."""
    if error.status not in OF_ONE_FILE:
        raise error
    report.quarantine(place, f"{error.title}. {error.detail}".strip())


async def _defect(connection: Connection, answer: dict[str, Any]) -> dict[str, Any]:
    if answer["events"]:
        defect = answer["events"][-1]["data"]["defect"]
        return {"line": defect["line"], "column": defect["column"], "reason": defect["reason"]}
    known = (
        await connection.request(
            "GET", f"/v1/publications/{answer['id']}", params={"wait_for": str(answer["position"])}
        )
    ).json()
    return {"line": known["defect_line"], "column": known["defect_column"], "reason": known["reason"]}


def _place(file: Path, place: str) -> str:
    """The path as given, and where in an archive: `folder/day.zip!inner.csv`."""
    return shown(file) + place.removeprefix(shown(Path(file.name)))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _show(report: Report) -> None:
    out.print(
        f"{_counted(report.files, 'file')}: {_counted(report.publications, 'publication')} with "
        f"{_counted(report.rows, 'row')} "
        f"({report.rows_per_second:,.0f} rows/s), {report.unchanged:,} unchanged, {len(report.skipped):,} skipped, "
        f"{len(report.quarantined):,} quarantined"
    )
    if report.skipped:
        err.print(table(report.skipped, ("file", "reason")))
    if report.quarantined:
        err.print("[red]Quarantined[/red]", table(report.quarantined, ("file", "line", "column", "reason")), sep="\n")
