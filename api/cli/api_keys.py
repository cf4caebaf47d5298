"""`carbon254 api-keys`: keys for programs."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, Id, connect, nothing, send
from api.cli.output import err, out, say, show_json, show_rows
from api.cli.token import Channel, Roles

app = typer.Typer(help="API keys: issued, listed, revoked.", no_args_is_help=True)

_COLUMNS = ("id", "prefix", "name", "actor", "roles", "channel", "status", "expires_at", "last_used_at")


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Roles,
    channel: Channel = None,
    actor: Annotated[str | None, typer.Option(help="For whom it acts; you, by default.")] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends, with an offset: 2027-01-31T00:00Z. In 90 days by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Issue a key. Prints its id and then the key itself, which is shown this once."""
    given = {"name": name, "roles": role, "channel": channel, "actor": actor, "expires_at": expires}
    with connect() as connection:
        answer = connection.command("issue-api-key", {k: v for k, v in given.items() if v is not None})
    if as_json:
        show_json(answer)
        return
    out.print(answer["id"])
    say(answer["secret"])
    err.print("Keep the key: it is shown this once.")


@app.command("list")
def list_(
    prefix: Annotated[str, typer.Option(help="How the keys begin, as c254_ab.")] = "", as_json: AsJson = False
) -> None:
    """List the keys, newest first."""
    with connect() as connection:
        found = connection.items("/v1/api-keys", prefix=prefix)
        empty = nothing("No keys: `carbon254 api-keys issue NAME --role reader`.", prefix)
        show_rows(found, _COLUMNS, as_json=as_json, empty=empty)


@app.command()
def revoke(key: Id, as_json: AsJson = False) -> None:
    """Revoke the key ID for good, effective on the next request."""
    with connect() as connection:
        send(connection, "revoke-api-key", {"key_id": str(key)}, as_json)
