"""What verbs share: opening a connection, ids, the --json flag, reading a YAML or JSON file, sending it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import date
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
import yaml

from api.cli.connection import Connection
from api.cli.output import err, out, show_json
from infra.errors import WrongUsage
from infra.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Id = Annotated[UUID, typer.Argument(metavar="ID")]
InputFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


_replay: ContextVar[str | None] = ContextVar("replay", default=None)


def connect() -> Connection:
    """The API; reads through it go to the replay that the verb was given, if any."""
    connection = Connection.open(Settings())
    connection.replay = _replay.get()
    return connection


def reads(verb: Callable[..., None]) -> Callable[..., None]:
    """Gives a verb that reads the option `--replay`, and its `connect` the replay that was named."""

    @wraps(verb)
    def reading(*given: Any, replay: str | None = None, **options: Any) -> None:
        chosen = _replay.set(replay)
        try:
            verb(*given, **options)
        finally:
            _replay.reset(chosen)

    own = signature(verb, eval_str=True)
    wanted = Annotated[str | None, typer.Option(help="Read this replay: what stood at its position.")]
    option = Parameter("replay", Parameter.KEYWORD_ONLY, default=None, annotation=wanted)
    parameters = [*own.parameters.values(), option]
    reading.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    reading.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return reading


def send(connection: Connection, name: str, fields: Mapping[str, Any], as_json: bool) -> dict[str, Any]:
    """Sends one command, prints the id of what came of it, and returns the answer."""
    answer = connection.command(name, dict(fields))
    if as_json:
        show_json(answer)
    else:
        out.print(answer["id"])
        err.print(f"{answer['status']} at position {answer['position']}")
    return answer


def nothing(yet: str, *filters: object) -> str:
    """What to say of an empty list: `yet`, or where a filter was given, that nothing fits."""
    return "Nothing fits what was asked for." if any(filters) else yet


def read_fields(file: Path) -> dict[str, Any]:
    """The fields of a YAML (or JSON) file. Raises WrongUsage naming the line that can't be read."""
    try:
        fields = yaml.safe_load(file.read_bytes())
    except yaml.MarkedYAMLError as error:
        place = f"{file} line {error.problem_mark.line + 1}" if error.problem_mark else str(file)
        raise WrongUsage(f"{place} is not YAML: {error.problem}", "Write one `field: value` a line.") from error
    except yaml.YAMLError as error:
        raise WrongUsage(f"{file} is not YAML: {error}", "Save the file as plain text.") from error
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{file} is not text: {error}", "Save the file as UTF-8.") from error
    except ValueError as error:
        raise WrongUsage(f"{file} holds a date that is none: {error}", "Correct the date.") from error
    if not isinstance(fields, dict):
        raise WrongUsage(f"{file} holds no fields", "Write one `field: value` a line.")
    return {str(name): _plain(value, f"{file}, field {name}") for name, value in fields.items()}


def _plain(value: Any, place: str) -> Any:
    """YAML reads some texts as dates and some as infinity; a command's JSON has neither."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        raise WrongUsage(f"{place}: {value} is no number", "Write a finite number.")
    if isinstance(value, dict):
        return {str(name): _plain(inner, f"{place}.{name}") for name, inner in value.items()}
    return [_plain(item, place) for item in value] if isinstance(value, list) else value
