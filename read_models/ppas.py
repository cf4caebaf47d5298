"""`pg.ppa`: contracts; `pg.ppa_valuation`: what each was worth, against which curve."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS ppa (
    ppa_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    name text NOT NULL,
    hub text NOT NULL,
    side text NOT NULL,
    terms jsonb NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL,
    UNIQUE (tenant, name)
);
CREATE TABLE IF NOT EXISTS ppa_valuation (
    valuation_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    ppa_id uuid NOT NULL,
    curve_id uuid NOT NULL,
    figures jsonb NOT NULL,
    parameters jsonb NOT NULL,
    digest text NOT NULL,
    artifact_sha256 text NOT NULL,
    code_version text NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS valuations_of_ppa ON ppa_valuation (ppa_id, log_position);
"""


class PpaRow(Row):
    TABLE = "ppa"

    ppa_id: UUID
    tenant: str
    name: str
    hub: str
    side: str
    terms: str
    recorded_at: datetime
    log_position: int


class ValuationRow(Row):
    TABLE = "ppa_valuation"

    valuation_id: UUID
    tenant: str
    ppa_id: UUID
    curve_id: UUID
    figures: str
    parameters: str
    digest: str
    artifact_sha256: str
    code_version: str
    recorded_at: datetime
    log_position: int
