"""Every engine that can be run here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.services.clickhouse import ClickHouseFront
from tests.services.kafka import Kafka
from tests.services.keycloak import Keycloak
from tests.services.minio import Minio
from tests.services.postgres import Postgres
from tests.services.redis import Redis
from tests.services.service import Service, shift

SERVICES: Mapping[str, type[Service]] = {
    service.name: service for service in (Postgres, ClickHouseFront, Minio, Kafka, Redis, Keycloak)
}


def service(name: str) -> Service:
    """The engine `name` with its files in the one place a user has for them, so that a later command finds it."""
    own = f"-{shift()}" if shift() else ""
    return SERVICES[name](Path(tempfile.gettempdir()) / f"carbon254-services-{os.getuid()}{own}")
