"""Scenarios as last revised, or as they stood at a position of the log."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa

from infra.event_recorder import Pool
from queries.relational import ALL, HELD, KNOWN, NAMED_ORDERS, NamedSort, Page, PageRequest, Row, by_id, page, row, rows

SCENARIO_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("revision", pa.int64(), nullable=False),
        pa.field("growth_per_year", pa.float64(), nullable=False),
        pa.field("seasonal_weight", pa.float64(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("log_position", pa.int64(), nullable=False),
    ]
)
"""The columns of a listed scenario."""

_COLUMNS = "scenario_id AS id, name, revision, growth_per_year, seasonal_weight, recorded_at, log_position"


def list_scenarios(
    pool: Pool, tenant: str, request: PageRequest = ALL, *, name: str | None = None, sort: NamedSort = "name"
) -> Page:
    """Scenarios, each in its newest revision."""
    return page(
        pool,
        f"""SELECT {_COLUMNS} FROM scenario
            WHERE tenant = %(tenant)s AND (%(name)s::text IS NULL OR name = %(name)s) AND {HELD}""",  # noqa: S608
        {"tenant": tenant, "name": name},
        NAMED_ORDERS[sort],
        request,
    )


def scenario(pool: Pool, tenant: str, scenario_id: UUID, as_of: int | None = None) -> Row | None:
    """One scenario with its `revisions`, oldest first."""
    values = {"tenant": tenant, "id": scenario_id, "as_of": as_of}
    of_scenario = f"SELECT {_COLUMNS} FROM scenario WHERE tenant = %(tenant)s AND scenario_id = %(id)s"  # noqa: S608
    found = row(pool, f"{of_scenario} AND {HELD}", values)
    if found:
        found["revisions"] = rows(pool, f"{of_scenario} AND {KNOWN} ORDER BY revision", values)
    return found


def scenarios_by_id(pool: Pool, tenant: str, scenario_ids: Sequence[UUID], as_of: int | None = None) -> dict[UUID, Row]:
    """Those of the scenarios that the tenant has, as last revised (by `as_of`), in one query."""
    return by_id(
        pool,
        f"""SELECT scenario_id AS id, s.* FROM scenario s
            WHERE tenant = %(tenant)s AND scenario_id = ANY(%(ids)s) AND {HELD}""",  # noqa: S608
        {"tenant": tenant, "ids": list(scenario_ids), "as_of": as_of},
    )
