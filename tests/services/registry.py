"""Every engine that can be run here."""

from __future__ import annotations

from collections.abc import Mapping

from tests.services.keycloak import Keycloak
from tests.services.minio import Minio
from tests.services.postgres import Postgres
from tests.services.service import Service

SERVICES: Mapping[str, type[Service]] = {service.name: service for service in (Postgres, Minio, Keycloak)}
