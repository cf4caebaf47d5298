"""Cursors: where the next page of a list begins, as a text that only this platform can have written.

A cursor holds the order key of the last row, the position of the log that all pages of one walk show, and a hash of the
question, so that it can't be used to go on with another one. It is signed, not secret: it holds nothing that the page
before it did not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from api.problems import Problem

_SIGNATURE_BYTES = 16
_PLAIN = (str, bool, int, float, type(None))


@dataclass(frozen=True)
class Cursor:
    """The page after the row with the order key `after`, as the log stood at `position`."""

    after: tuple[Any, ...]
    position: int


class Cursors:
    """Writes and reads cursors under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, cursor: Cursor, question: Mapping[str, Any]) -> str:
        """`question` is whatever must stay the same from page to page: route, filters, order, whose list it is."""
        content = [_question_hash(question), cursor.position, [_tagged(value) for value in cursor.after]]
        payload = json.dumps(content, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def read(self, text: str, question: Mapping[str, Any]) -> Cursor:
        """Raises Problem for a text that is no cursor of ours, and for the cursor of another question."""
        payload = self._checked(text)
        asked, position, after = json.loads(payload)
        if asked != _question_hash(question):
            raise Problem(
                400,
                "cursor: it belongs to another question; filters, sort and as_of must stay as they were",
                remedy="Repeat the request that gave the cursor, with nothing but the cursor added; or leave it out.",
            )
        return Cursor(tuple(_untagged(value) for value in after), position)

    def _checked(self, text: str) -> bytes:
        try:
            whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            whole = b""
        signature, payload = whole[:_SIGNATURE_BYTES], whole[_SIGNATURE_BYTES:]
        if not payload or not hmac.compare_digest(signature, self._signature(payload)):
            raise Problem(400, "cursor: not one of this platform's", remedy="Take `next_cursor` of a page as it is.")
        return payload

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, "sha256")[:_SIGNATURE_BYTES]


def _question_hash(question: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _tagged(value: Any) -> Any:
    """What JSON has no type for, as a pair of its type and its text."""
    if isinstance(value, datetime):
        return ["time", value.isoformat()]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, UUID):
        return ["uuid", str(value)]
    if isinstance(value, _PLAIN):
        return value
    raise TypeError(f"a cursor cannot hold {value!r}")


def _untagged(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    kind, text = value
    return _READ[kind](text)


_READ: Mapping[str, Callable[[str], Any]] = {"time": datetime.fromisoformat, "date": date.fromisoformat, "uuid": UUID}
