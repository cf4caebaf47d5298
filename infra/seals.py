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
from infra.seal_files import SealFiles, SealFolder, name_of

FIRST_SEAL = ""
HASH_DIGITS = 64
_STREAM_DIGITS = 32
_REMEDY = "Restore the folder `seals` from a backup, or compare with a seal that an auditor kept: audit verify --seal."


class SealedEvent(msgspec.Struct, frozen=True):
    """One event as it stood when it was sealed."""

    hash: str
    stream_id: UUID
    version: int


class Seal(msgspec.Struct, frozen=True):
    """Events `first_ordinal` to `last_ordinal` (from 1); `root` is the SHA-256 over all their hashes.

    The hashes stand end to end in `hashes`, 64 digits each, and the streams in `streams`, 32 each: a long log is
    compared a seal at a time, and only where it differs is an event of it looked at.
    """

    first_ordinal: int
    last_ordinal: int
    root: str
    previous_seal: str
    sealed_at: datetime
    hashes: str
    streams: str
    versions: list[int]

    def event(self, ordinal: int) -> SealedEvent:
        """The event that was sealed as the `ordinal`-th of the log."""
        i = ordinal - self.first_ordinal
        return SealedEvent(
            self.hashes[i * HASH_DIGITS : (i + 1) * HASH_DIGITS],
            UUID(self.streams[i * _STREAM_DIGITS : (i + 1) * _STREAM_DIGITS]),
            self.versions[i],
        )

    def is_whole(self) -> bool:
        """Whether its parts belong together."""
        count = self.last_ordinal - self.first_ordinal + 1
        lengths = (len(self.hashes), len(self.streams), len(self.versions))
        return lengths == (count * HASH_DIGITS, count * _STREAM_DIGITS, count) and self.root == _root(self.hashes)


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


