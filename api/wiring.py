"""The composition root: opens the data folder and what runs on it, and fills every port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pyarrow as pa

from api.authentication import PlatformAuthenticator
from api.code_version import code_version
from api.cursors import Cursors
from api.curve_keeping import share_curves
from api.engines import Closers, Engines, join_engines, own_engines
from api.platform import ANSWERING, LOCAL_PRINCIPAL, Duties, Platform
from commands.bus import CommandBus
from commands.message import A, Loaded, Tools
from commands.reading_processes import ReadingProcesses
from commands.readings import Readings
from commands.registry import REGISTRY
from commands.running_feeds import Feeds, NewestInterval, Stopping
from commands.shared_polling import note_feeds
from commands.uploads import Uploads
from infra.broker import Broker, EmbeddedBroker
from infra.cache import open_cache
from infra.claims import Claims, Task
from infra.clickhouse import ClickHouse
from infra.clock import Clock
from infra.errors import PlatformError
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.memory import collect_seldom
from infra.objects import Objects
from infra.sealing import Sealer, SealingTask
from infra.settings import Settings
from infra.subscriptions import Subscription
from infra.tracing import traced_batches
from infra.turns import Turns
from integrations.isos.feed_registry import FEEDS
from integrations.isos.http import Fetcher
from integrations.isos.simulator.manners import MEMBER_PACES
from integrations.isos.source_keys import SourceKeys
from projections import curve_points, prices, series, topics
from projections.columnar import ColumnarProjector
from projections.columnar_build import ColumnarProjection
from projections.elsewhere import ClaimedSubscription, FollowedElsewhere, await_read_models
from projections.live_credentials import LiveCredentials
from projections.projector import LIVE_BATCH, RelationalProjector
from projections.registry import relational_projections
from projections.replays import Replays
from projections.topics import TopicPublisher
from queries.feeds import newest_interval_end_utc
from queries.prices import price_history
from queries.publications import superseded_readings
from queries.quotes import newest_quotes
from read_models.series import DATASETS

RELATIONAL = "relational"
"""The one subscription of all relational read models."""


def open_platform(settings: Settings, *, clock: Clock | None = None, is_simulated: bool = False) -> Platform:
    """The whole platform in this process: takes the data folder, starts what is embedded, and follows the log.

    `clock` is what feeds and events go by, the wall clock where none is given. `is_simulated` says that the settings'
    sources are the simulator's: the folder is marked so, and feeds are asked as often as a member may.

    Raises FolderHeld when another process owns the folder, and PlatformError for everything a user can mend.
    """
    collect_seldom()

    def open_(closers: Closers) -> Platform:
        engines = own_engines(settings, _utc_now, closers, is_simulated=is_simulated)
        platform, makers = _assemble(engines, clock or Clock(), closers, MEMBER_PACES if is_simulated else {})
        platform.subscriptions = subscriptions = tuple(make() for make in makers.values())
        for subscription in subscriptions:
            subscription.start()
            closers.append(subscription.stop)
        if settings.kafka_bootstrap_servers:
            platform.publisher = platform.topics.subscription
            platform.topics.subscription.start()
        closers.append(platform.topics.subscription.stop)
        _begin_answering(platform)
        sealer = Sealer(platform.log, platform.seals, _utc_now)
        sealer.start()
        closers.append(sealer.stop)
        closers.append(platform.feeds.close)
        return platform

    return _opened(open_)


def join_platform(settings: Settings, duties: Duties = ANSWERING) -> Platform:
    """One process of many over the same engines. It answers, and does what `duties` say and no other process has
    claimed.

    Raises PlatformError where a setting is missing, an engine does not answer, or nobody makes the read models.
    """
    collect_seldom()

    def join(closers: Closers) -> Platform:
        engines = join_engines(settings, _utc_now, closers, seals=duties.seals, held=_held_connections(duties))
        platform, makers = _assemble(engines, Clock(), closers, {})
        elsewhere = {name: FollowedElsewhere(name, engines.pool, *_filled_by(name, platform)) for name in makers}
        own = {
            name: ClaimedSubscription(make, elsewhere[name])
            for name, make in makers.items()
            if name in duties.projections
        }
        platform.subscriptions = tuple(own.get(name) or elsewhere[name] for name in makers)
        tasks: dict[str, Task] = {**own}
        if topics.NAME in duties.projections and settings.kafka_bootstrap_servers:
            publisher = ClaimedSubscription(platform.topics.follow, FollowedElsewhere(topics.NAME, engines.pool, {}))
            platform.publisher = tasks[topics.NAME] = publisher
        if duties.seals:
            tasks["seals"] = SealingTask(lambda: Sealer(platform.log, platform.seals, _utc_now, look_every_s=1.0))
        note_feeds(platform.feeds, platform.turns)
        if tasks:
            claims = Claims(engines.dsn, tasks)
            claims.start()
            closers.append(claims.stop)
        await_read_models(engines.pool, [p.name for p in platform.relational.projections])
        _begin_answering(platform)
        if duties.curves:
            share_curves(platform)
        closers.append(platform.feeds.close)
        return platform

    return _opened(join)


def _held_connections(duties: Duties) -> int:
    """How many connections are held for as long as a source is asked, or the curve of a lane is built."""
    sources = {feed.source.name for feed in FEEDS.values()} if duties.feeds else ()
    return len(sources) + duties.curves


def _opened(open_: Callable[[Closers], Platform]) -> Platform:
    closers: Closers = []
    try:
        return open_(closers)
    except BaseException:
        while closers:
            closers.pop()()
        raise


def _begin_answering(platform: Platform) -> None:
    platform.credentials.start()
    platform.closers.append(platform.credentials.write_uses)


def projector_names() -> tuple[str, ...]:
    """What a projector may be told to do alone."""
    return RELATIONAL, "prices", "curve_points", *DATASETS, topics.NAME


Makers = Mapping[str, Callable[[], Subscription]]


def _assemble(engines: Engines, clock: Clock, closers: Closers, paces: Mapping[str, float]) -> tuple[Platform, Makers]:
    """A platform that does nothing yet, and how each of its subscriptions is made, by name."""
    settings, pool, log, objects, clickhouse = (
        engines.settings, engines.pool, engines.log, engines.objects, engines.clickhouse,
    )  # fmt: skip
    relational = RelationalProjector(pool, log, relational_projections(objects))
    replays = Replays(pool, engines.dsn, log, relational.projections)
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
    makers = {RELATIONAL: partial(_relational_subscription, log, relational)} | {
        projection.name: partial(_columnar_subscription, log, columnar, projection)
        for projection in columnar.projections
    }
    broker, publisher = _open_broker(settings, pool, log, objects)
    closers.append(broker.close)
    code = code_version()
    credentials = LiveCredentials(log, pool)
    owner = replace(LOCAL_PRINCIPAL, tenant=settings.platform_tenant)
    reading_processes = ReadingProcesses()
    closers.append(reading_processes.close)
    platform = Platform(
        settings=settings,
        own_folder=engines.folder,
        own_token=engines.token,
        authenticator=PlatformAuthenticator(engines.token, owner, credentials, engines.identity.verifier),
        identity=engines.identity,
        credentials=credentials,
        code_version=code,
        dsn=engines.dsn,
        log=log,
        bus=CommandBus(REGISTRY, log, Tools(
            objects=objects,
            uploads=Uploads(objects),
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
        seals=engines.seals,
        cursors=Cursors(engines.cursor_key),
        relational=relational,
        columnar=columnar,
        replays=replays,
        feeds=_open_feeds(
            settings, partial(newest_interval_end_utc, pool), clock, paces, is_simulated=engines.is_simulated
        ),
        clock=clock,
        broker=broker,
        topics=publisher,
        turns=Turns(pool),
        cache=open_cache(settings.redis_url),
        closers=closers,
    )  # fmt: skip
    closers.append(platform.cache.close)
    return platform, makers


def _filled_by(name: str, platform: Platform) -> tuple[Mapping[str, int], str]:
    """The projections, with their versions, that a subscription fills, and the store that they are in."""
    if name == RELATIONAL:
        return {p.name: p.version for p in platform.relational.projections}, ""
    return {p.name: p.version for p in platform.columnar.projections if p.name == name}, platform.clickhouse.store_id


def _open_broker(settings: Settings, pool: Pool, log: EventLog, objects: Objects) -> tuple[Broker, TopicPublisher]:
    """Kafka where one is named; else a broker in this process, to which nothing is published until somebody reads."""
    if settings.kafka_bootstrap_servers:
        from infra.kafka import KafkaBroker  # its client takes longer to import than many a verb takes

        kafka = KafkaBroker(settings.kafka_bootstrap_servers)
        return kafka, TopicPublisher(pool, log, objects, kafka, kafka.prepare)
    embedded = EmbeddedBroker()
    publisher = TopicPublisher(pool, log, objects, embedded)
    embedded.on_first_reader = publisher.subscription.start
    return embedded, publisher


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


def _relational_subscription(log: EventLog, relational: RelationalProjector) -> Subscription:
    return Subscription(
        RELATIONAL,
        log,
        relational.load,
        traced_batches(RELATIONAL, relational.handle),
        relational.isolate,
        projections=tuple(projection.name for projection in relational.projections),
        batch_size=LIVE_BATCH,
    )


def _columnar_subscription(log: EventLog, columnar: ColumnarProjector, projection: ColumnarProjection) -> Subscription:
    return Subscription(
        projection.name,
        log,
        partial(columnar.load, projection),
        traced_batches(projection.name, partial(columnar.handle, projection, log)),
        isolate=partial(columnar.isolate, projection, log),
        prepare=partial(columnar.prepare, projection, log),
        projections=(projection.name,),
        wants=projection.wants,
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
