"""Registered hubs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, KNOWN, NAMED_ORDERS, NamedSort, Page, PageRequest, Row, by_id, page, row

INSTRUMENT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("iso", pa.string(), nullable=False),
        pa.field("node", pa.string(), nullable=False),
        pa.field("node_type", pa.string(), nullable=False),
        pa.field("market", pa.string(), nullable=False),
        pa.field("time_zone", pa.string(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed hub."""

_COLUMNS = "instrument_id AS id, name, iso, node, node_type, market, time_zone, recorded_at, log_position"


def list_instruments(
    pool: Pool,
    tenant: str,
    request: PageRequest = ALL,
    *,
    name: str | None = None,
    iso: str | None = None,
    market: str | None = None,
    sort: NamedSort = "name",
) -> Page:
    """Hubs."""
    return page(
        pool,
        f"""SELECT {_COLUMNS} FROM instrument
            WHERE tenant = %(tenant)s
              AND (%(name)s::text IS NULL OR name = %(name)s)
              AND (%(iso)s::text IS NULL OR iso = %(iso)s)
              AND (%(market)s::text IS NULL OR market = %(market)s)
              AND {KNOWN}""",  # noqa: S608 - names from this file
        {"tenant": tenant, "name": name, "iso": iso, "market": market},
        NAMED_ORDERS[sort],
        request,
    )


def instruments_by_id(
    pool: Pool, tenant: str, instrument_ids: Sequence[UUID], as_of: int | None = None
) -> dict[UUID, Row]:
    """Those of the hubs that the tenant has, in one query."""
    return by_id(
        pool,
        f"""SELECT instrument_id AS id, i.* FROM instrument i
            WHERE tenant = %(tenant)s AND instrument_id = ANY(%(ids)s) AND {KNOWN}""",  # noqa: S608
        {"tenant": tenant, "ids": list(instrument_ids), "as_of": as_of},
    )


def instrument(pool: Pool, tenant: str, instrument_id: UUID, as_of: int | None = None) -> Row | None:
    """A tenant's hub; None where it has none of that id, or had none yet at position `as_of`."""
    return row(
        pool,
        f"SELECT {_COLUMNS} FROM instrument WHERE tenant = %(tenant)s AND instrument_id = %(id)s AND {KNOWN}",  # noqa: S608
        {"tenant": tenant, "id": instrument_id, "as_of": as_of},
    )
