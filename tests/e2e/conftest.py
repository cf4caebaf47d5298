"""Data folders that several files of tests look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.market_files import write_small_sample
from tests.e2e.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program over a data folder of this test alone."""
    return Program(tmp_path / "home")


@dataclass
class Job:
    """The main job, done by verbs without a server: the folder it was done in and what each verb printed."""

    program: Program
    files: Path
    ingested: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    valuation: str = ""
    lineage: str = ""
    recomputed: str = ""

    @property
    def paths(self) -> dict[str, Path]:
        return {path.name: path for path in sorted(self.files.rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """From files to a priced contract, every verb a process of its own that opens and closes the data folder."""
    folder = tmp_path_factory.mktemp("job")
    return main_job(Program(folder / "home"), folder / "sample")


def main_job(program: Program, files: Path) -> Job:
    """Writes a small sample to `files` and takes it through `program`."""
    done = Job(program, files)
    write_small_sample(done.files, runs=4)
    run = done.program
    day_ahead = next((files / "prices" / "ercot").glob("*NP4190*"))
    folders = [files / "prices" / iso for iso in ("miso", "caiso", "pjm")]
    real_time = [file for file in (files / "prices" / "ercot").iterdir() if file != day_ahead]
    done.ingested = run.json("ingest", *folders, day_ahead, *sorted(real_time))
    done.ids["hub"] = run.id("instruments", "register", files / "hub.yaml")
    done.ids["quotes"] = run.id("quotes", "record", files / "quotes.csv")
    done.ids["scenario"] = run.id("scenarios", "define", files / "scenario.yaml")
    done.ids["curve"] = run.id("curves", "build", "--hub", "PJM-WH", "--scenario", "base")
    done.ids["ppa"] = run.id("ppas", "register", files / "ppa.yaml")
    price = ("ppas", "price", done.ids["ppa"], "--curve", done.ids["curve"], "--paths", 10_000, "--seed", 7)
    done.valuation = run.run(*price).stdout
    done.ids["valuation"] = done.valuation.splitlines()[0]
    done.lineage = run.run("lineage", done.ids["valuation"]).stdout
    done.recomputed = run.run("recompute", done.ids["valuation"]).stdout
    return done
