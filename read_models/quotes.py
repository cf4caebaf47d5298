"""`pg.quote`: every quote ever recorded, with the sheet it came in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

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


class QuoteRow(Row):
    TABLE = "quote"

    sheet_id: UUID
    tenant: str
    hub: str
    product: str
    price_usd_per_mwh: float
    source: str
    quoted_at: datetime
    recorded_at: datetime
    log_position: int
