"""Contracts and their valuations."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from infra.event_recorder import Pool
from queries.relational import ALL, Order, Page, PageRequest, Row, by_id, page, row, rows

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


def ppas_by_id(pool: Pool, tenant: str, ppa_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Those of the contracts that the tenant has, in one query and without their valuations."""
    return by_id(
        pool,
        "SELECT ppa_id AS id, p.* FROM ppa p WHERE tenant = %(tenant)s AND ppa_id = ANY(%(ids)s)",
        {"tenant": tenant, "ids": list(ppa_ids)},
    )


def valuations_by_id(pool: Pool, tenant: str, valuation_ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Those of the valuations that the tenant has, in one query."""
    return by_id(
        pool,
        "SELECT valuation_id AS id, v.* FROM ppa_valuation v WHERE tenant = %(tenant)s AND valuation_id = ANY(%(ids)s)",
        {"tenant": tenant, "ids": list(valuation_ids)},
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
