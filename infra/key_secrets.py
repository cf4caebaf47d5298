"""API keys are `c254_<prefix>_<secret>`: the prefix may be shown and searched, the secret is kept by nobody here."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field

_FORM = re.compile(r"c254_([a-z2-7]{12})_([A-Za-z0-9_-]{43})")
_START = "c254_"


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: `text` is the whole of it, to be shown once."""

    prefix: str
    secret_sha256: str
    text: str = field(repr=False)


def new_key() -> NewKey:
    """A key with 60 bits to find it by and 256 random bits to prove it by.

    A hash without salt and stretching is enough for a secret that nobody can guess or look up in a table.
    """
    prefix = base64.b32encode(secrets.token_bytes(8))[:12].decode().lower()
    secret = secrets.token_urlsafe(32)
    return NewKey(prefix, _sha256(secret), f"{_START}{prefix}_{secret}")


def looks_like_key(credential: str) -> bool:
    return credential.startswith(_START)


def take_apart(credential: str) -> tuple[str, str] | None:
    """The prefix and the SHA-256 of the secret; None for text that is no key."""
    found = _FORM.fullmatch(credential)
    return (found[1], _sha256(found[2])) if found else None


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
