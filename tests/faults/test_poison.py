"""An event that no read model can take: it is set aside with its reason, and everything else flows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.market_files import write_small_sample
from tests.e2e.program import Program
from tests.faults.checks import long_or_short, nothing_lost_or_doubled
from tests.faults.conftest import Tell

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(600)]
RUNS = long_or_short(40, 6)
PUBLICATIONS = 8 + 2 * RUNS


def test_what_cannot_be_applied_is_set_aside_and_applied_once_it_was_mended(
    tmp_path: Path, program: Program, tell: Tell
) -> None:
    """The rows of one publication are damaged in the object store while the columnar read models are built anew."""
    files = write_small_sample(tmp_path / "files", runs=RUNS)
    with program.serve() as server:
        program.run("ingest", files)
        rows = poisoned(program)
        good = rows.read_bytes()
        rows.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        program.run("projections", "rebuild", "prices")
        (letter,) = program.json("projections", "dead-letters")
        assert "was changed after it was stored" in letter["reason"]
        seen = server.get("/readyz")
        assert seen["dead_letters"] == {"prices": 1}
        assert len(program.json("publications", "list")) == PUBLICATIONS
        program.run("projections", "retry", "prices", code=1)
        rows.write_bytes(good)
        program.run("projections", "retry", "prices")
        nothing_lost_or_doubled(server, PUBLICATIONS)
    tell(f"one damaged publication of {PUBLICATIONS}: set aside ({letter['reason'][:60]}…), the rest rebuilt")


def poisoned(program: Program) -> Path:
    return next(file for file in sorted((program.home / "objects" / "rows").glob("??/*")) if len(file.name) == 64)
