"""Registering hubs."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from commands.message import Caller, Command, Context, Tools, example
from write_model.instruments import Hub, Instrument, instrument_id

Iso = Literal["MISO", "CAISO", "PJM", "ERCOT"]
Market = Literal["DA", "RTH", "RT15", "RT5"]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]


def _known_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone!r} is no IANA time zone; write for example America/New_York")
    return zone


class RegisterInstrument(Command):
    """A hub by its name, and the place (iso, market, node, node_type) whose prices settle it."""

    model_config = example(
        name="PJM-WH", iso="PJM", node="WESTERN HUB", node_type="HUB", market="DA", time_zone="America/New_York"
    )

    name: Name
    iso: Iso
    node: Name
    node_type: Annotated[str, Field(max_length=100)]
    market: Market
    time_zone: Annotated[str, AfterValidator(_known_zone)]


def stream_of_instrument(command: RegisterInstrument, caller: Caller, _: Tools) -> UUID:
    return instrument_id(caller.tenant, command.name)


def handle_register_instrument(
    command: RegisterInstrument, instrument: Instrument | None, context: Context
) -> Instrument:
    hub = Hub(**command.model_dump())
    if instrument is None:
        return Instrument.register(context.stream_id, hub)
    instrument.register_again(hub)
    return instrument
