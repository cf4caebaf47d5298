"""`pg.curve`: each forward curve with its report; its points are in `ch.forward_curve_points`."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS curve (
    curve_id uuid PRIMARY KEY,
    tenant text NOT NULL,
    hub text NOT NULL,
    scenario text NOT NULL,
    first_month date NOT NULL, last_quoted_month date NOT NULL, last_month date NOT NULL,
    report jsonb NOT NULL,
    parameters jsonb NOT NULL,
    digest text NOT NULL,
    artifact_sha256 text NOT NULL,
    code_version text NOT NULL,
    recorded_at timestamptz NOT NULL,
    log_position bigint NOT NULL
);
"""


class CurveRow(Row):
    TABLE = "curve"

    curve_id: UUID
    tenant: str
    hub: str
    scenario: str
    first_month: date
    last_quoted_month: date
    last_month: date
    report: str
    parameters: str
    digest: str
    artifact_sha256: str
    code_version: str
    recorded_at: datetime
    log_position: int
