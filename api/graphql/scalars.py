"""Scalars: whole numbers past 32 bits, times in UTC with Z, and whole columns.

GraphQL completes every value of a list by itself, which costs more than reading them. A column is one value: its list
goes into the answer as it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NewType
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

Long = NewType("Long", int)
FloatColumn = NewType("FloatColumn", object)
IntColumn = NewType("IntColumn", object)
StringColumn = NewType("StringColumn", object)
BooleanColumn = NewType("BooleanColumn", object)
DateColumn = NewType("DateColumn", object)
DateTimeColumn = NewType("DateTimeColumn", object)


def column(values: Any) -> list[Any]:
    """The JSON list of an Arrow column: instants as `2026-01-31T05:00:00Z`, dates as `2026-01-31`, NaN as null.

    Arrow spells whole columns, which is many times as fast as value by value.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        values = pc.replace_substring(values.cast(pa.string()), " ", "T")
    elif pa.types.is_timestamp(kind):
        # These are the same for all rows of a publication: each is spelled once.
        encoded = values.dictionary_encode()
        texts = pa.array([utc_text(time) for time in encoded.dictionary.to_pylist()], pa.string())
        values = texts.take(encoded.indices)
    elif pa.types.is_dictionary(kind) or pa.types.is_date(kind):
        values = values.cast(pa.string())
    elif pa.types.is_floating(kind):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
    found: list[Any] = values.to_pylist()
    return found


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table, their values as in `column`."""
    names = table.schema.names
    return [dict(zip(names, values, strict=True)) for values in zip(*map(column, table.columns), strict=True)]


def local_texts(instants: Any, zone: ZoneInfo) -> list[str]:
    """A column of instants on a local clock, each with its offset: `2026-01-31T00:00:00-05:00`."""
    return [time.isoformat() for time in instants.cast(pa.timestamp("s", zone.key)).to_pylist()]


def utc_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _instant(value: datetime | str) -> str:
    """Texts of `column` are spelled already."""
    return value if isinstance(value, str) else utc_text(value)


def _whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise GraphQLError(f"{value!r} is no whole number of 64 bits")
    return value


def _scalar(name: str, description: str, serialize: Any = None, parse: Any = None) -> ScalarDefinition:
    return ScalarDefinition(
        name=name,
        description=description,
        specified_by_url=None,
        serialize=serialize or (lambda value: value),
        parse_value=parse,
        parse_literal=None,
    )


_A_COLUMN = "A whole column, one value for each row of the series in its order: a JSON list of"
CONFIG = StrawberryConfig(
    scalar_map={
        Long: _scalar("Long", "A whole number of up to 64 bits, as a JSON number.", parse=_whole_number),
        datetime: _scalar("DateTime", "An instant in UTC, ISO 8601: `2026-01-31T05:00:00Z`.", _instant),
        FloatColumn: _scalar("FloatColumn", f"{_A_COLUMN} numbers; null where there is no value."),
        IntColumn: _scalar("IntColumn", f"{_A_COLUMN} whole numbers."),
        StringColumn: _scalar("StringColumn", f"{_A_COLUMN} texts; null where there is no value."),
        BooleanColumn: _scalar("BooleanColumn", f"{_A_COLUMN} true and false."),
        DateColumn: _scalar("DateColumn", f"{_A_COLUMN} dates: `2026-01-31`."),
        DateTimeColumn: _scalar("DateTimeColumn", f"{_A_COLUMN} instants in UTC: `2026-01-31T05:00:00Z`."),
    }
)
