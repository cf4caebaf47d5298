"""Keycloak 26 with the realm that the platform ships."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.services.cache import check_sha256, fetched, need, run
from tests.services.service import Service, shifted

PORT, MANAGEMENT_PORT = shifted(28080), shifted(28081)
REALM_FILE = Path(__file__).parents[2] / "infra" / "deploy" / "keycloak" / "carbon254-realm.json"
ISSUER = f"http://127.0.0.1:{PORT}/realms/carbon254"
_VERSION = "26.7.3"
_ARTIFACT = f"org.keycloak:keycloak-quarkus-dist:{_VERSION}:tar.gz"
_SHA256 = "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_SETTINGS = f"""db=dev-file
cache=local
health-enabled=true
http-enabled=true
http-host=127.0.0.1
http-port={PORT}
http-management-host=127.0.0.1
http-management-port={MANAGEMENT_PORT}
hostname=http://127.0.0.1:{PORT}
"""
_JVM = {
    "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1 -Dliquibase.analytics.enabled=false",
    "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx320m",
}
ADMIN, ADMIN_PASSWORD = "admin", "carbon254-tests"


class Keycloak(Service):
    """One node with a database in files. Its realm is imported anew at every first start."""

    name = "keycloak"
    start_patience_s = 180.0

    def fetch(self) -> None:
        need("java")
        self._distribution = fetched(f"keycloak-{_VERSION}", _unpack)

    def prepare(self) -> None:
        self._home = self.folder / "keycloak"
        if not self._home.exists():
            shutil.copytree(self._distribution, self._home, symlinks=True)
        (self._home / "conf" / "keycloak.conf").write_text(_SETTINGS)  # its ports may be others than at its build
        realms = self._home / "data" / "import"
        realms.mkdir(parents=True, exist_ok=True)
        shutil.copy(REALM_FILE, realms)  # it counts at the first start only

    def command(self) -> list[str]:
        return [str(self._home / "bin" / "kc.sh"), "start", "--optimized", "--import-realm"]

    def own_environment(self) -> Mapping[str, str]:
        return _JVM | {"KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN, "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN_PASSWORD}

    def is_ready(self) -> bool:
        try:
            # The port opens, and answers 503, before it can do anything.
            answer = httpx2.get(f"{ISSUER}/.well-known/openid-configuration", timeout=5)
        except httpx2.TransportError:
            return False
        return answer.status_code == httpx2.codes.OK

    def environment(self) -> Mapping[str, str]:
        return {"TEST_OIDC_ISSUER": ISSUER}


def _unpack(folder: Path) -> None:
    run(["mvn", "--batch-mode", "--quiet", _COPY, f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"], folder)
    archive = folder / f"keycloak-quarkus-dist-{_VERSION}.tar.gz"
    check_sha256(archive, _SHA256)
    run(["tar", "--extract", "--file", str(archive), "--strip-components=1", "--no-same-owner"], folder)
    archive.unlink()
    (folder / "conf" / "keycloak.conf").write_text(_SETTINGS)
    run([str(folder / "bin" / "kc.sh"), "build"], folder, _JVM)
