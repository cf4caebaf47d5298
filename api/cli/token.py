"""`carbon254 token`: a token of the local development issuer."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from api.cli.common import AsJson, connect
from api.cli.output import err, say, show_json

Roles = Annotated[list[str], typer.Option("--role", help="reader, analyst, approver, operator, auditor or admin.")]
Channel = Annotated[str | None, typer.Option(help="hub, api or downloads: the way by which market data leaves.")]

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def token(
    actor: Annotated[str | None, typer.Option(help="Whose token; local-operator by default.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Of which tenant; the platform's own by default.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="May be repeated. By default all for local-operator, and reader for anybody else."),
    ] = None,
    channel: Channel = None,
    ttl: Annotated[str, typer.Option(help="How long it counts: 90s, 30m, 1h, 7d; 30 days at most.")] = "1h",
    as_json: AsJson = False,
) -> None:
    """Print a token that the local issuer signed. Only while no other issuer is configured."""
    given = {"actor": actor, "tenant": tenant, "roles": role or None, "channel": channel, "ttl_s": _seconds(ttl)}
    body = {name: value for name, value in given.items() if value is not None}
    with connect() as connection:
        made = connection.run(connection.request("POST", "/v1/tokens", json=body)).json()
    if as_json:
        show_json(made)
        return
    say(made["token"])
    say(f"{made['actor']} of {made['tenant']}: {', '.join(made['roles'])}, until {made['expires_at']}", err)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if not found:
        raise typer.BadParameter(f"{text!r} is no duration: write 90s, 30m, 1h or 7d", param_hint="--ttl")
    return int(found[1]) * _UNITS_S[found[2]]
