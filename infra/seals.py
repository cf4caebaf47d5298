"""Seals: signed, chained lists of event hashes, kept outside the database that they vouch for.

A seal names every event of a stretch of the log by hash, stream and version, and the seal before it by hash. Someone
with full rights on the event table can change it, but not so that it still agrees with the seals. Ordinals (the n-th
event of the log) and not positions are sealed, so that seals survive a move of the log to another store.
"""

from __future__ import annotations

import hashlib
import os
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
    """The chain of seals in a folder, one file each, named by last ordinal and hash."""

    def __init__(self, folder: Path, private_key: bytes) -> None:
        self._folder = folder
        self._private = Ed25519PrivateKey.from_private_bytes(private_key)
        self._public: Ed25519PublicKey = self._private.public_key()
        self._newest: tuple[Path, StoredSeal] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def public_key(self) -> str:
        """The Ed25519 key that every seal's signature agrees with, in hexadecimal."""
        return self._public.public_bytes_raw().hex()

    def newest(self) -> StoredSeal | None:
        """The end of the chain, or None before the first seal."""
        # Remembered, for a folder of a year holds too many files to be listed every second.
        if self._newest is None or not self._newest[0].exists():
            files = self._files()
            self._newest = (files[-1], self._read(files[-1])) if files else None
        return self._newest[1] if self._newest else None

    def newest_first(self) -> Iterator[StoredSeal]:
        """The seals from the end of the chain backwards; raises BrokenSeal."""
        return map(self._read, reversed(self._files()))

    def chain(self) -> Iterator[StoredSeal]:
        """All seals there are at the time of the call, in order.

        Raises BrokenSeal at the first that does not verify or does not follow.
        """
        return self._chain(self._files())

    def event(self, ordinal: int) -> SealedEvent | None:
        """What was sealed as the `ordinal`-th event, or None where no seal covers it."""
        file = next((file for file in self._files() if _last_ordinal(file) >= ordinal), None)
        return self._read(file).seal.event(ordinal) if file else None

    def content(self, sha256: str) -> bytes | None:
        """The file of a seal, for an auditor to keep."""
        file = next(iter(self._folder.glob(f"*-{sha256}.json")), None)
        return file.read_bytes() if file else None

    def kept(self, content: bytes) -> StoredSeal:
        """A seal that was kept elsewhere, from its file. Raises BrokenSeal when our key did not sign it."""
        return self._decode(
            content, "that was kept elsewhere", "Look for the right file; the key may have been replaced."
        )

    def append(self, first_ordinal: int, events: Sequence[SealedEvent], sealed_at: datetime) -> StoredSeal:
        """Seals `events`, which must follow the newest seal; it is on disk when this returns."""
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
        file = self._folder / f"{seal.last_ordinal:016d}-{stored.sha256}.json"
        _write_synced(file, content)
        self._newest = (file, stored)
        return stored

    def files(self, after: int, through: int) -> Iterator[tuple[int, str, bytes]]:
        """Last ordinal, name and content of the seals that end behind one ordinal and, at the latest, at another."""
        for file in self._files():
            if after < (last := _last_ordinal(file)) <= through:
                yield last, file.name, file.read_bytes()

    def take_copy(self, name: str, content: bytes) -> None:
        """Puts the copy of a seal's file where it was; whether it is good, `chain` tells."""
        _write_synced(self._folder / name, content)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))

    def _chain(self, files: Sequence[Path]) -> Iterator[StoredSeal]:
        previous: StoredSeal | None = None
        for file in files:
            stored = self._read(file)
            expected_hash = previous.sha256 if previous else FIRST_SEAL
            expected_first = previous.seal.last_ordinal + 1 if previous else 1
            if (stored.seal.previous_seal, stored.seal.first_ordinal) != (expected_hash, expected_first):
                raise _broken(file.name, f"it does not follow event {expected_first - 1}: a seal was removed or put in")
            yield stored
            previous = stored

    def _read(self, file: Path) -> StoredSeal:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise _broken(file.name, f"it cannot be read: {error.strerror}") from error
        stored = self._decode(content, file.name)
        if file.name != f"{stored.seal.last_ordinal:016d}-{stored.sha256}.json":
            raise _broken(file.name, "its name does not belong to its content")
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


def _last_ordinal(file: Path) -> int:
    digits = file.name.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _write_synced(file: Path, content: bytes) -> None:
    """A power cut must not leave a seal half written: it would look like one that was tampered with."""
    new = file.with_suffix(".new")
    with new.open("wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    new.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _broken(name: str, why: str, remedy: str = _REMEDY) -> BrokenSeal:
    return BrokenSeal(f"The seal {name} cannot be trusted: {why}.", remedy)
