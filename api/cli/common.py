"""What verbs share: opening a connection, the --json flag, reading a YAML or JSON file."""

from __future__ import annotations

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
    return fields
