"""`carbon254 doctor`: what state the installation is in, and what to do where something is wrong."""

from __future__ import annotations

import os
import platform as machine
from importlib.metadata import version
from typing import Any

import typer

from api.cli.common import AsJson
from api.cli.connection import Connection
from api.cli.output import out, say, show_json, table
from infra.data_folder import DataFolder
from infra.errors import PlatformError
from infra.settings import Settings


def doctor(as_json: AsJson = False) -> None:
    """Show versions, data folder, lock holder, database, event table, and what is wrong; exit code 1 if anything is."""
    settings = Settings()
    try:
        with Connection.open(settings) as connection:
            found: dict[str, Any] = connection.run(connection.request("GET", "/v1/doctor")).json()
        if found["held_by"] and found["held_by"]["pid"] == os.getpid():
            found["held_by"] = None  # by nobody but this very command
    except PlatformError as error:
        found = _from_outside(settings, error)
    if as_json:
        show_json(found)
    else:
        out.print(table(_flat(found), ("fact", "value")))
        for finding in found["findings"]:
            say(f"Wrong: {finding['problem']}\n  Do: {finding['remedy']}")
        if not found["findings"]:
            out.print("Nothing is wrong.")
    if found["findings"]:
        raise typer.Exit(1)


def _flat(found: dict[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """One row a fact; what holds facts of its own is spread out."""
    rows: list[dict[str, Any]] = []
    for name, value in found.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif name != "findings":
            rows.append({"fact": prefix + name, "value": "nobody" if name == "held_by" and value is None else value})
    return rows


def _from_outside(settings: Settings, error: PlatformError) -> dict[str, Any]:
    """What can be told of a folder that can't be opened."""
    from infra.postgres import without_password  # brings the database driver, which no other verb needs

    try:
        holder = DataFolder.holder(settings.home)
    except PlatformError:
        holder = None
    return {
        "code_version": version("carbon254-platform"),
        "python": machine.python_version(),
        "data_folder": str(settings.home),
        "held_by": {"pid": holder.pid, "address": holder.address} if holder else None,
        "database": without_password(settings.database_url) if settings.database_url else "embedded",
        "findings": [{"problem": error.message, "remedy": error.remedy}],
    }
