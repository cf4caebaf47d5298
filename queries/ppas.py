"""Contracts and their valuations."""

from __future__ import annotations

from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, page, row, rows

BY_NAME = Order(("name",))


def list_ppas(pool: Pool, tenant: str, request: PageRequest = ALL) -> Page:
    """Contracts by name."""
    return page(
        pool,
        """SELECT ppa_id AS id, name, hub, side, terms, recorded_at, log_position,
                  (SELECT count(*) FROM ppa_valuation v WHERE v.ppa_id = p.ppa_id) AS valuations
           FROM ppa p WHERE tenant = %(tenant)s""",
        {"tenant": tenant},
        BY_NAME,
        request,
    )


def ppa(pool: Pool, tenant: str, ppa_id: UUID) -> Row | None:
    """One contract with the headline figures of all its valuations, newest first."""
    found = row(
        pool,
        "SELECT ppa_id AS id, p.* FROM ppa p WHERE tenant = %(tenant)s AND ppa_id = %(id)s",
        {"tenant": tenant, "id": ppa_id},
    )
    if found:
        found["valuations"] = rows(
            pool,
            """SELECT valuation_id AS id, curve_id, figures, recorded_at, log_position FROM ppa_valuation
               WHERE ppa_id = %(id)s ORDER BY log_position DESC""",
            {"id": ppa_id},
        )
    return found


def valuation(pool: Pool, tenant: str, valuation_id: UUID) -> Row | None:
    return row(
        pool,
        "SELECT valuation_id AS id, v.* FROM ppa_valuation v WHERE tenant = %(tenant)s AND valuation_id = %(id)s",
        {"tenant": tenant, "id": valuation_id},
    )
