"""What a simulated operator is to whoever serves it: a pure answer to a request at a moment of market time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What the operator says to one request. `published_at_utc` is since when it has been saying so."""

    content: bytes
    published_at_utc: datetime
    media_type: str = "application/octet-stream"
    status: int = 200


class Operator(Protocol):
    """The public endpoints of one ISO. It holds no state but caches: one request at one time, the same bytes."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources (`integrations.isos.feeds.Source`) whose hosts it stands for."""
        ...

    def answer(self, source: str, path: str, params: Mapping[str, str], now_utc: datetime) -> Answer | None:
        """What is at `path` (below the source's base URL) at `now_utc`; None where there is nothing, or nothing yet."""
        ...
