"""`carbon254 ingest`: files and folders as the ISOs publish them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.common import AsJson, connect
from api.cli.connection import Connection
from api.cli.output import err, out, show_json, table

QUARANTINED = 3
# Files on their way at once: one being decoded while another is stored keeps both cores of a small machine busy.
AT_ONCE = 4


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


def ingest(
    paths: Annotated[list[Path], typer.Argument(exists=True, readable=True, metavar="PATH...")],
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
    """Uploads, surveys and ingests; returns when every row is queryable."""
    started = time.monotonic()
    report = Report()
    files = list(_files(paths))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("Ingesting", total=len(files))

        async def everything() -> int:
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(file: Path, named: bool) -> int:
                async with gate:
                    position = await _ingest_file(connection, report, file, named=named, reparse=reparse)
                    progress.advance(task)
                    return position

            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(file, named)) for file, named in files]
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from None  # the first is worth telling; it has called the others off
            return max((task.result() for task in tasks), default=0)

        newest = connection.run(everything())
        connection.run(connection.request("GET", "/v1/projections", params={"wait_for": str(newest)}))
    seconds = time.monotonic() - started
    report.rows_per_second = round(report.rows / seconds, 1)
    report.skipped.sort(key=lambda entry: entry["file"])
    report.quarantined.sort(key=lambda entry: entry["file"])
    return report


def _files(paths: list[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file once, with whether it was named singly."""
    for path in paths:
        if path.is_dir():
            yield from ((file, False) for file in sorted(path.rglob("*")) if file.is_file())
        else:
            yield path, True


async def _ingest_file(connection: Connection, report: Report, file: Path, *, named: bool, reparse: bool) -> int:
    """Ingests everything one file holds; returns the newest position it led to."""
    report.files += 1
    stored = await connection.request("POST", "/v1/objects", content=file.read_bytes())
    sha256 = stored.json()["sha256"]
    survey = (
        await connection.request("POST", f"/v1/objects/{sha256}/survey", params={"name": file.name, "named": named})
    ).json()
    report.skipped += [{"file": _place(file, s["file"]), "reason": s["reason"]} for s in survey["skipped"]]
    newest = 0
    for payload in survey["payloads"]:
        body = payload | {"reparse": reparse}
        answer = (await connection.request("POST", "/v1/commands/ingest-publication", json=body)).json()
        newest = max(newest, answer["position"])
        if answer["status"] == "quarantined":
            defect = await _defect(connection, answer)
            report.quarantined.append({"file": _place(file, payload["place"])} | defect)
        elif answer["status"] == "unchanged":
            report.unchanged += 1
        else:
            report.publications += 1
            report.rows += sum(event["data"]["reading"]["row_count"] for event in answer["events"])
    return newest


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
    return str(file) + place.removeprefix(file.name)


def _show(report: Report) -> None:
    out.print(
        f"{report.files:,} files: {report.publications:,} publications with {report.rows:,} rows "
        f"({report.rows_per_second:,.0f} rows/s), {report.unchanged:,} unchanged, {len(report.skipped):,} skipped, "
        f"{len(report.quarantined):,} quarantined"
    )
    if report.skipped:
        err.print(table(report.skipped, ("file", "reason")))
    if report.quarantined:
        err.print("[red]Quarantined[/red]", table(report.quarantined, ("file", "line", "column", "reason")), sep="\n")
