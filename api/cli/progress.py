"""Long work shown while it goes on: a bar with the time left, on a terminal; nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.output import err
from infra.errors import PlatformError


def follow(lines: Iterable[dict[str, Any]], name: str, *, remedy: str) -> dict[str, Any]:
    """Shows `{position, of}` as they come and returns the last line. Raises PlatformError for a `{problem}`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    last: dict[str, Any] = {}
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(name, total=None)
        for last in lines:
            if "of" in last:
                progress.update(task, completed=last["position"], total=last["of"])
    if "problem" in last:
        raise PlatformError(f"{name}: {last['problem']}", remedy)
    return last
