"""`carbon254 login` and `logout`: signing in at the issuer of a server elsewhere.

What they need is imported when they are called: cryptography, which no other verb of a client needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import err, say
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.device_login import Invitation

CLIENT = "carbon254-cli"


def login(
    issuer: Annotated[
        str | None, typer.Option(metavar="URL", help="Who signs tokens; by default CARBON254_OIDC_ISSUER.")
    ] = None,
    client: Annotated[str, typer.Option(help="The issuer's client for this program.")] = CLIENT,
) -> None:
    """Sign in for the server that CARBON254_SERVER or --server names, with a code in a browser anywhere."""
    from api.cli.logins import Logins
    from infra.device_login import Issuer

    settings = Settings()
    server = _server(settings)
    named = issuer or settings.oidc_issuer
    if named is None:
        raise typer.BadParameter("name the issuer, or set CARBON254_OIDC_ISSUER", param_hint="--issuer")
    Logins.of_user().keep(server, Issuer(named, client).sign_in(_invite))
    say(f"Signed in at {server}.", err)


def logout() -> None:
    """Forget the sign-in for a server, and have the issuer forget it."""
    from api.cli.logins import Logins
    from infra.device_login import Issuer

    server = _server(Settings())
    known = Logins.of_user().forget(server)
    if known is None:
        say(f"You were not signed in at {server}.", err)
        return
    Issuer(known.issuer, known.client_id).sign_out(known)
    say(f"Signed out at {server}.", err)


def _server(settings: Settings) -> str:
    if settings.server is None:
        raise typer.BadParameter("name the server: carbon254 --server URL, or CARBON254_SERVER", param_hint="--server")
    return settings.server


def _invite(invitation: Invitation) -> None:
    say(f"Open {invitation.complete_uri or invitation.uri}")
    say(f"and see that it shows the code {invitation.user_code}")
    say(f"Waiting, at most {invitation.expires_in_s / 60:.0f} minutes…", err)
