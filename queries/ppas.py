"""Contracts and their valuations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import (
    ALL,
    KNOWN,
    NAMED_ORDERS,
    RECORDED_ORDERS,
    NamedSort,
    Page,
    PageRequest,
    RecordedSort,
    Row,
    by_id,
    page,
    row,
    rows,
)

PPA_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("hub", pa.string(), nullable=False),
        pa.field("side", pa.string(), nullable=False),
        pa.field("terms", pa.json_(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
        pa.field("valuations", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed contract; `valuations` is how many there are."""

VALUATION_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("ppa_id", pa.string(), nullable=False),
        pa.field("curve_id", pa.string(), nullable=False),
        pa.field("figures", pa.json_(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed valuation."""


def list_ppas(
    pool: Pool,
    tenant: str,
    request: PageRequest = ALL,
    *,
    name: str | None = None,
    hub: str | None = None,
    side: str | None = None,
    sort: NamedSort = "name",
) -> Page:
    """Contracts."""
    return page(
        pool,
        f"""SELECT ppa_id AS id, name, hub, side, terms, recorded_at, log_position,
                   (SELECT count(*) FROM ppa_valuation v WHERE v.ppa_id = p.ppa_id
                    AND (%(as_of)s::bigint IS NULL OR v.log_position <= %(as_of)s)) AS valuations
            FROM ppa p
            WHERE tenant = %(tenant)s
              AND (%(name)s::text IS NULL OR name = %(name)s)
              AND (%(hub)s::text IS NULL OR hub = %(hub)s)
              AND (%(side)s::text IS NULL OR side = %(side)s)
              AND {KNOWN}""",  # noqa: S608 - names from this package
        {"tenant": tenant, "name": name, "hub": hub, "side": side},
        NAMED_ORDERS[sort],
        request,
    )


def ppa(pool: Pool, tenant: str, ppa_id: UUID, as_of: int | None = None) -> Row | None:
    """One contract with the headline figures of all its valuations, newest first."""
    values = {"tenant": tenant, "id": ppa_id, "as_of": as_of}
    found = row(
        pool,
        f"SELECT ppa_id AS id, p.* FROM ppa p WHERE tenant = %(tenant)s AND ppa_id = %(id)s AND {KNOWN}",  # noqa: S608
        values,
    )
    if found:
        found["valuations"] = rows(
            pool,
            f"""SELECT valuation_id AS id, curve_id, figures, recorded_at, log_position FROM ppa_valuation
                WHERE ppa_id = %(id)s AND {KNOWN} ORDER BY log_position DESC""",  # noqa: S608 - names from this package
            values,
        )
    return found


def list_valuations(
    pool: Pool,
    tenant: str,
    request: PageRequest = ALL,
    *,
    ppa_id: UUID | None = None,
    curve_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: RecordedSort = "-log_position",
) -> Page:
    """Valuations of all contracts, newest first unless sorted otherwise; those recorded in [since, until)."""
    return page(
        pool,
        f"""SELECT valuation_id AS id, ppa_id, curve_id, figures, digest, recorded_at, log_position FROM ppa_valuation
            WHERE tenant = %(tenant)s
              AND (%(ppa_id)s::uuid IS NULL OR ppa_id = %(ppa_id)s)
              AND (%(curve_id)s::uuid IS NULL OR curve_id = %(curve_id)s)
              AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
              AND {KNOWN}""",  # noqa: S608 - names from this package
        {"tenant": tenant, "ppa_id": ppa_id, "curve_id": curve_id, "since": since, "until": until},
        RECORDED_ORDERS[sort],
        request,
    )


def valuation(pool: Pool, tenant: str, valuation_id: UUID, as_of: int | None = None) -> Row | None:
    """A tenant's valuation; None where it has none of that id, or had none yet at position `as_of`."""
    return row(
        pool,
        f"""SELECT valuation_id AS id, v.* FROM ppa_valuation v
            WHERE tenant = %(tenant)s AND valuation_id = %(id)s AND {KNOWN}""",  # noqa: S608 - names from this package
        {"tenant": tenant, "id": valuation_id, "as_of": as_of},
    )


def ppas_by_id(pool: Pool, tenant: str, ppa_ids: Sequence[UUID], as_of: int | None = None) -> dict[UUID, Row]:
    """Those of the contracts that the tenant has, in one query and without their valuations."""
    return by_id(
        pool,
        f"""SELECT ppa_id AS id, p.* FROM ppa p
            WHERE tenant = %(tenant)s AND ppa_id = ANY(%(ids)s) AND {KNOWN}""",  # noqa: S608
        {"tenant": tenant, "ids": list(ppa_ids), "as_of": as_of},
    )


def valuations_by_id(
    pool: Pool, tenant: str, valuation_ids: Sequence[UUID], as_of: int | None = None
) -> dict[UUID, Row]:
    """Those of the valuations that the tenant has, in one query."""
    return by_id(
        pool,
        f"""SELECT valuation_id AS id, v.* FROM ppa_valuation v
            WHERE tenant = %(tenant)s AND valuation_id = ANY(%(ids)s) AND {KNOWN}""",  # noqa: S608
        {"tenant": tenant, "ids": list(valuation_ids), "as_of": as_of},
    )


def valuations_of_ppas(
    pool: Pool, tenant: str, ppa_ids: Sequence[UUID], limit: int, before_position: int | None = None
) -> dict[UUID, list[Row]]:
    """The newest `limit` valuations of each contract, newest first, in one query; those before a position if given."""
    found = rows(
        pool,
        """SELECT newest.* FROM unnest(%(ids)s::uuid[]) AS wanted (wanted_id), LATERAL (
               SELECT valuation_id AS id, v.* FROM ppa_valuation v
               WHERE tenant = %(tenant)s AND ppa_id = wanted_id
                 AND (%(before)s::bigint IS NULL OR log_position < %(before)s)
               ORDER BY log_position DESC LIMIT %(limit)s
           ) AS newest ORDER BY log_position DESC""",
        {"tenant": tenant, "ids": list(ppa_ids), "limit": limit, "before": before_position},
    )
    by_ppa: dict[UUID, list[Row]] = {ppa_id: [] for ppa_id in ppa_ids}
    for valuation_row in found:
        by_ppa[valuation_row["ppa_id"]].append(valuation_row)
    return by_ppa
