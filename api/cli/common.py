"""What verbs share: opening a connection, the --json flag, reading a YAML or JSON file."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from api.cli.connection import Connection
from infra.errors import PlatformError
from infra.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
InputFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def connect() -> Connection:
    return Connection.open(Settings())


def read_fields(file: Path) -> dict[str, Any]:
    """The fields of a YAML (or JSON) file. Raises PlatformError naming the line that can't be read."""
    try:
        fields = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        raise PlatformError(f"{file} is not YAML: {error}", "Correct the file.") from error
    except UnicodeDecodeError as error:
        raise PlatformError(f"{file} is not text: {error}", "Save the file as UTF-8.") from error
    if not isinstance(fields, dict):
        raise PlatformError(f"{file} holds no fields", "Write one `field: value` a line.")
    return {str(name): _plain(value, f"{file}, field {name}") for name, value in fields.items()}


def _plain(value: Any, place: str) -> Any:
    """YAML reads some texts as dates and some as infinity; a command's JSON has neither."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise PlatformError(f"{place}: {value} is no number", "Write a finite number.")
    return [_plain(item, place) for item in value] if isinstance(value, list) else value
