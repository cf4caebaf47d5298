"""What a question is put to: the live read models, or a replay of them as they stood at some position of the log."""

from __future__ import annotations

from dataclasses import dataclass

from infra.clickhouse import ClickHouse
from infra.event_recorder import Pool


@dataclass(frozen=True)
class ReadView:
    """`pool` finds the tables by its search path; columnar rows past `until`, a replay's position, are unseen."""

    pool: Pool
    clickhouse: ClickHouse
    until: int | None = None

    def capped(self, position: int) -> int:
        """`position`, but never past what this view shows."""
        return position if self.until is None else min(position, self.until)