class Seals:
    """The chain of seals, one file each, named by last ordinal and hash."""

    def __init__(self, files: SealFiles | Path, private_key: bytes | None, public_key: bytes | None = None) -> None:
        """Whoever has the 32 bytes of the private key may append; the public key is enough to read and verify."""
        self._files = SealFolder(files) if isinstance(files, Path) else files
        self._private = Ed25519PrivateKey.from_private_bytes(private_key) if private_key else None
        if self._private is None and public_key is None:
            raise ValueError("seals are read with the public key at least")
        self._public = (
            self._private.public_key() if self._private else Ed25519PublicKey.from_public_bytes(public_key or b"")
        )
        self._newest: tuple[str, StoredSeal] | None = None

    @property
    def public_key(self) -> str:
        """The Ed25519 key that every seal's signature agrees with, in hexadecimal."""
        return self._public.public_bytes_raw().hex()

    def newest(self) -> StoredSeal | None:
        """The end of the chain, or None before the first seal."""
        known = self._newest
        name = self._files.newest(known[0] if known else None)
        if name is None:
            return None
        if known is None or name != known[0]:
            known = self._newest = (name, self._read(name))
        return known[1]

    def newest_first(self) -> Iterator[StoredSeal]:
        """The seals from the end of the chain backwards, each as the one behind it names it; raises BrokenSeal."""
        newest = self.newest()
        name = _name_of(newest) if newest else None
        while name:
            stored = self._read(name)
            yield stored
            name = _name_before(stored.seal)

    def chain(self) -> Iterator[StoredSeal]:
        """All seals there are at the time of the call, in order.

        Raises BrokenSeal at the first that does not verify or does not follow.
        """
        return self._chain(self._files.names())

    def event(self, ordinal: int) -> SealedEvent | None:
        """What was sealed as the `ordinal`-th event, or None where no seal covers it."""
        name = next((name for name in self._files.names(ordinal - 1) if _last_ordinal(name) >= ordinal), None)
        return self._read(name).seal.event(ordinal) if name else None

    def content(self, sha256: str) -> bytes | None:
        """The file of a seal, for an auditor to keep."""
        name = next((name for name in self._files.names() if name.endswith(f"-{sha256}.json")), None)
        return self._files.read(name) if name else None

    def kept(self, content: bytes) -> StoredSeal:
        """A seal that was kept elsewhere, from its file. Raises BrokenSeal when our key did not sign it."""
        return self._decode(
            content, "that was kept elsewhere", "Look for the right file; the key may have been replaced."
        )

    def append(self, first_ordinal: int, events: Sequence[SealedEvent], sealed_at: datetime) -> StoredSeal:
        """Seals `events`, which must follow the newest seal; it is kept when this returns. Raises SealedElsewhere."""
        assert self._private, "who has the public key alone does not seal"
        newest = self.newest()
        hashes = "".join(event.hash for event in events)
        seal = Seal(
            first_ordinal=first_ordinal,
            last_ordinal=first_ordinal + len(events) - 1,
            root=_root(hashes),
            previous_seal=newest.sha256 if newest else FIRST_SEAL,
            sealed_at=sealed_at,
            hashes=hashes,
            streams="".join(event.stream_id.hex for event in events),
            versions=[event.version for event in events],
        )
        encoded = msgspec.Raw(msgspec.json.encode(seal))
        content = msgspec.json.encode(_SignedSeal(encoded, self._private.sign(_signed_part(encoded)).hex()))
        stored = StoredSeal(seal, hashlib.sha256(content).hexdigest())
        name = _name_of(stored)
        self._files.write(name, content, follows=first_ordinal - 1)
        self._newest = (name, stored)
        return stored

    def files(self, after: int, through: int) -> Iterator[tuple[int, str, bytes]]:
        """Last ordinal, name and content of the seals that end behind one ordinal and, at the latest, at another."""
        for name in self._files.names(after):
            if after < (last := _last_ordinal(name)) <= through and (content := self._files.read(name)) is not None:
                yield last, name, content

    def take_copy(self, name: str, content: bytes, follows: int) -> None:
        """Puts the copy of a seal's file, which follows an ordinal, where it was; whether it is good, `chain` tells."""
        self._files.write(name, content, follows)

    def _chain(self, names: Sequence[str]) -> Iterator[StoredSeal]:
        previous: StoredSeal | None = None
        for name in names:
            stored = self._read(name)
            expected_hash = previous.sha256 if previous else FIRST_SEAL
            expected_first = previous.seal.last_ordinal + 1 if previous else 1
            if (stored.seal.previous_seal, stored.seal.first_ordinal) != (expected_hash, expected_first):
                raise _broken(name, f"it does not follow event {expected_first - 1}: a seal was removed or put in")
            yield stored
            previous = stored

    def _read(self, name: str) -> StoredSeal:
        try:
            content = self._files.read(name)
        except OSError as error:
            raise _broken(name, f"it cannot be read: {error.strerror}") from error
        if content is None:
            raise _broken(name, "it is no longer there")
        stored = self._decode(content, name)
        if name != _name_of(stored):
            raise _broken(name, "its name does not belong to its content")
        return stored

    def _decode(self, content: bytes, name: str, remedy: str = _REMEDY) -> StoredSeal:
        try:
            signed = msgspec.json.decode(content, type=_SignedSeal)
            self._public.verify(bytes.fromhex(signed.signature), _signed_part(signed.seal))
            seal = msgspec.json.decode(signed.seal, type=Seal)
        except (msgspec.MsgspecError, ValueError, InvalidSignature) as error:
            why = "its content or its signature was changed, or another key signed it"
            raise _broken(name, why, remedy) from error
        if not seal.is_whole():
            raise _broken(name, "its root does not belong to its hashes", remedy)
        return StoredSeal(seal, hashlib.sha256(content).hexdigest())


def _signed_part(seal: msgspec.Raw) -> bytes:
    """What is signed: the SHA-256 of the seal, for Ed25519 itself hashes more slowly, and twice."""
    return hashlib.sha256(bytes(seal)).digest()


def _root(hashes: str) -> str:
    return hashlib.sha256(hashes.encode()).hexdigest()


def public_key_of(private_key: bytes) -> str:
    """In hexadecimal, of the 32 bytes of a private key."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw().hex()


def _name_of(stored: StoredSeal) -> str:
    return name_of(stored.seal.last_ordinal, stored.sha256)


def _name_before(seal: Seal) -> str | None:
    """The file of the seal that this one follows."""
    return name_of(seal.first_ordinal - 1, seal.previous_seal) if seal.previous_seal else None


def _last_ordinal(name: str) -> int:
    digits = name.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _broken(name: str, why: str, remedy: str = _REMEDY) -> BrokenSeal:
    return BrokenSeal(f"The seal {name} cannot be trusted: {why}.", remedy)
