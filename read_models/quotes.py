"""`pg.quote`: every quote ever recorded, with the sheet it came in."""

from __future__ import annotations

from uuid import UUID

import pyarrow as pa

from read_models.relational import Cursor

TABLES = """
CREATE TABLE IF NOT EXISTS quote (
    sheet_id uuid NOT NULL,
    tenant text NOT NULL,
    hub text NOT NULL,
    product text NOT NULL,
    price_usd_per_mwh double precision NOT NULL,
    source text NOT NULL,
    quoted_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS quote_by_hub ON quote (tenant, hub, product, quoted_at DESC, log_position DESC);
"""


def add_sheet(
    cursor: Cursor, rows: pa.Table, *, sheet_id: UUID, tenant: str, recorded_at: object, log_position: int
) -> None:
    """Adds all quotes of a sheet; `rows` has hub, product, price_usd_per_mwh, source and quoted_at."""
    columns = "sheet_id, tenant, hub, product, price_usd_per_mwh, source, quoted_at, recorded_at, log_position"
    with cursor.copy(f"COPY quote ({columns}) FROM STDIN") as copy:
        for row in rows.to_pylist():
            copy.write_row((
                sheet_id, tenant, row["hub"], row["product"], row["price_usd_per_mwh"], row["source"],
                row["quoted_at"], recorded_at, log_position,
            ))  # fmt: skip
