"""Rows of fundamentals, collected one number after the other: for reports that are small and irregular."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.local_time import HOUR_S
from integrations.isos.series import series_rows


class Rows:
    """Starts are seconds since 1970 UTC; all intervals of one table have one length."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {
            name: [] for name in ("series", "area", "category", "unit", "interval_start_utc", "value")
        }

    def add(self, series: str, area: str, start_s: int, value: float, *, category: str = "", unit: str) -> None:
        for name, cell in (
            ("series", series), ("area", area), ("category", category), ("unit", unit),
            ("interval_start_utc", start_s), ("value", value),
        ):  # fmt: skip
            self._columns[name].append(cell)

    def refuse_repeats(self, document: Document) -> None:
        """Raise UnreadablePublication where two numbers are of one series, area, category and moment."""
        columns = [self._columns[name] for name in ("series", "area", "category", "interval_start_utc")]
        seen: set[tuple[Any, ...]] = set()
        for key in zip(*columns, strict=True):
            if key in seen:
                start = datetime.fromtimestamp(key[3], UTC)
                problem = f"{' '.join(filter(None, key[:3]))} of {start:%Y-%m-%dT%H:%MZ} is there twice: get it again"
                raise unreadable(document.name, problem)
            seen.add(key)

    def table(self, length_s: int = HOUR_S, *, issued_at: Sequence[datetime | None] | None = None) -> pa.Table:
        start = pa.array(self._columns["interval_start_utc"], pa.int64())
        columns: dict[str, Any] = dict(self._columns) | {
            "interval_start_utc": start.cast(pa.timestamp("s", "UTC")),
            "interval_end_utc": pc.add(start, length_s).cast(pa.timestamp("s", "UTC")),
            "value": pa.array(self._columns["value"], pa.float64()),
        }
        if issued_at is not None:
            columns["issued_at"] = pa.array(issued_at, pa.timestamp("us", "UTC"))
        return series_rows("fundamentals", columns)

    def __len__(self) -> int:
        return len(self._columns["value"])
