"""Why the server ends a connection: the close codes of docs/stream.md."""

from __future__ import annotations

from dataclasses import dataclass

NOT_AUTHENTICATED = 4001
NOT_ALLOWED = 4003
SLOW_READER = 4008
TOO_MANY_STREAMS = 4029
INTERNAL_ERROR = 1011
TRY_AGAIN = 1013

_LONGEST_REASON_BYTES = 120  # a close frame has room for 123


@dataclass(frozen=True)
class Cut:
    """The end of a connection."""

    code: int
    reason: str

    def short_reason(self) -> str:
        return self.reason.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")


class CutOff(Exception):
    """Ends the connection from within one of its tasks."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.cut = Cut(code, reason)
