"""A backup made while the platform serves, the loss of everything, and the restore, by the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Job
from tests.e2e.program import Program

PASSPHRASE = "a long passphrase"


def define(program: Program, name: str) -> None:
    fields = program.temporary / f"{name}.yaml"
    fields.write_text(f"name: {name}\ngrowth_per_year: 0.02\nseasonal_weight: 1.0\n")
    program.run("scenarios", "define", fields)


def test_everything_comes_back_after_the_loss_of_the_folder(job: Job, tmp_path: Path) -> None:
    program = Program(job.program.home, CARBON254_BACKUP_PASSPHRASE=PASSPHRASE)
    with program.serve():
        made = program.json("backup", tmp_path / "backup")
        again = program.json("backup", tmp_path / "backup")
    before = program.audit()
    assert (made["events"], made["has_keys"], made["unreadable"]) == (len(before), True, [])
    assert (again["new_events"], again["new_objects"]) == (0, 0)
    assert oct((tmp_path / "backup").stat().st_mode & 0o777) == "0o700"

    restored = Program(tmp_path / "restored", CARBON254_BACKUP_PASSPHRASE=PASSPHRASE)
    checked = restored.json("restore", tmp_path / "backup", "--check")
    assert (checked["events"], checked["objects"]) == (len(before), made["objects"])
    assert not restored.home.exists()
    found = restored.json("restore", tmp_path / "backup")
    assert (found["events"], found["lost_events"], found["difference"]) == (len(before), 0, None)
    for key in ("seal-key", "cursor-key"):
        assert (restored.home / key).read_text() == (program.home / key).read_text()
        assert (restored.home / key).stat().st_mode & 0o777 == 0o600
    with restored.serve():
        listed = restored.audit()
        assert listed[: len(before)] == before
        assert [row["event"] for row in listed[len(before) :]] == ["event_log.restored"]
        verified = restored.json("audit", "verify")
        assert verified["difference"] is None
        assert verified["sealed_events"] >= len(before)
        restored.run("projections", "verify")
        assert restored.run("recompute", job.ids["valuation"]).stdout == job.recomputed
        assert restored.run("lineage", job.ids["valuation"]).stdout == job.lineage
        foreign = restored.run("backup", tmp_path / "backup", code=1)
        assert "is one of another event log" in foreign.stderr
    full = restored.run("restore", tmp_path / "backup", code=1)
    assert "is not empty" in full.stderr


def test_a_point_in_time_comes_back_and_what_is_half_restored_is_used_for_nothing(tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    with program.serve():
        for name in ("one", "two", "three"):
            define(program, name)
        made = program.run("backup", tmp_path / "backup")
        assert "keys are NOT in it" in made.stderr
    restored = Program(tmp_path / "restored")

    def restore(*options: object, code: int = 1) -> str:
        return restored.run("restore", tmp_path / "backup", *options, code=code).stderr

    assert "The key that signed the seals" in restore()
    assert "ends at position 3" in restore("--to", 4)
    assert "Nothing of the backup" in restore("--to", "2000-01-01")
    assert "is no time" in restore("--to", "soon", code=2)
    assert not restored.home.exists()

    seals = min((tmp_path / "backup" / "seals").iterdir())
    content = seals.read_bytes()
    seals.write_bytes(content[:-1])
    assert "seals/" in restore("--to", 2, "--keys", program.home)
    assert "is not whole" in restored.run("scenarios", "list", code=1).stderr
    seals.write_bytes(content)
    assert "another restore was begun, of the log" in restore("--keys", program.home)
    found = restored.json("restore", tmp_path / "backup", "--to", 2, "--keys", program.home)
    assert (found["events"], found["lost_events"], found["difference"]) == (2, 1, None)
    assert [item["name"] for item in restored.json("scenarios", "list")] == ["one", "two"]


@pytest.mark.enable_socket
def test_only_the_folders_owner_says_where_to(tmp_path: Path) -> None:
    fixed = Program(tmp_path / "home", CARBON254_BACKUP_TO=str(tmp_path / "fixed"))
    with fixed.serve() as server:
        token = fixed.json("token", "--actor", "night", "--role", "operator")["token"]
        headers = {"Authorization": f"Bearer {token}"}
        status, said = server.ask("POST", "/v1/backups", headers=headers, body={"to": str(tmp_path / "other")})
        assert (status, "only the data folder's token" in said) == (403, True)
        status, said = server.ask("POST", "/v1/backups", headers=headers, body={})
        assert status == 200
        assert json.loads(said.splitlines()[-1])["backup"] == str(tmp_path / "fixed")
        reader = fixed.json("token", "--actor", "day", "--role", "reader")["token"]
        status, _ = server.ask("POST", "/v1/backups", headers={"Authorization": f"Bearer {reader}"}, body={})
        assert status == 403
