"""The `carbon254` program: one group of verbs a noun, and errors that end in an exit code.

Exit codes: 0 good, 1 a difference or a failure was found, 2 usage, 3 something was quarantined, 4 not allowed.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from api.cli import (
    actors,
    api_keys,
    audit,
    backups,
    curves,
    doctor,
    entitlements,
    feeds,
    graphql,
    ingest,
    instruments,
    lineage,
    login,
    migrate_store,
    ppas,
    prices,
    processes,
    projections,
    publications,
    quality,
    quotes,
    replay,
    sample,
    scenarios,
    series,
    server,
    simulate,
    token,
)
from api.cli.connection import ApiError
from api.cli.output import err, say
from infra.errors import PlatformError, WrongUsage
from infra.settings import SECRET_SETTINGS, Settings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

FAILED, USAGE, NOT_ALLOWED = 1, 2, 4

app = typer.Typer(
    name="carbon254",
    help="See the market, price the future, and prove every number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def everywhere(
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="A server elsewhere; by default CARBON254_SERVER. See `login`.")
    ] = None,
) -> None:
    """See the market, price the future, and prove every number."""
    if server is not None:
        os.environ["CARBON254_SERVER"] = server


app.command("serve")(server.serve)
app.command("projector")(processes.projector)
app.command("worker")(processes.worker)
app.command("new-keys")(processes.new_keys)
app.command("sample")(sample.sample)
app.command("simulate")(simulate.simulate)
app.command("ingest")(ingest.ingest)
app.command("lineage")(lineage.lineage)
app.command("recompute")(audit.recompute)
app.command("token")(token.token)
app.command("doctor")(doctor.doctor)
app.command("graphql")(graphql.graphql)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("backup")(backups.backup)
app.command("restore")(backups.restore)
app.command("migrate-store")(migrate_store.migrate_store)
for noun, group in (
    ("prices", prices.app),
    ("series", series.app),
    ("feeds", feeds.app),
    ("quality", quality.app),
    ("projections", projections.app),
    ("replay", replay.app),
    ("publications", publications.app),
    ("instruments", instruments.app),
    ("quotes", quotes.app),
    ("scenarios", scenarios.app),
    ("curves", curves.app),
    ("ppas", ppas.app),
    ("audit", audit.app),
    ("entitlements", entitlements.app),
    ("api-keys", api_keys.app),
    ("actors", actors.app),
):
    app.add_typer(group, name=noun)


def main() -> None:
    """Runs the program; every expected error is one message with its remedy, without a traceback."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except ApiError as error:
        _say(error.title, error.detail)
        sys.exit(NOT_ALLOWED if error.status in (401, 403) else USAGE if error.status in (400, 422) else FAILED)
    except PlatformError as error:
        _say(error.message, error.remedy)
        sys.exit(USAGE if isinstance(error, WrongUsage) else FAILED)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        _say("; ".join(map(_wrong_setting, error.errors())), "Correct these environment variables, or unset them.")
        sys.exit(USAGE)
    except KeyboardInterrupt:
        err.print("Stopped.")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        _say(what, "See that it is there, and that you may use it.")
        sys.exit(FAILED)


def _wrong_setting(found: ErrorDetails) -> str:
    name = str(found["loc"][0])
    variable = name if name.isupper() else f"CARBON254_{name.upper()}"
    given = "wrong" if name in SECRET_SETTINGS else repr(str(found["input"]))
    return f"{variable} is {given}: {found['msg'].removeprefix('Value error, ')}"


def _stop(number: int, _: object) -> None:
    """A polite kill ends like Ctrl-C: what is open is closed on the way out."""
    sys.exit(128 + number)


def _say(message: str, remedy: str) -> None:
    err.print("[red]Error:[/red]", end=" ")
    say(message if message.endswith("?") else f"{message.rstrip('.')}.", err)
    if remedy:
        say(remedy, err)


if __name__ == "__main__":
    main()
