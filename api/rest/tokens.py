"""Tokens of the local development issuer, and the key by which anybody can check them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from api.platform import Platform
from api.problems import Problem
from api.rest.dependencies import PlatformOf, PrincipalOf, only_known_parameters
from api.security import JWKS_PATH
from commands.api_keys import Actor
from infra.local_issuer import LONGEST_LIFE, LocalIssuer
from infra.principal import Channel, Principal, Role

router = APIRouter(tags=["tokens"])


class TokenRequest(BaseModel):
    """Whose token, with which rights, and for how long.

    The caller and its tenant where none is given. Roles where none are given: the caller's for itself, else reader.
    """

    model_config = ConfigDict(extra="forbid")

    actor: Actor | None = None
    tenant: Actor | None = None
    roles: Annotated[list[Role] | None, Field(min_length=1, max_length=6)] = None
    channel: Channel = "api"
    ttl_s: Annotated[int, Field(ge=1, le=int(LONGEST_LIFE.total_seconds()))] = 3600

    def principal(self, caller: Principal) -> Principal:
        tenant, actor = self.tenant or caller.tenant, self.actor or caller.actor
        is_caller = (tenant, actor) == (caller.tenant, caller.actor)
        roles = self.roles or (caller.roles if is_caller else ["reader"])
        return Principal(tenant, actor, frozenset(roles), self.channel)


class Token(BaseModel):
    token: str
    actor: str
    tenant: str
    roles: list[str]
    channel: Channel
    expires_at: datetime


@router.post("/v1/tokens", operation_id="make_token", dependencies=[Depends(only_known_parameters)])
def make_token(request: TokenRequest, platform: PlatformOf, caller: PrincipalOf, response: Response) -> Token:
    """A token of the local issuer, for whoever has the data folder's own token."""
    if caller.kind != "folder token":
        raise Problem(
            403,
            "tokens are made for the owner of the data folder only",
            remedy="Call with the content of the file `token` of the data folder, as `carbon254 token` does.",
        )
    principal = request.principal(caller)
    token, expires_at = _local_issuer(platform, 409).mint(principal, timedelta(seconds=request.ttl_s))
    response.headers["Cache-Control"] = "no-store"
    return Token(
        token=token,
        actor=principal.actor,
        tenant=principal.tenant,
        roles=sorted(principal.roles),
        channel=principal.channel,
        expires_at=expires_at,
    )


@router.get(JWKS_PATH, operation_id="read_jwks")
def read_jwks(platform: PlatformOf) -> dict[str, Any]:
    """The public key of the local issuer, as a JWKS (RFC 7517)."""
    return dict(_local_issuer(platform, 404).jwks())


def _local_issuer(platform: Platform, status: int) -> LocalIssuer:
    if platform.identity.issuer is None:
        raise Problem(
            status,
            "the local issuer is off, because CARBON254_OIDC_ISSUER names another",
            remedy="Get tokens and keys from that issuer.",
        )
    return platform.identity.issuer
