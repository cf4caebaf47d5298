"""The restore drill, small: `python -m tests.benchmarks.restore_drill` runs it with a million events."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.program import Program
from tests.restore_drill import PASSPHRASE, RPO_S, RTO_S, drill


def test_everything_but_what_came_after_the_last_backup_is_there_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = drill(tmp_path, 5_000, more=500)
    with capsys.disabled():
        print(f"\n{done}")
    assert (done.first.events, done.second.events, done.second.new_events) == (5_000, 5_500, 500)
    assert (done.restored["events"], done.restored["lost_events"]) == (5_500, 0)
    assert (done.restored["read_models_at"], done.restored["verified_events"]) == (5_501, 5_501)
    assert done.restored["difference"] is None
    assert done.rpo_s < RPO_S
    assert done.restore_s < RTO_S
    program = Program(tmp_path / "home", CARBON254_BACKUP_PASSPHRASE=PASSPHRASE)
    program.run("projections", "verify", "audit")
