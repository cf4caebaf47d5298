"""The clock of the machine jumps back by an hour while the program runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.on_engines import program_on_engines
from tests.e2e.program import Server
from tests.faults.checks import nothing_lost_or_doubled
from tests.faults.conftest import Tell
from tests.services.cache import FetchFailed
from tests.services.faketime import FakeClock

pytestmark = [
    pytest.mark.needs_engine("postgres", "clickhouse", "minio"),
    pytest.mark.enable_socket,
    pytest.mark.timeout(600),
]
BACK = timedelta(hours=1)
EACH = 5


@pytest.fixture
def clock(tmp_path: Path) -> FakeClock:
    try:
        return FakeClock(tmp_path)
    except FetchFailed as error:
        pytest.skip(f"libfaketime: not fetched: {error}")


def test_a_clock_that_jumps_back_hides_nothing_and_reorders_nothing(
    tmp_path: Path, clock: FakeClock, tell: Tell
) -> None:
    """The program's clock, that is; its engines' is another. Objects are in a folder: S3 asks for the right time."""
    program = program_on_engines(tmp_path / "home", CARBON254_OBJECTS="")
    with program.serve() as unfaked:
        before = datetime.now(UTC)
        define(unfaked, "real")
    program.environment |= clock.environment
    with program.serve() as server:
        define(server, "before")
        token = program.run("token").stdout.strip()
        between = datetime.now(UTC)
        clock.shift(-int(BACK.total_seconds()))
        define(server, "after")
        entries = server.audit()
        recorded = [datetime.fromisoformat(entry["recorded_at"]) for entry in entries]
        # Each event tells the time that the clock showed; the order of the log is the position's.
        assert all(
            earlier - later > BACK / 2
            for earlier, later in zip(recorded[EACH : 2 * EACH], recorded[2 * EACH :], strict=True)
        )
        # What was known at a moment never shrinks as the moment moves on, and is everything once it lies after all.
        moments = [before - 2 * BACK, before - BACK / 2, before, between - BACK / 2, between, datetime.now(UTC)]
        known = [len(as_of(server, moment)) for moment in moments]
        assert known == sorted(known)
        assert (known[0], known[-1]) == (0, 3 * EACH)
        # Who was let in stays in: a token that seems to be of the future is refused until the clock gets there again.
        status, said = server.ask("GET", "/v1/scenarios", headers={"Authorization": f"Bearer {token}"})
        assert (status, json.loads(said)["title"]) == (401, "the token is not yet valid")
        assert server.ask("GET", "/v1/scenarios")[0] == 200
        clock.shift(0)
        assert server.ask("GET", "/v1/scenarios", headers={"Authorization": f"Bearer {token}"})[0] == 200
        nothing_lost_or_doubled(server, 3 * EACH)
    tell(
        f"the clock went back by {BACK}: {3 * EACH} events at positions without a gap; as of six moments known: {known}"
    )


def define(server: Server, prefix: str) -> None:
    for number in range(EACH):
        body = {"name": f"{prefix}-{number}", "growth_per_year": 0.02, "seasonal_weight": 1.0}
        status, said = server.ask("POST", "/v1/commands/define-scenario", body=body)
        assert status == 201, said


def as_of(server: Server, moment: datetime) -> list[dict[str, object]]:
    """The scenarios that were known at a moment."""
    return list(server.get("/v1/scenarios", as_of=moment.isoformat().replace("+00:00", "Z"), limit=100)["items"])
