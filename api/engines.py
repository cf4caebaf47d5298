"""What a platform runs on: opened for one process that owns all of it, or joined by one of many.

One process owns a data folder, and starts what no setting names. Many processes share nothing but engines that
settings name; what the one keeps in its folder (keys and seals) then comes from settings and lies among the objects.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from api.authentication import Identity, open_identity
from infra.clickhouse import ClickHouse
from infra.data_folder import DataFolder
from infra.embedded_postgres import EmbeddedPostgres
from infra.errors import PlatformError
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import join_database, open_pool, own_database, pair_database
from infra.recorder import EventRecorder
from infra.seal_files import SealObjects
from infra.seals import Seals
from infra.settings import Settings

Closers = list[Callable[[], None]]
Now = Callable[[], datetime]


@dataclass(frozen=True)
class Engines:
    """Everything below the platform. `folder` is None where this process is one of many.

    `token` is the operator's own, None where only the issuer's tokens and API keys are accepted.
    """

    settings: Settings
    folder: DataFolder | None
    dsn: str
    pool: Pool
    clickhouse: ClickHouse
    objects: Objects
    log: EventLog
    seals: Seals
    identity: Identity
    token: str | None
    cursor_key: bytes
    is_simulated: bool


def own_engines(settings: Settings, now: Now, closers: Closers, *, is_simulated: bool) -> Engines:
    """Takes the data folder and starts what is embedded; `closers` stop it in the opposite order.

    Raises FolderHeld when another process owns the folder, and PlatformError for everything a user can mend.
    """
    if settings.clickhouse_cluster and not settings.clickhouse_dsn:
        raise PlatformError(
            "CLICKHOUSE_CLUSTER is set, and CLICKHOUSE_DSN is not: the embedded engine is no host of a cluster",
            "Name one of its hosts in CLICKHOUSE_DSN, or take CLICKHOUSE_CLUSTER away.",
        )
    folder = DataFolder.open(settings.home)
    closers.append(folder.close)
    if settings.database_url:
        dsn = settings.database_url
    else:
        postgres = EmbeddedPostgres.start(folder.postgres)
        closers.append(postgres.stop)
        dsn = postgres.dsn
    pool = open_pool(dsn)
    closers.append(pool.close)
    closers.append(own_database(dsn))
    clickhouse = (
        ClickHouse.server(settings.clickhouse_dsn, cluster=settings.clickhouse_cluster)
        if settings.clickhouse_dsn
        else ClickHouse.embedded(folder.chdb)
    )
    closers.append(clickhouse.close)
    objects = Objects.in_s3(settings.objects) if settings.objects else Objects.in_folder(folder.objects)
    recorder = _open_recorder(settings, pool, closers)
    log_id = recorder.log_id()
    folder.pair_with(log_id)
    pair_database(pool, log_id)
    log = EventLog(recorder)
    if is_simulated:
        mark_simulated(folder, log)
    return Engines(
        settings=settings,
        folder=folder,
        dsn=dsn,
        pool=pool,
        clickhouse=clickhouse,
        objects=objects,
        log=log,
        seals=Seals(folder.home / "seals", folder.ensure_seal_key()),
        identity=open_identity(settings, folder, now),
        token=folder.ensure_token(),
        cursor_key=folder.ensure_cursor_key(),
        is_simulated=folder.is_simulated,
    )


def join_engines(settings: Settings, now: Now, closers: Closers, *, seals: bool = False, held: int = 0) -> Engines:
    """Joins the engines that settings name; `seals` says that this process is to make seals, and so needs their key,
    `held` how many connections to the database its duties hold for long.

    Raises PlatformError, naming the setting, where one is missing or an engine does not answer.
    """
    _check_shared(settings, seals=seals)
    assert settings.database_url
    assert settings.clickhouse_dsn
    assert settings.objects
    assert settings.cursor_key
    pool = open_pool(settings.database_url, most=_SHORTLY_USED + held)
    closers.append(pool.close)
    closers.append(join_database(settings.database_url))
    clickhouse = ClickHouse.server(settings.clickhouse_dsn, is_shared=True, cluster=settings.clickhouse_cluster)
    closers.append(clickhouse.close)
    objects = Objects.in_s3(settings.objects)
    recorder = _open_recorder(settings, pool, closers)
    pair_database(pool, recorder.log_id())
    return Engines(
        settings=settings,
        folder=None,
        dsn=settings.database_url,
        pool=pool,
        clickhouse=clickhouse,
        objects=objects,
        log=EventLog(recorder),
        seals=_shared_seals(settings, objects),
        identity=open_identity(settings, None, now),
        token=settings.token.get_secret_value() if settings.token else None,
        cursor_key=bytes.fromhex(settings.cursor_key.get_secret_value()),
        is_simulated=False,
    )


# Connections that come back after a statement or two: of whoever asks, of appends, of the subscriptions and locks of a
# projector. Who finds none waits for one.
_SHORTLY_USED = 12


def _check_shared(settings: Settings, *, seals: bool) -> None:
    """Raises PlatformError where something is missing that processes have to share."""
    needed: dict[str, object] = {
        "DATABASE_URL": settings.database_url,
        "CLICKHOUSE_DSN": settings.clickhouse_dsn,
        "CARBON254_OBJECTS": settings.objects,
        "CARBON254_OIDC_ISSUER": settings.oidc_issuer,
        "CARBON254_CURSOR_KEY": settings.cursor_key,
    }
    if seals:
        needed["CARBON254_SEAL_KEY"] = settings.seal_key
    else:
        needed["CARBON254_SEAL_PUBLIC_KEY"] = settings.seal_public_key or settings.seal_key
    if missing := [name for name, value in needed.items() if not value]:
        raise PlatformError(
            f"Not set: {', '.join(missing)}. One of many processes shares nothing but what settings name",
            "Set them alike for all processes (`carbon254 new-keys` makes the keys), or run `carbon254 serve` without "
            "--service: it is the whole platform in one process.",
        )


def _shared_seals(settings: Settings, objects: Objects) -> Seals:
    """Raises PlatformError where the two keys do not belong together."""
    private = bytes.fromhex(settings.seal_key.get_secret_value()) if settings.seal_key else None
    public = settings.seal_public_key
    seals = Seals(SealObjects(objects), private, bytes.fromhex(public) if public else None)
    if public and seals.public_key != public:
        raise PlatformError(
            "CARBON254_SEAL_PUBLIC_KEY is not the public key of CARBON254_SEAL_KEY",
            "Set both as `carbon254 new-keys` printed them.",
        )
    return seals


def _open_recorder(settings: Settings, pool: Pool, closers: Closers) -> EventRecorder:
    """The event log's store: EventStoreDB where one is named, else the database of the read models."""
    if settings.eventstoredb_uri:
        try:
            from infra.kurrent_client import open_kurrent  # the client is an extra
            from infra.kurrent_recorder import KurrentRecorder
        except ImportError as error:
            raise PlatformError(
                "EVENTSTOREDB_URI is set, but the client of EventStoreDB is not installed",
                "pip install 'carbon254-platform[kurrentdb]' (or, for the older client, [esdbclient])",
            ) from error
        client = open_kurrent(settings.eventstoredb_uri)
        closers.append(client.close)
        on_store = KurrentRecorder(client)
        on_store.keep_index(pool)
        return on_store
    recorder = PostgresRecorder(pool)
    recorder.create_schema()
    return recorder


def mark_simulated(folder: DataFolder, log: EventLog) -> None:
    """Raises PlatformError where there are events already that need not be simulated."""
    if not folder.is_simulated and log.head():
        raise PlatformError(
            f"{folder.home} holds events already, and simulated markets are not mixed with them",
            "Name an empty folder in CARBON254_HOME.",
        )
    folder.mark_simulated()
