"""A server that is told to end says so first: /readyz answers 503 for a while, so that nobody sends it more."""

from __future__ import annotations

import logging
import time
from types import FrameType

import uvicorn

from api.platform import Platform

logger = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """Between the first signal and the end lie CARBON254_DRAIN_S seconds, in which everything is answered as before.

    Then it takes no more connections, and ends when the requests under way are done. A second signal ends it at once.
    """

    def __init__(self, config: uvicorn.Config, platform: Platform) -> None:
        super().__init__(config)
        self._platform = platform
        self._ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        is_first = not self._platform.is_draining
        self._platform.is_draining = True
        if is_first and self._platform.settings.drain_s:
            self._ends_at = time.monotonic() + self._platform.settings.drain_s
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Called every tenth of a second; True ends the server."""
        is_over = self._ends_at is not None and time.monotonic() >= self._ends_at
        return await super().on_tick(counter) or is_over
