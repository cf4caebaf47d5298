"""What can be quoted and valued: a hub, that is one place of one market with a time zone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

from write_model.base import Aggregate, Refused, stream_id

NOUN = "instrument"


@dataclass(frozen=True)
class Hub:
    """A hub by its name, and the place whose prices settle it."""

    name: str
    iso: str
    node: str
    node_type: str
    market: str
    time_zone: str


class Instrument(Aggregate):
    """A registered hub. Its definition never changes, for curves and contracts rest on it."""

    NAME = "instrument"

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    class Registered(Aggregate.Created):
        TOPIC = "instrument.registered"
        hub: Hub

    @classmethod
    def register(cls, instrument_id: UUID, hub: Hub) -> Instrument:
        return cls._create(cls.Registered, id=instrument_id, hub=hub)

    def register_again(self, hub: Hub) -> None:
        """The same definition changes nothing; another one is refused."""
        wanted = asdict(hub)
        changed = [field for field, value in asdict(self.hub).items() if wanted[field] != value]
        if changed:
            differences = ", ".join(f"{field} {getattr(self.hub, field)!r}, not {wanted[field]!r}" for field in changed)
            raise Refused(
                f"the hub {hub.name} is registered already with {differences}",
                remedy="Register the other place under a name of its own.",
            )


def instrument_id(tenant: str, hub_name: str) -> UUID:
    """A hub is found by its name."""
    return stream_id(tenant, NOUN, hub_name)
