"""The composition root: opens the data folder and what runs on it, and fills every port."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pyarrow as pa
from pydantic import SecretStr

from api.authentication import PlatformAuthenticator, open_identity
from api.cursors import Cursors
from api.platform import LOCAL_PRINCIPAL, Platform
from commands.bus import CommandBus
from commands.message import A, Loaded, Tools
from commands.reading_processes import ReadingProcesses
from commands.readings import Readings
from commands.registry import REGISTRY
from commands.running_feeds import Feeds, NewestInterval, Stopping
from infra.broker import Broker, EmbeddedBroker
from infra.clickhouse import ClickHouse
from infra.clock import Clock
from infra.data_folder import DataFolder
from infra.embedded_postgres import EmbeddedPostgres
from infra.errors import PlatformError
from infra.event_recorder import Pool, PostgresRecorder
from infra.event_store import EventLog
from infra.memory import collect_seldom
from infra.objects import Objects
from infra.postgres import open_pool, own_database, pair_database
from infra.recorder import EventRecorder
from infra.sealing import Sealer
from infra.seals import Seals
from infra.settings import Settings
from infra.subscriptions import Subscription
from infra.tracing import traced_batches
from integrations.isos.feed_registry import FEEDS
from integrations.isos.http import Fetcher
from integrations.isos.simulator import SampleMarket, write_sample
from integrations.isos.simulator.manners import MEMBER_PACES
from integrations.isos.source_keys import SourceKeys
from projections import curve_points, prices, series
from projections.columnar import ColumnarProjector
from projections.columnar_build import ColumnarProjection
from projections.live_credentials import LiveCredentials
from projections.projector import LIVE_BATCH, RelationalProjector
from projections.registry import relational_projections
from projections.replays import Replays
from projections.topics import TopicPublisher
from queries.feeds import newest_interval_end_utc
from queries.prices import price_history
from queries.publications import superseded_readings
from queries.quotes import newest_quotes

if TYPE_CHECKING:
    from integrations.isos.simulator.server import SimulatorServer

_ROOMS = (
    "analytics",
    "api",
    "commands",
    "infra",
    "integrations",
    "projections",
    "queries",
    "read_models",
    "write_model",
)

# Another version of these may move a number in its last bits.
_COMPUTING = ("clarabel", "cvxpy", "numpy", "pyarrow", "scipy")


def open_platform(settings: Settings, *, clock: Clock | None = None, is_simulated: bool = False) -> Platform:
    """Takes the data folder, starts what is embedded, catches no error: each says what is wrong and what to do.

    `clock` is what feeds and events go by, the wall clock where none is given. `is_simulated` says that the settings'
    sources are the simulator's: the folder is marked so, and feeds are asked as often as a member may.

    Raises FolderHeld when another process owns the folder, and PlatformError for everything a user can mend.
    """
    collect_seldom()
    folder = DataFolder.open(settings.home)
    closers: list[Callable[[], None]] = [folder.close]
    try:
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
            ClickHouse.server(settings.clickhouse_dsn) if settings.clickhouse_dsn else ClickHouse.embedded(folder.chdb)
        )
        closers.append(clickhouse.close)
        return _assemble(settings, folder, dsn, pool, clickhouse, closers, clock or Clock(), is_simulated=is_simulated)
    except BaseException:
        while closers:
            closers.pop()()
        raise


def _assemble(
    settings: Settings,
    folder: DataFolder,
    dsn: str,
    pool: Pool,
    clickhouse: ClickHouse,
    closers: list[Callable[[], None]],
    clock: Clock,
    *,
    is_simulated: bool,
) -> Platform:
    objects = Objects.in_s3(settings.objects) if settings.objects else Objects.in_folder(folder.objects)
    recorder = _open_recorder(settings, pool, closers)
    log_id = recorder.log_id()
    folder.pair_with(log_id)
    pair_database(pool, log_id)
    log = EventLog(recorder)
    if is_simulated:
        _mark_simulated(folder, log)
    relational = RelationalProjector(pool, log, relational_projections(objects))
    replays = Replays(pool, dsn, log, relational.projections)
    replays.load()
    closers.append(replays.close)
    columnar = ColumnarProjector(
        pool,
        clickhouse,
        [
            prices.prices_projection(objects),
            curve_points.curve_points_projection(objects),
            *series.series_projections(objects),
        ],
    )
    subscriptions = (
        Subscription(
            "relational",
            log,
            relational.load,
            traced_batches("relational", relational.handle),
            relational.isolate,
            projections=tuple(projection.name for projection in relational.projections),
            batch_size=LIVE_BATCH,
        ),
        *(_columnar_subscription(log, columnar, projection) for projection in columnar.projections),
    )
    broker, topics = _open_broker(settings, pool, log, objects)
    closers.append(broker.close)
    seals = Seals(folder.home / "seals", folder.ensure_seal_key())
    code = code_version()
    token = folder.ensure_token()
    identity = open_identity(settings, folder, _utc_now)
    credentials = LiveCredentials(log, pool)
    owner = replace(LOCAL_PRINCIPAL, tenant=settings.platform_tenant)
    reading_processes = ReadingProcesses()
    closers.append(reading_processes.close)
    platform = Platform(
        settings=settings,
        folder=folder,
        token=token,
        authenticator=PlatformAuthenticator(token, owner, credentials, identity.verifier),
        identity=identity,
        credentials=credentials,
        code_version=code,
        dsn=dsn,
        log=log,
        bus=CommandBus(REGISTRY, log, Tools(
            objects=objects,
            readings=Readings(objects, reading_processes),
            price_history=partial(_price_history, clickhouse, pool),
            forward_quotes=partial(newest_quotes, pool),
            read_aggregate=partial(_read_aggregate, log),
            settled_position=lambda: platform.settled_position(),
            now=clock.now,
            code_version=code,
            platform_tenant=settings.platform_tenant,
        )),
        pool=pool,
        clickhouse=clickhouse,
        objects=objects,
        seals=seals,
        cursors=Cursors(folder.ensure_cursor_key()),
        relational=relational,
        columnar=columnar,
        replays=replays,
        feeds=_open_feeds(
            settings,
            partial(newest_interval_end_utc, pool),
            clock,
            MEMBER_PACES if is_simulated else {},
            is_simulated=folder.is_simulated,
        ),
        clock=clock,
        subscriptions=subscriptions,
        broker=broker,
        topics=topics,
        closers=closers,
    )  # fmt: skip
    for subscription in subscriptions:
        subscription.start()
        platform.closers.append(subscription.stop)
    if settings.kafka_bootstrap_servers:
        topics.subscription.start()
    platform.closers.append(topics.subscription.stop)
    credentials.start()
    platform.closers.append(credentials.write_uses)
    sealer = Sealer(log, seals, _utc_now)
    sealer.start()
    platform.closers.append(sealer.stop)
    platform.closers.append(platform.feeds.close)
    return platform


def _open_recorder(settings: Settings, pool: Pool, closers: list[Callable[[], None]]) -> EventRecorder:
    """The event log's store: EventStoreDB where one is named, else the database of the read models."""
    if settings.eventstoredb_uri:
        try:
            from infra.kurrent_recorder import KurrentRecorder, open_kurrent  # its client is an extra
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


