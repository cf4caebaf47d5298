"""Keys and revocations in memory, as current as the log: what every request is decided by.

It starts from the read model and follows the log from there. What this process appends it hears of within the append
itself; what others append it asks for, at the latest `CURRENT_FOR_S` after it last did, before it is relied upon.
Each event only ever adds a key or takes something away for good, so neither the order nor a repetition matters.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from psycopg_pool import PoolTimeout

from infra.definitions import lock_definitions
from infra.errors import PlatformError
from infra.event_mapper import RecordedEvent
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.principal import CHANNELS, Channel, Principal
from infra.shared_work import SharedWork
from projections.api_keys import PROJECTION
from read_models.api_keys import USES, save_uses
from read_models.relational import load_checkpoint
from write_model.api_keys import ActorAccess, ApiKey

logger = logging.getLogger(__name__)

# How long nobody asks whether another process has revoked something.
CURRENT_FOR_S = 0.25
# Uses of keys are written together, so that a busy key costs nothing more than a quiet one.
WRITE_USES_EVERY_S = 5.0

_NAMES = [e.TOPIC for e in (ApiKey.Issued, ApiKey.Revoked, ActorAccess.Revoked, ActorAccess.RevokedAgain)]


@dataclass(frozen=True)
class LiveKey:
    """A key that was issued: who calls by it, what proves it, and where in the log it was issued."""

    key_id: UUID
    principal: Principal
    expires_at: datetime
    position: int
    secret_sha256: str = field(repr=False)


@dataclass(frozen=True)
class Cutoff:
    """Where in the log, and when, all of an actor was last revoked."""

    position: int
    revoked_at: datetime


_NEVER = Cutoff(0, datetime.min.replace(tzinfo=UTC))


class LiveCredentials:
    """Which keys count, and which actors' older tokens do not."""

    def __init__(self, log: EventLog, pool: Pool) -> None:
        self._log = log
        self._pool = pool
        self._keys: dict[str, LiveKey] = {}
        self._revoked: set[UUID] = set()
        self._cutoffs: dict[tuple[str, str], Cutoff] = {}
        self._lock = threading.Lock()
        self._position = 0
        self._current_at = self._uses_written_at = -float("inf")
        self._uses: dict[UUID, datetime] = {}
        self._catching_up = SharedWork(self.catch_up, "live-credentials")

    def start(self) -> None:
        """Loads what the read model holds and follows the log from there."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            lock_definitions(cursor)
            cursor.execute(USES)
            # The checkpoint first: rows that come while we read are then met once more, and not missed.
            self._position = load_checkpoint(cursor, PROJECTION.name, PROJECTION.version)
            keys = cursor.execute("""SELECT key_id, tenant, actor, roles, channel, prefix, expires_at, log_position,
                secret_sha256, revoked_at IS NOT NULL FROM api_key""").fetchall()
            actors = cursor.execute("SELECT tenant, actor, log_position, revoked_at FROM revoked_actor").fetchall()
        for key_id, tenant, actor, roles, channel, prefix, expires_at, position, secret_sha256, is_revoked in keys:
            principal = _principal(tenant, actor, roles, channel, prefix, expires_at)
            self._keys[prefix] = LiveKey(key_id, principal, expires_at, position, secret_sha256)
            if is_revoked:
                self._revoked.add(key_id)
        self._cutoffs = {(tenant, actor): Cutoff(position, at) for tenant, actor, position, at in actors}
        self._log.on_append(self._heed)
        self.catch_up()

    async def be_current(self) -> None:
        """Returns when nothing that was revoked `CURRENT_FOR_S` ago is unknown here. Raises PlatformError."""
        if time.monotonic() - self._current_at <= CURRENT_FOR_S:
            return
        try:
            await self._catching_up.done()
        except (psycopg.Error, PoolTimeout) as error:
            logger.warning("revocations cannot be read: %s", error)
            raise PlatformError(
                "nobody can be let in: the event log does not tell what has been revoked",
                "See that the database answers; `carbon254 doctor` shows what is wrong.",
            ) from error

    def catch_up(self) -> None:
        """Reads what was appended since the last time, by whichever process; writes uses of keys where due."""
        started = time.monotonic()
        head = self._log.head()
        if head > self._position:
            self._heed(self._log.named(_NAMES, after=self._position, through=head))
            self._position = head
        self._current_at = started
        if self._uses and started - self._uses_written_at > WRITE_USES_EVERY_S:
            self.write_uses()

    def key(self, prefix: str) -> LiveKey | None:
        return self._keys.get(prefix)

    def is_revoked(self, key: LiveKey) -> bool:
        return key.key_id in self._revoked or key.position < self._cutoff(key.principal).position

    def is_outdated(self, principal: Principal, issued_at_s: float) -> bool:
        """Whether a token that was issued at a time (seconds since 1970) is older than its actor's revocation.

        Tokens tell whole seconds: one of the very second of the revocation counts as older.
        """
        return issued_at_s <= self._cutoff(principal).revoked_at.timestamp()

    def revoked_since(self, principal: Principal, position: int) -> str | None:
        """Why what a caller asked for at `position` counts no more; None while it does."""
        self.catch_up()
        if position < self._cutoff(principal).position:
            return f"all that {principal.actor} held was revoked"
        if (key_prefix := principal.key_prefix) is None:
            return None
        key = self._keys.get(key_prefix)
        if key is None or self.is_revoked(key):
            return f"the API key {key_prefix}, by which {principal.actor} asked for it, was revoked"
        if key.expires_at <= datetime.now(UTC):
            return f"the API key {key_prefix}, by which {principal.actor} asked for it, has expired"
        return None

    def note_use(self, key: LiveKey) -> None:
        self._uses[key.key_id] = datetime.now(UTC)

    def write_uses(self) -> None:
        """Puts the uses of keys on record that are not yet."""
        uses, self._uses = self._uses, {}
        self._uses_written_at = time.monotonic()
        if uses:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                save_uses(cursor, uses)

    def _cutoff(self, principal: Principal) -> Cutoff:
        return self._cutoffs.get((principal.tenant, principal.actor), _NEVER)

    def _heed(self, events: Iterable[RecordedEvent]) -> None:
        for recorded in events:
            match recorded.event:
                case ApiKey.Issued() as issued:
                    self._keys[issued.prefix] = _live_key(recorded, issued)
                case ApiKey.Revoked():
                    self._revoked.add(recorded.stream_id)
                case ActorAccess.Revoked(actor=actor) | ActorAccess.RevokedAgain(actor=actor):
                    self._cut_off(recorded, actor)

    def _cut_off(self, recorded: RecordedEvent, actor: str) -> None:
        who = (recorded.metadata.tenant, actor)
        with self._lock:
            if recorded.position > self._cutoffs.get(who, _NEVER).position:
                self._cutoffs[who] = Cutoff(recorded.position, recorded.metadata.recorded_at)


def _live_key(recorded: RecordedEvent, issued: ApiKey.Issued) -> LiveKey:
    principal = _principal(
        recorded.metadata.tenant, issued.actor, issued.roles, issued.channel, issued.prefix, issued.expires_at
    )
    return LiveKey(recorded.stream_id, principal, issued.expires_at, recorded.position, issued.secret_sha256)


def _principal(
    tenant: str, actor: str, roles: Iterable[str], channel: str, prefix: str, expires_at: datetime
) -> Principal:
    return Principal(tenant, actor, frozenset(roles), _channel(channel), "key", f"key {prefix}", expires_at)


def _channel(name: str) -> Channel:
    return next(channel for channel in CHANNELS if channel == name)
