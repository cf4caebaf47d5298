"""`pg.followed_curve`: which curves are followed, by whom and with what rights; a row each time somebody asked.

A row holds from its `log_position` until the position `superseded_by`, at which it was asked again or taken back.
"""

from __future__ import annotations

from uuid import UUID

from read_models.batch import Row

TABLES = """
CREATE TABLE IF NOT EXISTS followed_curve (
    followed_id uuid NOT NULL,
    tenant text NOT NULL,
    hub text NOT NULL,
    scenario text NOT NULL,
    actor text NOT NULL,
    roles text[] NOT NULL,
    channel text NOT NULL,
    key_prefix text,
    command_id uuid NOT NULL,
    log_position bigint NOT NULL,
    superseded_by bigint,
    PRIMARY KEY (followed_id, log_position)
);
CREATE INDEX IF NOT EXISTS followed_curve_by_tenant ON followed_curve (tenant, hub, scenario);
"""


class FollowedCurveRow(Row):
    TABLE = "followed_curve"
    LOOKUP = "followed_id"
    FOUND = "superseded_by IS NULL"

    followed_id: UUID
    tenant: str
    hub: str
    scenario: str
    actor: str
    roles: str
    channel: str
    key_prefix: str | None
    command_id: UUID
    log_position: int
    superseded_by: int | None = None