def _open_broker(settings: Settings, pool: Pool, log: EventLog, objects: Objects) -> tuple[Broker, TopicPublisher]:
    """Kafka where one is named; else a broker in this process, to which nothing is published until somebody reads."""
    if settings.kafka_bootstrap_servers:
        from infra.kafka import KafkaBroker  # its client takes longer to import than many a verb takes

        kafka = KafkaBroker(settings.kafka_bootstrap_servers)
        return kafka, TopicPublisher(pool, log, objects, kafka, kafka.prepare)
    embedded = EmbeddedBroker()
    topics = TopicPublisher(pool, log, objects, embedded)
    embedded.on_first_reader = topics.subscription.start
    return embedded, topics


def _mark_simulated(folder: DataFolder, log: EventLog) -> None:
    """Raises PlatformError where there are events already that need not be simulated."""
    if not folder.is_simulated and log.head():
        raise PlatformError(
            f"{folder.home} holds events already, and simulated markets are not mixed with them",
            "Name an empty folder in CARBON254_HOME.",
        )
    folder.mark_simulated()


def _open_feeds(
    settings: Settings,
    newest_interval_end: NewestInterval,
    clock: Clock,
    paces: Mapping[str, float],
    *,
    is_simulated: bool,
) -> Feeds:
    """All feeds over one Fetcher. Raises PlatformError for a setting of a source that there is not."""
    known = {feed.source.name for feed in FEEDS.values()}
    for setting, given in (("CARBON254_SOURCES", settings.sources), ("CARBON254_SOURCE_KEYS", settings.source_keys)):
        if unknown := sorted(set(given) - known):
            raise PlatformError(
                f"{setting} names {', '.join(unknown)}, but there is no such source",
                f"The sources are {', '.join(sorted(known))}.",
            )
    stopping = Stopping(clock)
    keys = {name: key.get_secret_value() for name, key in settings.source_keys.items()}
    fetcher = Fetcher(
        base_urls=settings.sources,
        keys=SourceKeys(keys, settings.source_keys_dir),
        paces=paces,
        sleep=stopping.sleep,
        clock=clock.seconds,
    )
    return Feeds(FEEDS, fetcher, stopping, newest_interval_end, settings.sources, is_simulated=is_simulated)


