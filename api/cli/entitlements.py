"""`carbon254 entitlements`: which ISO's market data a tenant may have, by which channel."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.common import AsJson, InputFile, connect, nothing, read_fields, send
from api.cli.output import err, show_json, show_rows
from infra.errors import WrongUsage

app = typer.Typer(help="Entitlements: whose market data, by which channel.", no_args_is_help=True)

Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant, as its tokens and keys name it.")]
Iso = Annotated[str, typer.Option("--iso", help="MISO, CAISO, PJM or ERCOT.")]
Channels = Annotated[
    list[str] | None, typer.Option("--channel", help="hub, api or downloads; may be given again. All where none is.")
]
From = Annotated[str | None, typer.Option("--from", help="Valid from this time; at once where none is given.")]
Until = Annotated[str | None, typer.Option("--until", help="Valid before this time; for good where none is given.")]

_ALL_CHANNELS = ["hub", "api", "downloads"]


@app.command()
def grant(
    tenant: Tenant,
    iso: Iso,
    channel: Channels = None,
    valid_from: From = None,
    valid_until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Let a tenant have an ISO's market data."""
    fields = {"tenant": tenant, "iso": iso, "channels": channel or _ALL_CHANNELS}
    window = {"valid_from": valid_from, "valid_until": valid_until}
    with connect() as connection:
        send(connection, "grant-entitlement", fields | window, as_json)


@app.command()
def revoke(tenant: Tenant, iso: Iso, channel: Channels = None, as_json: AsJson = False) -> None:
    """Take an ISO's market data from a tenant, from the next request on."""
    fields = {"tenant": tenant, "iso": iso, "channels": channel or _ALL_CHANNELS}
    with connect() as connection:
        send(connection, "revoke-entitlement", fields, as_json)


@app.command()
def apply(file: InputFile, as_json: AsJson = False) -> None:
    """Grant everything that a YAML FILE lists: `tenant`, and `grants` of `iso`, `channels` and an optional window.

    What the file doesn't list stays as it is.
    """
    fields = read_fields(file)
    tenant, grants = fields.pop("tenant", None), fields.pop("grants", None)
    well_formed = isinstance(grants, list) and all(isinstance(one, dict) for one in grants)
    if not tenant or not grants or not well_formed or fields:
        raise WrongUsage(
            f"{file} is no list of entitlements",
            "Write `tenant: NAME`, and `grants:` with a list of `iso` and `channels`.",
        )
    with connect() as connection:
        answers = [connection.command("grant-entitlement", {"tenant": tenant, **one}) for one in grants]
    if as_json:
        show_json(answers)
    else:
        for one, answer in zip(grants, answers, strict=True):
            err.print(f"{tenant}: {one['iso']} by {', '.join(one['channels'])}, at position {answer['position']}")


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option("--tenant", help="Of one tenant only.")] = None, as_json: AsJson = False
) -> None:
    """List what is granted: to every tenant for the platform's admins, to your own else."""
    columns = ("tenant", "iso", "channel", "valid_from", "valid_until", "granted_by", "granted_at")
    empty = nothing("Nothing is granted: `carbon254 entitlements grant TENANT --iso MISO`.", tenant)
    with connect() as connection:
        show_rows(connection.items("/v1/entitlements", tenant=tenant), columns, as_json=as_json, empty=empty)
