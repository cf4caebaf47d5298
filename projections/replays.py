"""Replays: the relational read models as they stood at a position of the log, in a schema beside the live ones.

Columnar rows carry their position and objects never change, so that nothing of these need be built: a reader of a
replay leaves out what came later.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from infra.database_locks import DatabaseLocks
from infra.definitions import lock_definitions
from infra.errors import PlatformError
from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.postgres import open_pool
from projections.building import Building
from projections.relational import Progress, RelationalProjection, views_of
from read_models.relational import LIVE_SCHEMA, create_views
from read_models.replays import (
    REPLAYS,
    add_replay,
    complete_replay,
    find_replay,
    half_built_replays,
    remove_replay,
    replay_schema,
)

logger = logging.getLogger(__name__)

_CONNECTIONS = 3  # to each replay that is read: a server has some forty for everybody


class NoReplay(PlatformError):
    """There is no replay of that name, or it is not complete yet."""


class ReplayNameTaken(PlatformError):
    """A replay of that name shows another position, or is just being built."""


@dataclass(frozen=True)
class Replay:
    """What a reader of a replay needs: where its tables are found, and the position it shows."""

    pool: Pool
    position: int


class Replays:
    """Makes, finds and drops replays. Those that a crash left half built are dropped by `load`."""

    def __init__(self, pool: Pool, dsn: str, log: EventLog, projections: Sequence[RelationalProjection]) -> None:
        self._pool = pool
        self._dsn = dsn
        self._log = log
        self._projections = projections
        self._locks = DatabaseLocks(pool)
        self._open: dict[str, Replay] = {}
        self._lock = threading.Lock()  # held while `_open` changes

    def load(self) -> None:
        with self._pool.connection() as connection, connection.cursor() as cursor:
            lock_definitions(cursor)
            cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(LIVE_SCHEMA)))
            cursor.execute(REPLAYS)
            half_built = half_built_replays(cursor)
        for name in half_built:
            building = self._locks.named(f"replay {name}")
            if not building.acquire(blocking=False):
                continue  # another process is building it
            try:
                logger.warning("the replay %s was interrupted while it was built; it is dropped", name)
                self._remove(name)
            finally:
                building.release()

    def reserve(self, name: str, position: int) -> bool:
        """Takes a name for a replay to be built next; False when that very replay is there already.

        Raises ReplayNameTaken.
        """
        with self._pool.connection() as connection, connection.cursor() as cursor:
            if add_replay(cursor, name, position):
                return True
            found = find_replay(cursor, name)
        if found == (position, True):
            return False
        if found and found[1]:
            raise ReplayNameTaken(
                f"The replay {name} shows position {found[0]}, not {position}.",
                f"Choose another name, or `carbon254 replay drop {name}` first.",
            )
        raise ReplayNameTaken(f"The replay {name} is just being built.", "Wait for it, or choose another name.")

    def build(self, name: str, position: int, progress: Progress) -> None:
        """Builds a replay whose name was reserved; one that fails leaves nothing."""
        building = Building(self._pool, self._log, self._projections, replay_schema(name))
        with self._locks.named(f"replay {name}"):
            try:
                building.start()
                building.advance(position, progress)
                building.finish()
                with self._pool.connection() as connection, connection.cursor() as cursor:
                    complete_replay(cursor, name)
                    create_views(cursor, views_of(self._projections), building.schema)
            except BaseException:
                self._remove(name)
                raise

    def find(self, name: str) -> Replay:
        """Raises NoReplay."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            found = find_replay(cursor, name)
        with self._lock:
            known = self._open.get(name)
            if known and (found is None or found != (known.position, True)):  # another process has dropped it
                self._open.pop(name).pool.close()
            if found is None or not found[1]:
                raise NoReplay(f"There is no replay {name[:60]!r}.", "`carbon254 replay list` shows what there is.")
            if name not in self._open:
                self._open[name] = Replay(open_pool(self._dsn, schema=replay_schema(name), most=_CONNECTIONS), found[0])
            return self._open[name]

    def drop(self, name: str) -> None:
        """Raises NoReplay, also for one that is just being built."""
        with self._lock:
            with self._pool.connection() as connection, connection.cursor() as cursor:
                found = find_replay(cursor, name)
            if found is None or not found[1]:
                raise NoReplay(f"There is no replay {name[:60]!r}.", "`carbon254 replay list` shows what there is.")
            if replay := self._open.pop(name, None):
                replay.pool.close()
            self._remove(name)

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1].pool.close()

    def _remove(self, name: str) -> None:
        """The tables first: what is noted can still be seen and dropped when this is interrupted."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(replay_schema(name))))
            remove_replay(cursor, name)
