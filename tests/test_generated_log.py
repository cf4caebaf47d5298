"""The generated log is a good one: every projection takes it, and nothing in it breaks a chain."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from infra.event_recorder import Pool
from infra.event_store import EventLog
from infra.log_verification import verify_log
from infra.objects import Objects
from infra.seals import Seals
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from tests.generated_log import MIX, fill_log


def test_a_generated_log_is_projected_and_verified(log: EventLog, objects: Objects, pool: Pool, tmp_path: Path) -> None:
    fill_log(log, objects, 2_000)
    events = list(log.read())
    found = Counter(event.name for event in events)
    assert set(found) == set(MIX)
    assert 900 <= found["publication.ingested"] <= 1_100
    projector = RelationalProjector(pool, log, relational_projections(objects))
    projector.load()
    projector.handle(events)
    assert projector.load() == 2_000
    verified = verify_log(log, Seals(tmp_path / "seals", bytes(32)))
    assert (verified.events, verified.difference) == (2_000, None)
