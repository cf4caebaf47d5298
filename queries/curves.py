"""Built curves; their points come from `queries.curve_points`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.followed_curves import FOLLOWED_BY
from queries.relational import (
    ALL,
    KNOWN,
    RECORDED_ORDERS,
    Page,
    PageRequest,
    RecordedSort,
    Row,
    by_id,
    page,
    row,
)

CURVE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("hub", pa.string(), nullable=False),
        pa.field("scenario", pa.string(), nullable=False),
        pa.field("first_month", pa.date32(), nullable=False),
        pa.field("last_quoted_month", pa.date32(), nullable=False),
        pa.field("last_month", pa.date32(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed curve."""


def list_curves(
    pool: Pool,
    tenant: str,
    hub: str | None = None,
    request: PageRequest = ALL,
    *,
    scenario: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: RecordedSort = "-log_position",
) -> Page:
    """Curves, newest first unless sorted otherwise; those recorded in [since, until).

    `followed_by` is who has the curve of the same hub and scenario kept fresh.
    """
    return page(
        pool,
        f"""SELECT curve_id AS id, hub, scenario, first_month, last_quoted_month, last_month, digest, recorded_at,
                   log_position, followed_by
            FROM curve LEFT JOIN ({FOLLOWED_BY}) f USING (tenant, hub, scenario)
            WHERE tenant = %(tenant)s
              AND (%(hub)s::text IS NULL OR hub = %(hub)s)
              AND (%(scenario)s::text IS NULL OR scenario = %(scenario)s)
              AND (%(since)s::timestamptz IS NULL OR recorded_at >= %(since)s)
              AND (%(until)s::timestamptz IS NULL OR recorded_at < %(until)s)
              AND {KNOWN}""",  # noqa: S608 - names from this package
        {"tenant": tenant, "hub": hub, "scenario": scenario, "since": since, "until": until},
        RECORDED_ORDERS[sort],
        request,
    )


def curve(pool: Pool, tenant: str, curve_id: UUID, as_of: int | None = None) -> Row | None:
    """A tenant's curve; None where it has none of that id, or had none yet at position `as_of`."""
    return row(
        pool,
        f"SELECT curve_id AS id, c.* FROM curve c WHERE tenant = %(tenant)s AND curve_id = %(id)s AND {KNOWN}",  # noqa: S608
        {"tenant": tenant, "id": curve_id, "as_of": as_of},
    )


def curves_by_id(pool: Pool, tenant: str, curve_ids: Sequence[UUID], as_of: int | None = None) -> dict[UUID, Row]:
    """Those of the curves that the tenant has, whole, in one query."""
    return by_id(
        pool,
        f"""SELECT curve_id AS id, c.* FROM curve c
            WHERE tenant = %(tenant)s AND curve_id = ANY(%(ids)s) AND {KNOWN}""",  # noqa: S608
        {"tenant": tenant, "ids": list(curve_ids), "as_of": as_of},
    )
