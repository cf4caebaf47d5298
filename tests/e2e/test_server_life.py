"""A server's life: what it holds, whom it lets in, and how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.market_files import write_miso
from tests.e2e.program import Program, Server, database_processes, files_below, open_files_of, wait_until

SCENARIO = {"name": "flat", "growth_per_year": 0.0, "seasonal_weight": 0.0}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Program(tmp_path_factory.mktemp("life") / "home").serve() as serving:
        yield serving


def test_a_busy_port_is_named_with_the_remedy(server: Server, program: Program) -> None:
    failed = program.run("serve", "--port", server.port, code=1)
    assert f"Port {server.port} on 127.0.0.1 cannot be used" in failed.stderr
    assert "--port" in failed.stderr
    assert "CARBON254_PORT" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not program.home.exists(), "nothing is made before the port is known to be free"


def test_a_second_server_on_the_folder_is_told_who_holds_it(server: Server) -> None:
    failed = server.program.run("serve", "--port", 0, code=1)
    assert f"held by process {server.process.pid}" in failed.stderr
    assert server.address in failed.stderr
    assert "CARBON254_HOME" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert server.process.poll() is None


def test_only_the_api_listens_and_only_on_loopback(server: Server) -> None:
    databases = database_processes(server.program.home)
    assert len(databases) > 3, databases
    assert listening_on(server.process.pid) == [("127.0.0.1", server.port)]
    assert [address for pid in databases for address in listening_on(pid)] == []


def test_what_is_on_disk_is_private(server: Server) -> None:
    home = server.program.home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
    assert len((home / "token").read_text().strip()) >= 43
    sockets = [path for folder in (home, server.program.temporary) for path in files_below(folder) if path.is_socket()]
    assert len(sockets) == 1
    assert stat.S_IMODE(sockets[0].parent.stat().st_mode) == 0o700


@pytest.mark.enable_socket
@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic bG9jYWw6", "Bearer "])
def test_nothing_is_told_without_the_token(server: Server, authorization: str) -> None:
    for method, path, body in (
        ("GET", "/v1/curves", None),
        ("GET", "/v1/nothing", None),
        ("POST", "/v1/commands/define-scenario", SCENARIO),
        ("POST", "/v1/objects", {}),
    ):
        status, content = server.ask(method, path, headers={"Authorization": authorization}, body=body)
        assert status == 401, path
        assert '"items"' not in content
    assert server.ask("GET", "/livez", headers={"Authorization": authorization})[0] == 200


@pytest.mark.enable_socket
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "0.0.0.0"])
def test_a_foreign_host_header_is_refused(server: Server, host: str) -> None:
    status, content = server.ask("GET", "/v1/curves", headers={"Host": host})
    assert (status, host in content) == (400, True)
    assert server.ask("GET", "/v1/curves", headers={"Host": f"localhost:{server.port}"})[0] == 200


@pytest.mark.enable_socket
def test_a_command_id_is_handled_once(server: Server) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    path = "/v1/commands/define-scenario"
    before = server.get("/v1/projections")["head"]
    first = server.ask("POST", path, headers=key, body=SCENARIO)
    assert first[0] == 201
    assert f'"command_id":"{key["Idempotency-Key"]}"' in first[1]
    assert server.ask("POST", path, headers=key, body=SCENARIO) == first
    # The same fields in another order are the same message.
    assert server.ask("POST", path, headers=key, body=dict(reversed(SCENARIO.items()))) == first
    assert server.get("/v1/projections")["head"] == before + 1

    status, content = server.ask("POST", path, headers=key, body=SCENARIO | {"growth_per_year": 0.5})
    assert status == 422
    assert key["Idempotency-Key"] in content
    assert server.get("/v1/scenarios")["items"][0]["growth_per_year"] == 0.0
    assert server.ask("POST", path, headers={"Idempotency-Key": "not-a-uuid"}, body=SCENARIO)[0] == 422


@pytest.mark.enable_socket
def test_what_the_api_does_not_know_is_refused(server: Server) -> None:
    status, content = server.ask("GET", "/v1/curves?hbu=PJM-WH")
    assert (status, "hbu" in content) == (400, True)
    status, content = server.ask("POST", "/v1/commands/define-scenario", body=SCENARIO | {"grwoth": 1})
    assert (status, "grwoth" in content) == (422, True)
    assert server.ask("POST", "/v1/commands/no-such-command", body={})[0] == 404


@pytest.mark.enable_socket
def test_a_stopped_server_leaves_nothing_behind_and_the_next_start_goes_on(program: Program, tmp_path: Path) -> None:
    file = write_miso(tmp_path / "files", "da_expost_lmp", {"MINN.HUB": [30] * 24})
    with program.serve() as first:
        assert program.json("ingest", file)["publications"] == 1
        assert first.stop(signal.SIGTERM) == 0
    is_over(first)
    # Ctrl-C goes to every process of the terminal, here in the midst of work.
    more = half_a_year_of_files(tmp_path / "more")
    with Server(program, "--port", "0") as second:
        assert second.port
        assert len(second.prices("MISO", "2026-03-10", "2026-03-12")) == 24
        client = program.start_ingesting(*more, further=3)
        assert second.stop(signal.SIGINT) == 0
        _, err = client.communicate(timeout=120)
    assert client.returncode == 1
    assert "Traceback" not in err
    is_over(second)


def test_an_interrupted_verb_ends_at_once_and_quietly(server: Server, program: Program, tmp_path: Path) -> None:
    """In its own process and over HTTP, in the midst of work that it does side by side."""
    for at, number in ((program, signal.SIGINT), (server.program, signal.SIGTERM)):
        verb = at.start_ingesting(*half_a_year_of_files(tmp_path / "files"), further=3)
        verb.send_signal(number)
        out, err = verb.communicate(timeout=120)
        assert (verb.returncode, out) == (128 + number, "")
        assert "Traceback" not in err
    assert database_processes(program.home) == {}
    assert server.process.poll() is None


def test_a_hang_up_during_the_start_stops_cleanly_too(program: Program) -> None:
    starting = program.start("serve", "--port", 0)
    wait_until((program.home / "postgres" / "cluster").exists)
    starting.send_signal(signal.SIGTERM)
    _, err = starting.communicate(timeout=120)
    assert starting.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert database_processes(program.home) == {}


def half_a_year_of_files(folder: Path) -> list[Path]:
    """So many that whoever is interrupted after a few is still at work."""
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(180)]
    return [write_miso(folder, "rt_lmp_final", {"MINN.HUB": [30] * 24}, day) for day in days]


def is_over(server: Server) -> None:
    """Nothing runs, nothing listens, no socket is left, and it has said so without a fuss."""
    home = server.program.home
    assert database_processes(home) == {}
    assert [path for path in home.rglob("*") if path.is_socket()] == []
    assert [name for name in os.listdir(server.program.temporary) if name.startswith("carbon254-pg-")] == []
    assert server.said().rstrip().endswith("Stopped.")
    assert "Traceback" not in server.said()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", server.port, timeout=5).connect()


def listening_on(pid: int) -> list[tuple[str, int]]:
    """Address and port of every TCP socket on which a process listens (IPv6 addresses as the system writes them)."""
    own = {found[1] for link in open_files_of(pid) if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in own:
                address, port = fields[1].split(":")
                octets = reversed(bytes.fromhex(address)) if table == "tcp" else []
                listening.append((".".join(map(str, octets)) or address, int(port, 16)))
    return listening
