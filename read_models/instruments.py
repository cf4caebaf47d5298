"""`pg.instrument`: registered hubs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS instrument (
    instrument_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    name text NOT NULL,
    iso text NOT NULL, node text NOT NULL, node_type text NOT NULL, market text NOT NULL, time_zone text NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    UNIQUE (tenant, name)
);
"""


class InstrumentRow(Row):
    TABLE = "instrument"

    instrument_id: UUID
    tenant: str
    name: str
    iso: str
    node: str
    node_type: str
    market: str
    time_zone: str
    recorded_at: datetime
    log_position: int
