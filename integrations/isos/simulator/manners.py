"""How each source behaves towards those who ask: what it says where there is nothing, and when it is asked too often.

Times are the market's, so that a market at sixty times the speed may be asked sixty times as often.
"""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_JSON, _HTML, _XML = "application/json", "text/html; charset=utf-8", "application/xml"


@dataclass(frozen=True)
class Page:
    """What is said instead of a file. `{seconds}` in it is how long to wait."""

    media_type: str
    text: str

    def written(self, seconds: int = 0) -> bytes:
        return self.text.replace("{seconds}", str(seconds)).encode()


@dataclass(frozen=True)
class Limit:
    """At most `burst` requests at once, and one more each `seconds_each`."""

    burst: int
    seconds_each: float
    refusal: Page


@dataclass(frozen=True)
class Manners:
    """`key_header` is the header (in small letters) without which the source answers 401 with `no_key`."""

    absent: Page
    limit: Limit | None = None
    key_header: str | None = None
    no_key: Page | None = None


_NO_BLOB = Page(
    _XML,
    '<?xml version="1.0" encoding="utf-8"?><Error><Code>BlobNotFound</Code>'
    "<Message>The specified blob does not exist.</Message></Error>",
)
_NO_RESOURCE = Page(_JSON, '{ "statusCode": 404, "message": "Resource not found" }')
_NOT_FOUND = Page(_HTML, "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>")

MANNERS: Final[Mapping[str, Manners]] = {
    "miso-reports": Manners(_NO_BLOB),
    "miso-public-api": Manners(_NO_RESOURCE),
    "caiso-oasis": Manners(
        _NOT_FOUND,
        # One in five seconds; the second of the burst is for what the way there does to the distance of two requests.
        Limit(2, 5.0, Page(_HTML, "<html><body><h1>Acceptable Use Policy Violation</h1></body></html>")),
    ),
    "caiso-outlook": Manners(_NOT_FOUND),
    "pjm_data_miner": Manners(
        _NO_RESOURCE,
        # Those who are no members may ask six times a minute, members six hundred times: the key says who they are.
        Limit(
            6,
            10.0,
            Page(_JSON, '{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in {seconds} seconds." }'),
        ),
        "ocp-apim-subscription-key",
        Page(
            _JSON,
            '{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include '
            'subscription key when making requests to an API." }',
        ),
    ),
    "pjm_web": Manners(_NOT_FOUND),
    "ercot-mis": Manners(_NOT_FOUND),
    "ercot-dashboards": Manners(_NOT_FOUND),
}
"""By the name of the source."""

MEMBER_KEY: Final = "simulated-member"
"""The key of a simulated member of PJM, who may ask a hundred times as often as others."""
_MEMBERS_FASTER = 100

MEMBER_PACES: Final[Mapping[str, float]] = {"pjm_data_miner": 0.1}
"""Seconds between two requests, by source, of whoever has that key."""


class Limiter:
    """Counts requests of each source and asker. Safe to use from any thread."""

    def __init__(self) -> None:
        self._spent: dict[tuple[str, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, source: str, key: str, now_s: float) -> int:
        """0 where one more request may come at `now_s`, else the seconds after which it might."""
        limit = MANNERS[source].limit
        if limit is None:
            return 0
        faster = _MEMBERS_FASTER if key == MEMBER_KEY else 1
        seconds_each, burst = limit.seconds_each / faster, limit.burst * faster
        with self._lock:
            spent, at = self._spent.get((source, key), (0.0, now_s))
            spent = max(0.0, spent - (now_s - at) / seconds_each)
            # What is refused counts for nothing.
            admitted = spent + 1 <= burst
            self._spent[source, key] = (spent + admitted, now_s)
        return 0 if admitted else math.ceil((spent + 1 - burst) * seconds_each)
