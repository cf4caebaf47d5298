"""A small event log that is sealed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.event_store import EventLog
from infra.sealing import Sealer
from infra.seals import Seals
from tests.infra.test_event_store import define

SEAL_KEY = bytes(range(32))


@pytest.fixture
def seals(tmp_path: Path) -> Seals:
    return Seals(tmp_path / "seals", SEAL_KEY)


@pytest.fixture
def sealed(log: EventLog, seals: Seals) -> EventLog:
    """Ten events: positions 1 to 3 of one stream, 4 and 5 of a second, 6 to 9 of a third, and 10 of a fourth.

    Seals end at 5 and at 9; the last event is not sealed yet.
    """
    sealer = Sealer(log, seals, lambda: datetime.now(UTC))
    define(log, events=3)
    define(log, events=2)
    assert sealer.seal_pending() == 5
    define(log, events=4)
    assert sealer.seal_pending() == 4
    define(log)
    return log
