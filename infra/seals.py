"""Seals: signed, chained lists of event hashes, kept outside the database that they vouch for.

A seal names every event of a stretch of the log by hash, stream and version, and the seal before it by hash. Someone
with full rights on the event table can change it, but not so that it still agrees with the seals. Ordinals (the n-th
event of the log) and not positions are sealed, so that seals survive a move of the log to another store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infra.errors import PlatformError
from infra.event_mapper import LoggedEvent

FIRST_SEAL = ""


class SealedEvent(msgspec.Struct, frozen=True, array_like=True):
    """One event as it stood when it was sealed."""

    hash: str
    stream_id: UUID
    version: int


class Seal(msgspec.Struct, frozen=True):
    """Events `first_ordinal` to `last_ordinal` (from 1); `root` is the SHA-256 over all their hashes."""

    first_ordinal: int
    last_ordinal: int
    root: str
    previous_seal: str
    sealed_at: datetime
    events: tuple[SealedEvent, ...]


class _SignedSeal(msgspec.Struct, frozen=True):
    seal: msgspec.Raw
    signature: str


@dataclass(frozen=True)
class StoredSeal:
    """A seal and the SHA-256 of its file, by which the next one and an auditor name it."""

    seal: Seal
    sha256: str


class BrokenSeal(PlatformError):
    """A stored seal is damaged, was signed by another key, or does not follow the one before it."""


def sealed_event(logged: LoggedEvent) -> SealedEvent:
    assert isinstance(logged.originator_id, UUID)
    return SealedEvent(logged.hash, logged.originator_id, logged.originator_version)


def root_of(events: Sequence[SealedEvent]) -> str:
    return hashlib.sha256("".join(event.hash for event in events).encode()).hexdigest()


class Seals:
    """The chain of seals in a folder, one file each, named by last ordinal and hash."""

    def __init__(self, folder: Path, private_key: bytes) -> None:
        self._folder = folder
        self._private = Ed25519PrivateKey.from_private_bytes(private_key)
        self._public: Ed25519PublicKey = self._private.public_key()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def newest(self) -> StoredSeal | None:
        """The end of the chain, or None before the first seal."""
        files = self._files()
        return self._read(files[-1]) if files else None

    def chain(self) -> Iterator[StoredSeal]:
        """All seals in order. Raises BrokenSeal at the first that does not verify or does not follow."""
        previous: StoredSeal | None = None
        for file in self._files():
            stored = self._read(file)
            expected_hash = previous.sha256 if previous else FIRST_SEAL
            expected_first = previous.seal.last_ordinal + 1 if previous else 1
            if (stored.seal.previous_seal, stored.seal.first_ordinal) != (expected_hash, expected_first):
                raise _broken(file, f"it does not follow event {expected_first - 1}: a seal was removed or put in")
            yield stored
            previous = stored

    def append(self, first_ordinal: int, events: Sequence[SealedEvent], sealed_at: datetime) -> StoredSeal:
        """Seals `events`, which must follow the newest seal."""
        newest = self.newest()
        seal = Seal(
            first_ordinal=first_ordinal,
            last_ordinal=first_ordinal + len(events) - 1,
            root=root_of(events),
            previous_seal=newest.sha256 if newest else FIRST_SEAL,
            sealed_at=sealed_at,
            events=tuple(events),
        )
        signed = msgspec.json.encode(seal)
        content = msgspec.json.encode(_SignedSeal(msgspec.Raw(signed), self._private.sign(signed).hex()))
        sha256 = hashlib.sha256(content).hexdigest()
        file = self._folder / f"{seal.last_ordinal:016d}-{sha256}.json"
        new = file.with_suffix(".new")
        new.write_bytes(content)
        new.rename(file)
        return StoredSeal(seal, sha256)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _read(self, file: Path) -> StoredSeal:
        content = file.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        try:
            signed = msgspec.json.decode(content, type=_SignedSeal)
            self._public.verify(bytes.fromhex(signed.signature), bytes(signed.seal))
            seal = msgspec.json.decode(signed.seal, type=Seal)
        except (msgspec.MsgspecError, ValueError, InvalidSignature) as error:
            raise _broken(file, "its content or its signature was changed") from error
        if file.name != f"{seal.last_ordinal:016d}-{sha256}.json" or seal.root != root_of(seal.events):
            raise _broken(file, "its name or its root does not belong to its content")
        return StoredSeal(seal, sha256)


def _broken(file: Path, why: str) -> BrokenSeal:
    return BrokenSeal(
        f"The seal {file.name} cannot be trusted: {why}.",
        "Restore the folder `seals` from a backup, or compare with a seal that an auditor kept: audit verify --seal.",
    )
