"""The main job without a server: from the ISOs' files to a priced contract that explains itself."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import stat
import subprocess
import sys
import time

from tests.e2e.conftest import Job
from tests.e2e.program import PROGRAM, Program, database_processes


def test_ingest_reports_exactly_the_fields_that_are_promised(job: Job) -> None:
    assert list(job.ingested) == [
        "files", "publications", "rows", "rows_per_second", "unchanged", "skipped", "quarantined",
    ]  # fmt: skip
    # Two of MISO, two of CAISO, three of PJM, and of ERCOT one day ahead and four of each real-time feed.
    assert (job.ingested["files"], job.ingested["publications"]) == (10, 16)
    assert job.ingested["rows"] > 20_000
    assert job.ingested["rows_per_second"] > 0
    assert (job.ingested["unchanged"], job.ingested["skipped"], job.ingested["quarantined"]) == (0, [], [])


def test_every_verb_that_makes_something_prints_its_id(job: Job) -> None:
    assert sorted(job.ids) == ["curve", "hub", "ppa", "quotes", "scenario", "valuation"]
    assert len(set(job.ids.values())) == 6
    assert all(re.fullmatch(r"[0-9a-f-]{36}", made) for made in job.ids.values())


def test_a_valuation_shows_its_figures(job: Job) -> None:
    for figure in ("NPV, mean of paths", "NPV, closed form", "P5 / P50 / P95", "Break-even price", "IRR", "10,000, 7"):
        assert figure in job.valuation
    years = re.findall(r"^(20\d\d) ", job.valuation, re.MULTILINE)
    assert years == [str(year) for year in range(2027, 2037)]


def test_the_lineage_of_a_valuation_ends_in_the_bytes_of_the_files(job: Job) -> None:
    """The history is learnt from PJM's files, which are plain, and the quotes from the CSV as it was handed in."""
    history, quotes = (
        hashlib.sha256((job.files / path).read_bytes()).hexdigest()
        for path in ("prices/pjm/western_hub/da_hrl_lmps.csv", "quotes.csv")
    )
    assert f"raw bytes: da_hrl_lmps.csv  {history}" in job.lineage
    assert f"raw bytes: CSV  {quotes}" in job.lineage
    assert re.search(r"code 0\.\d+\.\d+\+[0-9a-f]{12}, seed 7, 10000 paths, digest [0-9a-f]{16}", job.lineage)
    for made in ("curve", "hub", "ppa", "quotes", "scenario", "valuation"):
        assert job.ids[made] in job.lineage


def test_a_recomputation_is_equal(job: Job) -> None:
    assert re.fullmatch(r"equal: digest [0-9a-f]{64}\n", job.recomputed)


def test_the_data_folder_is_private_and_nothing_is_left_running(job: Job) -> None:
    home = job.program.home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
    assert database_processes(home) == {}
    assert [name for name in os.listdir(job.program.temporary) if name.startswith("carbon254-pg-")] == []


def test_a_verb_without_a_server_answers_within_three_seconds_on_a_filled_folder(job: Job) -> None:
    """The best of five, less what other work of the machine takes."""
    seconds = []
    for _ in range(5):
        slowed = _how_much_slower()
        started = time.monotonic()
        listed = job.program.run("curves", "list").stdout
        seconds.append((time.monotonic() - started) / slowed)
        assert job.ids["curve"] in listed
    assert min(seconds) < 3.0, seconds


def _how_much_slower() -> float:
    """How many times longer than its processor time a program takes that only counts; 1 on an idle machine."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
    took_s = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return max(1.0, took_s / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))


def test_wrong_usage_is_told_without_opening_the_data_folder(job: Job) -> None:
    elsewhere = Program(job.files / "never-made")
    assert "--iso" in elsewhere.run("prices", "get", code=2).stderr
    assert "does not exist" in elsewhere.run("ingest", "no-such-file.csv", code=2).stderr
    assert not elsewhere.home.exists()


def test_the_program_needs_no_checkout_as_its_working_folder() -> None:
    """It is installed: run from anywhere, with an empty environment, it knows its verbs."""
    shown = subprocess.run([PROGRAM, "--help"], cwd="/", env={}, capture_output=True, text=True, check=True).stdout
    for verb in ("serve", "ingest", "lineage", "recompute", "doctor", "prices", "publications", "instruments", "quotes",
                 "scenarios", "curves", "ppas", "audit"):  # fmt: skip
        assert re.search(rf"^\W*{verb}\b", shown, re.MULTILINE), verb
    assert PROGRAM.parent.parent.samefile(sys.prefix)
