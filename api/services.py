"""The services that a platform of many processes is made of: one table of names, ports and what each of them answers.

`carbon254 serve --service NAME` runs one. Whatever is no other service's is the gateway's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from infra.errors import PlatformError, WrongUsage

GATEWAY = "gateway"
PROJECTOR_PORT, WORKER_PORT = 8020, 8021


@dataclass(frozen=True)
class Service:
    """`nouns` are the files in `api.rest` (and `graphql`) whose routes it has, `commands` those that it takes.

    Without either its nouns do not exist in this version: it answers how it is, and that it has nothing yet.
    """

    name: str
    port: int
    nouns: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.nouns and not self.commands and self.name != GATEWAY


_TABLE = (
    Service(GATEWAY, 8000),
    Service("curves", 8001, ("curves",), ("build-curve", "follow-curve", "unfollow-curve")),
    Service("scenarios", 8002, ("scenarios",), ("define-scenario", "revise-scenario")),
    Service("downloads", 8003, ("objects",)),
    Service("reports", 8004),
    Service("backtesting", 8005),
    Service("ml", 8006),
    Service("graphql", 8007, ("graphql",)),
    Service("risk", 8008),
    Service("lmp", 8009),
    Service("rt-forecast", 8010),
    Service("battery", 8011),
    Service("ppa", 8012, ("ppas",), ("register-ppa", "price-ppa")),
)
SERVICES: Mapping[str, Service] = {service.name: service for service in _TABLE}


def service_named(name: str) -> Service:
    """Raises WrongUsage for a name that is none."""
    if name not in SERVICES:
        raise WrongUsage(f"There is no service {name}", f"The services are {', '.join(SERVICES)}.")
    return SERVICES[name]


def addresses(configured: Mapping[str, str]) -> dict[str, str]:
    """Where the gateway finds each service that has routes: as configured, else on this machine.

    Raises PlatformError for a service that there is not.
    """
    if unknown := sorted(configured.keys() - SERVICES.keys()):
        raise PlatformError(
            f"CARBON254_SERVICES names {', '.join(unknown)}, but there is no such service",
            f"The services are {', '.join(SERVICES)}.",
        )
    return {
        service.name: configured.get(service.name, f"http://127.0.0.1:{service.port}").rstrip("/")
        for service in _TABLE
        if service.name != GATEWAY and not service.is_empty
    }
