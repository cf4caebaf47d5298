"""Answers that never change: a strong ETag, and 304 for who has them already.

A route makes such an answer only after it has decided that the caller may have it, so a 304 tells nobody anything new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fastapi import Request, Response

LONGEST_AGE_S = 365 * 24 * 3600
NEVER_CHANGES = f"private, immutable, max-age={LONGEST_AGE_S}"
MAY_CHANGE = "no-store"
# A shared cache stores nothing private; one of a browser must tell callers and formats apart.
VARIES = "Accept, Authorization"


def etag_of(content: bytes) -> str:
    """The strong tag of these very bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def immutable_headers(etag: str) -> dict[str, str]:
    return {"ETag": etag, "Cache-Control": NEVER_CHANGES, "Vary": VARIES}


def changing_headers() -> dict[str, str]:
    return {"Cache-Control": MAY_CHANGE, "Vary": VARIES}


def revision_tag(revision: int) -> str:
    """The tag of what changes by revisions: what `If-Match` of the command that revises it names."""
    return f'"{revision}"'


def revision_of(tag: str) -> int | None:
    """The revision behind a tag, None for a tag of anything else."""
    digits = tag.strip().removeprefix('"').removesuffix('"')
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def is_known(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names the tag: the caller has these bytes."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or etag in {part.strip().removeprefix("W/") for part in given.split(",")}


def answer(
    request: Request, content: bytes, media_type: str, *, immutable: bool, headers: Mapping[str, str] | None = None
) -> Response:
    """`content` with the headers that its life deserves; 304 without what never changes where the caller has it."""
    more = dict(headers or {})
    if not immutable:
        return Response(content, media_type=media_type, headers=changing_headers() | more)
    etag = etag_of(content)
    kept = immutable_headers(etag) | more
    if is_known(request, etag):
        return Response(status_code=304, headers=kept)
    return Response(content, media_type=media_type, headers=kept)
