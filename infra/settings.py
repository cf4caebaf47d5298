"""What can be set from outside, as environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.data_folder import default_home
from infra.urls import check_url


def _absolute(home: Path) -> Path:
    try:
        return home.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"there is no such user's home directory: {error}") from error


def _without_brackets(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


IssuerUrl = Annotated[str, AfterValidator(check_url)]


class Settings(BaseSettings):
    """CARBON254_HOME, CARBON254_HOST and CARBON254_PORT; DATABASE_URL, where set, replaces the embedded PostgreSQL.

    CARBON254_PLATFORM_TENANT names the tenant that owns the market data and operates the platform; the data folder's
    token acts for it. The `oidc_` settings name whose tokens are accepted; without an issuer the local one is on.

    CARBON254_COMMANDS_PER_MINUTE (uploads count too) and CARBON254_READS_PER_MINUTE are what one caller may do; the
    defaults let an ingest of many small files on this machine go at its full speed.

    CARBON254_STREAM_ORIGINS are the pages whose scripts may open the stream, as a JSON list such as
    `["https://hub.example.com"]`; pages of this machine may always.

    `home` is absolute; `host` is without the brackets that an IPv6 address has in a URL.
    """

    model_config = SettingsConfigDict(
        env_prefix="CARBON254_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Field(default_factory=default_home)
    host: Annotated[str, AfterValidator(_without_brackets)] = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    platform_tenant: str = Field(default="local", min_length=1, max_length=100)
    oidc_issuer: IssuerUrl | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: IssuerUrl | None = None
    oidc_tenant_claim: str = "tenant"
    commands_per_minute: int = Field(default=6_000, ge=1)
    reads_per_minute: int = Field(default=12_000, ge=1)
    stream_origins: tuple[str, ...] = ()
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
