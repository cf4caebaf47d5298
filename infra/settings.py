"""What can be set from outside, as environment variables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from infra.data_folder import default_home
from infra.urls import check_url


def _absolute(home: Path) -> Path:
    try:
        return home.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"there is no such user's home directory: {error}") from error


def _without_brackets(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _from_json(given: Any) -> Any:
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError as error:
        raise ValueError('it must be JSON, such as {"name": "value"}') from error


def _written_as(pattern: str, how: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"write it as {how}")
        return text

    return AfterValidator(check)


def _check_key(key: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9a-f]{64}", key.get_secret_value()):
        raise ValueError("write 64 hexadecimal digits in small letters; `carbon254 new-keys` makes them")
    return key


S3Url = Annotated[str, _written_as(r"s3://[a-z0-9][a-z0-9.-]{2,62}(/[^?#]*)?", "s3://bucket or s3://bucket/prefix")]
EventStoreUri = Annotated[
    str,
    _written_as(
        r"(esdb|kurrentdb|kdb)(\+discover)?://[^/?#\s]+(/?\?.*)?",
        "esdb://user:password@host:2113 or kurrentdb://user:password@host:2113",
    ),
]
RedisUrl = Annotated[
    str,
    _written_as(r"rediss?://([^/?#\s@]*@)?[^/?#\s@]+(/\d*)?(\?\S*)?", "redis://user:password@host:6379/0"),
]
ServiceUrl = Annotated[str, _written_as(r"https?://[^/?#@\s]+", "http://host:port")]
IssuerUrl = Annotated[str, AfterValidator(check_url)]
ClusterName = Annotated[
    str, _written_as(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", "the servers name it: letters, digits, _ and -")
]
Key = Annotated[SecretStr, AfterValidator(_check_key)]
Token = Annotated[SecretStr, Field(min_length=32, max_length=200)]

SECRET_SETTINGS = frozenset(
    {"source_keys", "EVENTSTOREDB_URI", "REDIS_URL", "token", "cursor_key", "seal_key", "backup_passphrase"}
)
"""What no message may repeat."""


class Settings(BaseSettings):
    """CARBON254_HOME, CARBON254_HOST and CARBON254_PORT.

    EVENTSTOREDB_URI (`esdb://user:password@host:2113` or `kurrentdb://…`) is the EventStoreDB that holds the event log
    instead of PostgreSQL, which keeps the relational read models.

    Where set, DATABASE_URL replaces the embedded PostgreSQL, CLICKHOUSE_DSN (`clickhouse://user:password@host:8123`)
    the embedded ClickHouse, and CARBON254_OBJECTS (`s3://bucket/prefix`) the data folder as the place of objects.
    CLICKHOUSE_CLUSTER names the cluster on whose every host the tables are made, of which CLICKHOUSE_DSN names one.

    CARBON254_PLATFORM_TENANT names the tenant that owns the market data and operates the platform; the data folder's
    token acts for it. The `oidc_` settings name whose tokens are accepted; without an issuer the local one is on.

    CARBON254_COMMANDS_PER_MINUTE (uploads count too) and CARBON254_READS_PER_MINUTE are what one caller may do; the
    defaults let an ingest of many small files on this machine go at its full speed.

    CARBON254_SOURCES is JSON from the name of a source of feeds to the base URL that is asked instead of its own.
    CARBON254_SOURCE_KEYS is JSON from source to API key; CARBON254_SOURCE_KEYS_DIR a folder with a file a source, which
    comes first and is read anew for every request.

    CARBON254_STREAM_ORIGINS are the pages whose scripts may open the stream, as a JSON list such as
    `["https://hub.example.com"]`; pages of this machine may always.

    CARBON254_BACKUP_TO is where `carbon254 backup` writes to: a folder, or `s3://bucket/prefix`. With
    CARBON254_BACKUP_PASSPHRASE the data folder's keys are part of a backup, encrypted; without it they are not.

    CARBON254_SERVER is the address of a server elsewhere that the command line talks to, instead of the data folder's:
    with CARBON254_TOKEN where it is set, else as who has logged in there.

    KAFKA_BOOTSTRAP_SERVERS, as `host:port,host:port`, is the Kafka to which the topics go; without it they stay in this
    process.

    REDIS_URL (`redis://user:password@host:6379/0`) is where answers are kept for several processes to share, besides
    the cache that each has.

    What follows is for a platform of many processes (docs/operations/processes.md). CARBON254_CURSOR_KEY,
    CARBON254_SEAL_KEY, CARBON254_SEAL_PUBLIC_KEY and CARBON254_TOKEN, as `carbon254 new-keys` prints them, stand for
    what one process keeps in its data folder. CARBON254_HOSTS is a JSON list of the names, besides those of this
    machine, by which a process is called. CARBON254_SERVICES is JSON from the name of a service to the base URL at
    which the gateway finds it. CARBON254_DRAIN_S is how long a process that is told to end says so in /readyz before.

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
    sources: Annotated[dict[str, IssuerUrl], NoDecode, BeforeValidator(_from_json)] = Field(default_factory=dict)
    source_keys: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(_from_json)] = Field(default_factory=dict)
    source_keys_dir: Path | None = None
    stream_origins: tuple[str, ...] = ()
    token: Token | None = None
    cursor_key: Key | None = None
    seal_key: Key | None = None
    seal_public_key: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    hosts: tuple[str, ...] = ()
    services: Annotated[dict[str, ServiceUrl], NoDecode, BeforeValidator(_from_json)] = Field(default_factory=dict)
    drain_s: float = Field(default=0.0, ge=0, le=600)
    objects: S3Url | None = None
    server: IssuerUrl | None = None
    backup_to: str | None = None
    backup_passphrase: SecretStr | None = None
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    eventstoredb_uri: EventStoreUri | None = Field(default=None, validation_alias="EVENTSTOREDB_URI")
    clickhouse_dsn: str | None = Field(default=None, validation_alias="CLICKHOUSE_DSN")
    clickhouse_cluster: ClusterName | None = Field(default=None, validation_alias="CLICKHOUSE_CLUSTER")
    kafka_bootstrap_servers: str | None = Field(default=None, validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    redis_url: RedisUrl | None = Field(default=None, validation_alias="REDIS_URL")