def _columnar_subscription(log: EventLog, columnar: ColumnarProjector, projection: ColumnarProjection) -> Subscription:
    return Subscription(
        projection.name,
        log,
        partial(columnar.load, projection),
        traced_batches(projection.name, partial(columnar.handle, projection)),
        isolate=partial(columnar.isolate, projection),
        prepare=partial(columnar.prepare, projection, log),
        projections=(projection.name,),
        batch_size=20,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _price_history(
    clickhouse: ClickHouse, pool: Pool, *, iso: str, market: str, node: str, node_type: str, through_position: int
) -> pa.Table:
    return price_history(
        clickhouse,
        iso=iso,
        market=market,
        node=node,
        node_type=node_type,
        feed=None,
        through_position=through_position,
        superseded=superseded_readings(pool, through_position),
    )


def _read_aggregate(log: EventLog, kind: type[A], aggregate_id: UUID) -> Loaded[A] | None:
    stream = log.stream(aggregate_id)
    try:
        aggregate = stream.aggregate(kind)
    except TypeError:
        return None
    return Loaded(aggregate, stream.events[0].metadata.tenant, stream.position) if aggregate else None


def open_simulator(
    *, seed: int, nodes: int, clock: Clock, port: int = 0, rate: float = 0.0, faults: Sequence[str] = ()
) -> SimulatorServer:
    """A server of the four simulated markets, not started yet.

    `rate` is the share of requests that get a fault, `faults` a list of them (`kind:where:times`). Raises PlatformError
    for what cannot be, and where the port is taken.
    """
    # Only now: no other verb needs the market's mathematics and its server.
    from integrations.isos.simulator.faults import Faults, Wanted
    from integrations.isos.simulator.server import SimulatorServer
    from integrations.isos.simulator.world import simulated_world

    try:
        wanted = [Wanted.of(text) for text in faults]
        world = simulated_world(seed=seed, nodes=nodes, clock=clock, faults=Faults(seed, rate, wanted))
    except ValueError as error:
        raise PlatformError(f"The simulator cannot be started: {error}", "`carbon254 simulate --help`") from error
    return SimulatorServer(world, port)


def simulated_settings(settings: Settings, simulator: SimulatorServer) -> Settings:
    """The settings with which feeds are asked of the simulator."""
    keys = {source: SecretStr(key) for source, key in simulator.source_keys.items()}
    asked = {"sources": simulator.base_urls, "source_keys": keys, "source_keys_dir": None}
    return settings.model_copy(update=asked)


def write_sample_files(folder: Path, *, day: date | None, seed: int) -> SampleMarket:
    """A simulated day of four ISOs (yesterday where none is given), and what the main job needs besides."""
    return write_sample(folder, day=day or datetime.now(UTC).date() - timedelta(days=1), seed=seed)


def code_version() -> str:
    """The distribution's version and a hash over its source and the versions of the libraries that compute.

    A result that carries it names the very code that made it.
    """
    root = Path(__file__).parent.parent
    hasher = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            hasher.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    hasher.update(" ".join(f"{library} {version(library)}" for library in _COMPUTING).encode())
    return f"{version('carbon254-platform')}+{hasher.hexdigest()[:12]}"
