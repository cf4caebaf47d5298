"""What `carbon254 simulate` refuses, with the reason, and which folder simulated markets may be kept in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from api.cli.simulate import simulate
from api.engines import mark_simulated
from api.simulated_markets import last_day
from infra.data_folder import DataFolder
from infra.errors import PlatformError


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"speed": "fast"}, "--speed fast is no speed"),
        ({"speed": "0x"}, "--speed 0x is no speed"),
        ({"start": "2026-03-08"}, "is no time with an offset"),
        ({"start": "yesterday"}, "is no time with an offset"),
        ({"faults": ["1.5"]}, "is no share of requests"),
        ({"faults": ["lost"]}, "'lost' is no kind of fault"),
        ({"faults": ["late:*:often"]}, "is not how often"),
        ({"nodes": 10}, "10 nodes are fewer than the 1100"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_the_reason(option: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"port": 0, "speed": "1x", "start": None, "seed": 1, "nodes": None, "faults": None}
    with pytest.raises(PlatformError, match=said):
        simulate(**(given | option))


@pytest.mark.parametrize(
    ("now", "day"),
    [("2026-11-27T07:59Z", "2026-11-25"), ("2026-11-27T08:00Z", "2026-11-26"), ("2026-07-01T07:00Z", "2026-06-30")],
)
def test_the_day_of_the_sample_is_over_in_every_market(now: str, day: str) -> None:
    """Else prices of the coming hours would be the latest, and hide what the simulated markets publish."""
    assert last_day(datetime.fromisoformat(now)).isoformat() == day


class Log:
    def __init__(self, head: int) -> None:
        self._head = head

    def head(self) -> int:
        return self._head


def test_a_folder_is_simulated_from_the_start_or_never(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert DataFolder.may_simulate(home)
    folder = DataFolder.open(home)
    try:
        with pytest.raises(PlatformError, match="holds events already"):
            mark_simulated(folder, Log(3))  # type: ignore[arg-type]
        assert not folder.is_simulated
        mark_simulated(folder, Log(0))  # type: ignore[arg-type]
        assert folder.is_simulated
        mark_simulated(folder, Log(3))
        (home / "log-id").write_text("x")
        assert DataFolder.may_simulate(home)
        (home / "simulated").unlink()
        assert not DataFolder.may_simulate(home)
    finally:
        folder.close()
