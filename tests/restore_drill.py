"""The drill: a log is generated and backed up, grows for a while, everything is lost, and the program restores it.

The recovery point is what one loses at the worst: the pause between two backups, and how long an incremental one
takes. The recovery time goes from the order to restore until every read model is built and the log verified.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from api.restores import Wanted, restore_backup
from infra.backup_place import BackupPlace
from infra.backup_writing import BackupMade, Source, make_backup
from infra.data_folder import DataFolder
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from infra.sealing import Sealer
from infra.seals import Seals
from infra.settings import Settings
from tests.e2e.program import PATIENCE_S, Program
from tests.generated_log import generated_events

PAUSE_S = 600.0
"""How often the documentation has a backup made."""
RPO_S, RTO_S = 15 * 60.0, 60 * 60.0
PASSPHRASE = "a drill"
_PAGE = 5_000


@dataclass(frozen=True)
class Drill:
    """What came of it. `lost` events had been appended after the last backup."""

    events: int
    lost: int
    full_s: float
    incremental_s: float
    size_bytes: int
    log_s: float
    restore_s: float
    first: BackupMade
    second: BackupMade
    restored: dict[str, Any]

    @property
    def is_complete(self) -> bool:
        """Whether the read models were built, too."""
        return "read_models_at" in self.restored

    @property
    def rpo_s(self) -> float:
        return PAUSE_S + self.incremental_s

    def __str__(self) -> str:
        told = [
            f"{self.events:,} events: first backup {self.full_s:.1f} s, {self.size_bytes / 2**20:,.0f} MiB; the next "
            f"({self.second.new_events:,} events more) {self.incremental_s:.2f} s",
            f"log, objects and seals restored and verified after {self.log_s:.1f} s",
            f"RPO {self.rpo_s / 60:.2f} min (a backup every {PAUSE_S / 60:.0f}), target {RPO_S / 60:.0f}: "
            f"{'met' if self.rpo_s <= RPO_S else 'MISSED'}",
        ]
        if self.is_complete:
            met = "met" if self.restore_s <= RTO_S else "MISSED"
            told.append(f"RTO {self.restore_s / 60:.2f} min, read models included, target {RTO_S / 60:.0f}: {met}")
        else:
            told.append("RTO not measured: the read models were not built")
        return "\n".join(told)


def drill(
    folder: Path, events: int, *, more: int, lost: int = 7, patience_s: float = PATIENCE_S, log_only: bool = False
) -> Drill:
    """Runs the drill in an empty folder. `more` events come between the two backups, `lost` after the second.

    With `log_only` no read models are built: the log, its objects and seals are restored and verified.
    """
    program = Program(folder / "home", CARBON254_BACKUP_PASSPHRASE=PASSPHRASE)
    place = folder / "backup"
    with DataFolder.open(program.home) as home:
        postgres = EmbeddedPostgres.start(home.postgres)
        with open_pool(postgres.dsn) as pool:
            recorder = PostgresRecorder(pool)
            recorder.create_schema()
            home.pair_with(recorder.log_id())
            objects, seals = Objects.in_folder(home.objects), Seals(home.home / "seals", home.ensure_seal_key())
            log = EventLog(recorder)
            generated = generated_events(objects)
            home.ensure_cursor_key()

            def grow(count: int) -> None:
                while page := list(islice(generated, min(count, _PAGE))):
                    recorder.insert_events(page)
                    count -= len(page)
                Sealer(log, seals, lambda: datetime.now(UTC)).seal_pending()

            def back_up() -> tuple[float, BackupMade]:
                source = Source(
                    log, seals, objects, home.keys(), PASSPHRASE, is_simulated=False, store="PostgreSQL",
                    code_version="drill",
                )  # fmt: skip
                started = time.monotonic()
                made = make_backup(
                    source, BackupPlace.at(str(place), made=True), datetime.now(UTC), lambda _: lambda done, of: None
                )
                return time.monotonic() - started, made

            grow(events)
            full_s, first = back_up()
            grow(more)
            incremental_s, second = back_up()
            grow(lost)
        postgres.stop()
    shutil.rmtree(program.home)

    started = time.monotonic()
    restored = _restore_log(program.home, place) if log_only else program.json("restore", place, patience_s=patience_s)
    restore_s = time.monotonic() - started
    size_bytes = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    return Drill(
        events=events + more,
        lost=lost,
        full_s=full_s,
        incremental_s=incremental_s,
        size_bytes=size_bytes,
        log_s=restored.get("log_took_s", restore_s),
        restore_s=restore_s,
        first=first,
        second=second,
        restored=restored,
    )


def _restore_log(home: Path, place: Path) -> dict[str, Any]:
    settings = Settings(home=home, backup_passphrase=SecretStr(PASSPHRASE), database_url=None, eventstoredb_uri=None)
    done = restore_backup(settings, BackupPlace.at(str(place)), Wanted(), lambda _: lambda done, of: None)
    return {"difference": None, **msgspec.to_builtins(done)}
