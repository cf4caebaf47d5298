"""What `serve --simulated` shows of its markets while they run: the newest price of a hub of each, on stderr."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from api.cli.output import err, say
from queries.checkpoints import checkpoints
from queries.latest_prices import latest_prices

if TYPE_CHECKING:
    from api.platform import Platform

logger = logging.getLogger(__name__)

_HUBS = (("MISO", "INDIANA.HUB"), ("CAISO", "TH_SP15_GEN-APND"), ("PJM", "WESTERN HUB"), ("ERCOT", "HB_HOUSTON"))
_EVERY_S = 60.0
# In the first minute a line comes as soon as there is something new to say.
_SOON_S, _SOON_TIMES = 2.0, 30


class MarketsShown:
    """A thread that reads prices as any query would; `stop` it before the platform closes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show, name="markets-shown", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _show(self) -> None:
        shown, times = "", 0
        while not self._stop.wait(_SOON_S if times < _SOON_TIMES else _EVERY_S):
            times += 1
            try:
                line = "   ".join(filter(None, (self._newest(iso, node) for iso, node in _HUBS)))
            except Exception:
                logger.exception("the newest prices cannot be shown")
                continue
            if line and (line != shown or times > _SOON_TIMES):
                shown = line
                say(f"{self._platform.clock.now():%H:%M:%SZ}  simulated $/MWh   {line}", err)

    def _newest(self, iso: str, node: str) -> str:
        """`PJM WESTERN HUB 41.61 to 13:25`, of five minutes; empty while there is none."""
        platform = self._platform
        known = checkpoints(platform.view).get("prices", 0)
        found = latest_prices(platform.clickhouse, isos=[iso], nodes=[node], market="RT5", through_position=known)
        newest = max(found.to_pylist(), key=lambda row: row["interval_end_utc"], default=None)
        if newest is None:
            return ""
        return f"{iso} {node} {newest['lmp_usd_per_mwh']:.2f} to {newest['interval_end_utc']:%H:%M}"
