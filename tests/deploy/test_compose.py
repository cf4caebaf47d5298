"""The compose file and the image: every service there, bounded, unprivileged and watched, by compose's own model."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.services import PROJECTOR_PORT, SERVICES, WORKER_PORT, addresses
from infra.settings import Settings
from tests.deploy.compose_checker import checker

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "deploy"
COMPOSE = FOLDER / "compose.yaml"
TEXT = COMPOSE.read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
PARTS: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: part for name, part in PARTS.items() if part["image"].startswith("carbon254-platform")}
ONE_SHOT = {"minio-volume", "bucket"}
PORTS = {service.name: service.port for service in SERVICES.values()} | {
    "projector": PROJECTOR_PORT, "worker": WORKER_PORT,
}  # fmt: skip
SECRET = re.compile(r"PASSWORD|TOKEN$|_KEY$|SECRET")


def required() -> set[str]:
    """The variables without which compose refuses the file."""
    return set(re.findall(r"\$\{(\w+):\?\}", TEXT))


def test_every_service_of_the_table_is_run_on_its_port_and_watched() -> None:
    assert OURS.keys() == PORTS.keys()
    for name in SERVICES:
        assert OURS[name]["command"] == ["serve", "--service", name]
    for name, part in OURS.items():
        assert part["healthcheck"]["test"][-1] == f"http://127.0.0.1:{PORTS[name]}/readyz"
        assert name in json.loads(part["environment"]["CARBON254_HOSTS"])


def test_the_gateway_finds_the_services_that_have_routes() -> None:
    given = json.loads(OURS["gateway"]["environment"]["CARBON254_SERVICES"])
    assert given == {name: f"http://{name}:{PORTS[name]}" for name in addresses({})}


@pytest.mark.parametrize("name", PARTS)
def test_each_is_bounded_and_unprivileged(name: str) -> None:
    part = PARTS[name]
    limits = part["deploy"]["resources"]["limits"]
    assert limits.keys() == {"cpus", "memory", "pids"}
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    if name == "minio-volume":  # root alone may give a new volume away
        assert (part["network_mode"], part["cap_add"]) == ("none", ["CHOWN"])
    else:
        assert int(part["user"].partition(":")[0]) > 0
        assert "cap_add" not in part
    if name not in ONE_SHOT:
        assert part["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert part["restart"] == "unless-stopped"


def test_what_is_ours_has_a_read_only_root_and_time_to_end() -> None:
    for part in OURS.values():
        assert part["read_only"] is True
        grace_s = int(part["stop_grace_period"].removesuffix("s"))
        assert grace_s > float(part["environment"]["CARBON254_DRAIN_S"]) + 20


def test_images_are_pinned_and_only_loopback_is_published() -> None:
    for name, part in PARTS.items():
        if name not in OURS:
            assert re.search(r":[^:]*\d[^:]*$", part["image"]), part["image"]
        for port in part.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
    assert {name for name, part in PARTS.items() if "ports" in part} == {"gateway", "keycloak"}
    assert FILE["networks"]["engines"]["internal"]
    assert FILE["networks"]["services"]["internal"]


def test_no_secret_stands_in_the_file_and_the_sealing_key_is_the_workers_alone() -> None:
    for name, part in PARTS.items():
        for variable, value in part.get("environment", {}).items():
            if SECRET.search(variable) and not variable.endswith(("PUBLIC_KEY", "ACCESS_KEY_ID")):
                assert re.fullmatch(r"\$\{\w+:[?-]\}", value) or value.startswith("/run/secrets/"), (name, variable)
    assert [name for name, part in PARTS.items() if "CARBON254_SEAL_KEY" in part.get("environment", {})] == ["worker"]


def test_settings_and_variables_exist() -> None:
    fields = {f"CARBON254_{name.upper()}" for name in Settings.model_fields}
    for part in OURS.values():
        assert {name for name in part["environment"] if name.startswith("CARBON254_")} <= fields
    named = set(re.findall(r"^(\w+)=", (FOLDER / "example.env").read_text(), re.MULTILINE))
    assert required() <= named


def test_the_image_has_every_room_by_hash_and_no_root() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ignored = (ROOT / ".dockerignore").read_text()
    for room in packages["packages"]:
        assert f"\nCOPY {room} {room}\n" in dockerfile
        assert f"\n!{room}\n" in ignored
    assert "--require-hashes -r requirements.lock" in dockerfile
    assert re.search(r"^USER 10001:10001$", dockerfile, re.MULTILINE)


def check(file: Path, tmp_path: Path, without: str = "") -> subprocess.CompletedProcess[str]:
    program = checker()
    if program is None:
        pytest.skip("`python -m tests.deploy.compose_checker` has not built compose's model (it needs Go)")
    secret = tmp_path / "secret"
    secret.write_text("x")
    environment = {name: str(secret) for name in required() - {without}}
    return subprocess.run([program, file], env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    found = check(COMPOSE, tmp_path)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("condition: service_healthy", "condition: service_happy", "condition value must be one of"),
        ("      - {source: realm,", "      - {source: kingdom,", "kingdom"),
        ('volumes: ["minio:/data"]', 'volumes: ["gone:/data"]', "gone"),
        ("    read_only: true", "    readonly: true", "readonly"),
    ],
)
def test_compose_itself_finds_what_is_wrong(was: str, becomes: str, said: str, tmp_path: Path) -> None:
    """So that the test above can fail."""
    assert was in TEXT
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(TEXT.replace(was, becomes))
    found = check(wrong, tmp_path)
    assert found.returncode == 1
    assert said in found.stderr


def test_compose_itself_refuses_to_run_without_a_secret(tmp_path: Path) -> None:
    found = check(COMPOSE, tmp_path, without="CARBON254_SEAL_KEY")
    assert found.returncode == 1
    assert "CARBON254_SEAL_KEY" in found.stderr
