"""What verbs share: opening a connection, ids, the --json flag, reading a YAML or JSON file, sending it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
import yaml

from api.cli.connection import Connection
from api.cli.output import err, out, show_json
from infra.errors import PlatformError
from infra.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Id = Annotated[UUID, typer.Argument(metavar="ID")]
InputFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def connect() -> Connection:
    return Connection.open(Settings())


def send(connection: Connection, name: str, fields: Mapping[str, Any], as_json: bool) -> dict[str, Any]:
    """Sends one command, prints the id of what came of it, and returns the answer."""
    answer = connection.command(name, dict(fields))
    if as_json:
        show_json(answer)
    else:
        out.print(answer["id"])
        err.print(f"{answer['status']} at position {answer['position']}")
    return answer


def read_fields(file: Path) -> dict[str, Any]:
    """The fields of a YAML (or JSON) file. Raises PlatformError naming the line that can't be read."""
    try:
        fields = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        raise PlatformError(f"{file} is not YAML: {error}", "Correct the file.") from error
    except UnicodeDecodeError as error:
        raise PlatformError(f"{file} is not text: {error}", "Save the file as UTF-8.") from error
    except ValueError as error:
        raise PlatformError(f"{file} holds a date that is none: {error}", "Correct the file.") from error
    if not isinstance(fields, dict):
        raise PlatformError(f"{file} holds no fields", "Write one `field: value` a line.")
    return {str(name): _plain(value, f"{file}, field {name}") for name, value in fields.items()}


def _plain(value: Any, place: str) -> Any:
    """YAML reads some texts as dates and some as infinity; a command's JSON has neither."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise PlatformError(f"{place}: {value} is no number", "Write a finite number.")
    if isinstance(value, dict):
        return {str(name): _plain(inner, f"{place}.{name}") for name, inner in value.items()}
    return [_plain(item, place) for item in value] if isinstance(value, list) else value
