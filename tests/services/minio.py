"""MinIO: an S3 service, built from its source. Run by tests only; nothing of it is linked or shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.services.cache import fetched, run
from tests.services.service import Service, shifted

PORT = shifted(29000)
_MODULE, _VERSION = "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c"
_USER, _PASSWORD, BUCKET = "carbon254", "carbon254-tests", "carbon254"


class Minio(Service):
    """One node with one bucket."""

    name = "minio"

    def __init__(self, folder: Path, port: int = PORT) -> None:
        super().__init__(folder)
        self.port = port

    def fetch(self) -> None:
        self._program = fetched(f"minio-{_VERSION}", _build) / "minio"

    def prepare(self) -> None:
        # On one node a bucket is a folder, which is simpler than a signed request from a client that makes no buckets.
        (self.folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        address = f"127.0.0.1:{self.port}"
        return [str(self._program), "server", "--quiet", "--address", address, str(self.folder / "data")]

    def own_environment(self) -> Mapping[str, str]:
        return {
            "MINIO_ROOT_USER": _USER, "MINIO_ROOT_PASSWORD": _PASSWORD, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off",
        }  # fmt: skip

    def is_ready(self) -> bool:
        try:
            return (
                httpx2.get(f"http://127.0.0.1:{self.port}/minio/health/live", timeout=2).status_code == httpx2.codes.OK
            )
        except httpx2.TransportError:
            return False

    def environment(self) -> Mapping[str, str]:
        return {
            "TEST_OBJECTS": f"s3://{BUCKET}",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": _USER,
            "AWS_SECRET_ACCESS_KEY": _PASSWORD,
        }


def _build(folder: Path) -> None:
    # The Go proxy's checksum database vouches for the source of a pinned version.
    run(["go", "install", f"{_MODULE}@{_VERSION}"], folder, {"GOBIN": str(folder)})
