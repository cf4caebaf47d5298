"""Payloads are read in processes that can be ended, and a hostile one ends quarantined and named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.reading import Rows, Unreadable, read_payload
from commands.reading_processes import MOST_PROCESSES, ReadingProcesses
from commands.readings import Readings
from infra.objects import Objects
from integrations.isos.catalogue import Payload
from tests.e2e.program import wait_until
from tests.integrations.samples import MISO_NAME, miso_file, miso_rows
from write_model.publications import Defect

GOOD = Payload((MISO_NAME,), (miso_file(),), MISO_NAME)


@pytest.fixture
def processes() -> Iterator[ReadingProcesses]:
    found = ReadingProcesses()
    yield found
    found.close()


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingProcesses]:
    """Processes in which the name of a file decides what reading it does, deep inside a library."""
    (tmp_path / "sitecustomize.py").write_text(
        "import ctypes, os, signal, sys\n"
        "from importlib import import_module\n"
        "if sys.argv[:1] == ['-m']:\n"
        "    catalogue = import_module('integrations.isos.catalogue')\n"
        "    good = catalogue.parse\n"
        "    libc = ctypes.PyDLL(None)\n"  # keeps the interpreter's lock, as a regular expression does
        "    def parse(payload):\n"
        "        if 'stuck' in payload.names[0]: libc.sleep(600)\n"
        "        if 'crash' in payload.names[0]: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "        if 'greedy' in payload.names[0]: bytearray(1 << 30)\n"
        "        if 'hungry' in payload.names[0]: import_module('pyarrow').allocate_buffer(1 << 30)\n"
        "        if 'noise' in payload.names[0]: print('noise'); os.write(1, b'more noise')\n"
        "        return good(payload)\n"
        "    catalogue.parse = parse\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = ReadingProcesses(max_seconds=3.0, max_memory_bytes=512 << 20)
    yield found
    found.close()


def named(name: str) -> Payload:
    return Payload((f"{name}-{MISO_NAME}",), GOOD.contents, f"upload.zip!{name}-{MISO_NAME}")


def test_a_process_reads_what_is_read_here(processes: ReadingProcesses) -> None:
    outcome = processes.read(GOOD)
    assert isinstance(outcome, Rows)
    assert outcome == read_payload(GOOD)
    assert outcome.row_count == 48


def test_a_defect_comes_back_with_its_place(processes: ReadingProcesses) -> None:
    broken = Payload((MISO_NAME,), (GOOD.contents[0].rstrip().rpartition(b",")[0] + b",x\n",), MISO_NAME)
    outcome = processes.read(broken)
    assert outcome == read_payload(broken)
    assert isinstance(outcome, Unreadable)
    assert outcome.line is not None


def test_what_takes_too_long_is_stopped_wherever_it_is_and_named(hostile: ReadingProcesses, objects: Objects) -> None:
    readings = Readings(objects, hostile)
    found = readings.read(named("stuck"), ("0" * 64,))
    assert isinstance(found, Defect)
    assert "longer than 3 s" in found.reason
    assert found.file == f"upload.zip!stuck-{MISO_NAME}"
    assert isinstance(hostile.read(named("good")), Rows), "the next one is read"


def test_what_needs_too_much_memory_is_named_and_the_next_is_read() -> None:
    """A file of some 20 MB takes five times that; where it may not, its process ends and not ours."""
    nodes = [f"NODE.{number}" for number in range(100_000)]
    large = Payload((MISO_NAME,), (miso_file(rows=miso_rows(nodes)),), MISO_NAME)
    processes = ReadingProcesses(max_memory_bytes=320 << 20)
    try:
        outcome = processes.read(large)
        assert isinstance(outcome, Unreadable)
        assert "takes more than 320 MiB of memory: split it up" in outcome.reason
        assert isinstance(processes.read(GOOD), Rows)
    finally:
        processes.close()


@pytest.mark.parametrize("way", ["greedy", "hungry"])
def test_memory_is_refused_to_the_interpreter_and_to_libraries(hostile: ReadingProcesses, way: str) -> None:
    outcome = hostile.read(named(way))
    assert isinstance(outcome, Unreadable)
    assert "512 MiB of memory" in outcome.reason


def test_what_takes_its_process_down_is_named(hostile: ReadingProcesses) -> None:
    outcome = hostile.read(named("crash"))
    assert isinstance(outcome, Unreadable)
    assert "SIGSEGV" in outcome.reason


def test_what_a_library_prints_does_not_get_among_the_answers(hostile: ReadingProcesses) -> None:
    for _ in range(2):
        assert isinstance(hostile.read(named("noise")), Rows)


def test_a_process_serves_one_after_the_other_and_they_are_few(processes: ReadingProcesses) -> None:
    outcomes: list[Rows | Unreadable] = []
    threads = [threading.Thread(target=lambda: outcomes.append(processes.read(GOOD))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 12
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert 1 <= len(processes._all) <= MOST_PROCESSES


def test_closing_ends_them_in_the_midst_of_work(hostile: ReadingProcesses) -> None:
    failed: list[BaseException] = []

    def read() -> None:
        try:
            hostile.read(named("stuck"))
        except RuntimeError as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not hostile._all:
        time.sleep(0.01)
    pids = [process.pid for process in hostile._all]
    hostile.close()
    thread.join(60)
    assert len(failed) == 1, "an interrupted file is no defective one"
    assert [pid for pid in pids if runs(pid)] == []
    with pytest.raises(RuntimeError, match="ended"):
        hostile.read(GOOD)


def test_no_process_outlives_an_owner_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from tests.commands.test_reading_processes import GOOD, ReadingProcesses\n"
        "processes = ReadingProcesses()\n"
        "processes.read(GOOD)\n"
        "print(*(p.pid for p in processes._all), flush=True)\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pids = list(map(int, owner.stdout.readline().split()))
    assert pids
    assert all(map(runs, pids))
    for pid in pids:
        os.kill(pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: not any(map(runs, pids)))


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
