"""What `serve --simulated` shows of its markets while they run: the newest price of a hub of each, on stderr."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from api.cli.connection import ApiError, Connection
from api.cli.output import err, say
from infra.clock import Clock

_HUBS = (("MISO", "INDIANA.HUB"), ("CAISO", "TH_SP15_GEN-APND"), ("PJM", "WESTERN HUB"), ("ERCOT", "HB_HOUSTON"))
_LOOK_BACK = timedelta(minutes=90)
_EVERY_S = 60.0
# In the first minute a line comes as soon as there is something new to say.
_SOON_S, _SOON_TIMES = 3.0, 20


class MarketsShown:
    """A thread that asks the server for prices, as any client would."""

    def __init__(self, address: str, token: str, clock: Clock) -> None:
        self._address, self._token, self._clock = address, token, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show, name="markets-shown", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(_SOON_S)

    def _show(self) -> None:
        shown, times = "", 0
        with Connection.to_server(self._address, self._token) as connection:
            while not self._stop.wait(_SOON_S if times < _SOON_TIMES else _EVERY_S):
                times += 1
                try:
                    found = [self._newest(connection, iso, node) for iso, node in _HUBS]
                except (ApiError, OSError):
                    continue  # the server is not up yet, or already down
                line = "   ".join(filter(None, found))
                if line and (line != shown or times > _SOON_TIMES):
                    shown = line
                    say(f"{self._clock.now():%H:%M:%SZ}  simulated $/MWh:  {line}", err)

    def _newest(self, connection: Connection, iso: str, node: str) -> str:
        now = self._clock.now()
        page = connection.get(
            "/v1/prices", iso=iso, node=node, market="RT5", start=_text(now - _LOOK_BACK), end=_text(now)
        )
        rows = page["items"] if isinstance(page, dict) else page
        if not rows:
            return ""
        newest = max(rows, key=lambda row: str(row["interval_end_utc"]))
        until = datetime.fromisoformat(str(newest["interval_end_utc"]))
        return f"{iso} {node} {newest['lmp_usd_per_mwh']:.2f} (to {until:%H:%M})"


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
