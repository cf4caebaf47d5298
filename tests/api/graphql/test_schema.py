"""The schema is the one that is checked in, only reads, and names units as the rest of the house does."""

from __future__ import annotations

import re
from pathlib import Path

from api.graphql.markets import Iso
from api.graphql.schema import schema, sdl
from queries.prices import MARKET_ZONES

CHECKED_IN = Path(__file__).parents[3] / "docs" / "graphql" / "schema.graphql"


def test_the_schema_is_the_one_that_is_checked_in() -> None:
    """After a wanted change: python -c 'from api.graphql.schema import sdl; print(sdl(), end="")' > that file."""
    assert sdl() == CHECKED_IN.read_text()


def test_it_only_reads() -> None:
    assert schema._schema.query_type is not None
    assert schema._schema.mutation_type is None
    assert schema._schema.subscription_type is None


def test_the_operators_are_those_of_rest() -> None:
    assert {iso.value for iso in Iso} == set(MARKET_ZONES)


# Shares, and a number whose unit is its dataset's.
UNITLESS = {"seasonalWeight", "completeness", "value"}


def test_prices_and_money_say_their_units() -> None:
    numbers = re.findall(r"^  (\w+)(?:\(.*\))?: Float(?:Column)?!?$", sdl(), re.MULTILINE)
    assert len(numbers) > 15
    for name in numbers:
        assert re.search(r"(UsdPerMwh|Usd|Mw|PerYear|S)$", name) or name in UNITLESS, name
