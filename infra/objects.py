"""Bytes under their SHA-256, in buckets: what events refer to but do not carry."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore

from infra.errors import PlatformError

Bucket = Literal["raw", "rows", "curves", "runs"]
BUCKETS: tuple[Bucket, ...] = ("raw", "rows", "curves", "runs")


class MissingObject(PlatformError):
    """An event names bytes that the object store does not have."""


class DamagedObject(PlatformError):
    """Stored bytes no longer have the hash under which they lie."""


class Objects:
    """Write once, read many; the key of every object is the SHA-256 of its bytes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def in_folder(cls, folder: Path) -> Objects:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder, mkdir=True))

    @staticmethod
    def key(content: bytes) -> str:
        """The key that `content` would get."""
        return hashlib.sha256(content).hexdigest()

    def put(self, bucket: Bucket, content: bytes) -> str:
        """Stores `content` unless it is there already; returns its SHA-256 in hex."""
        key = self.key(content)
        try:
            # obstore writes beside the target and links it in, so that a crash leaves no half-written object.
            self._store.put(_path(bucket, key), content, mode="create")
        except AlreadyExistsError:
            pass
        except (OSError, BaseError) as error:
            raise PlatformError(
                f"The object store cannot take {len(content):,} bytes: {error}",
                remedy="Free some disk space or check the permissions of the data folder, then repeat the command.",
            ) from error
        return key

    def get(self, bucket: Bucket, key: str) -> bytes:
        """The bytes under `key`. Raises MissingObject, or DamagedObject where they were changed since."""
        try:
            content = bytes(self._store.get(_path(bucket, key)).bytes())
        except FileNotFoundError as error:
            raise MissingObject(
                f"The object {bucket}/{key} is missing.",
                remedy="Restore the objects folder from a backup; the events refer to it.",
            ) from error
        if self.key(content) != key:
            raise DamagedObject(
                f"The object {bucket}/{key} was changed after it was stored.",
                remedy="Restore it from a backup: its name is the SHA-256 that its bytes must have.",
            )
        return content

    def has(self, bucket: Bucket, key: str) -> bool:
        try:
            self._store.head(_path(bucket, key))
        except FileNotFoundError:
            return False
        return True


def _path(bucket: Bucket, key: str) -> str:
    if len(key) != 64 or any(character not in "0123456789abcdef" for character in key):
        raise MissingObject(
            f"{key!r} is not a SHA-256 in lower-case hex.", remedy="Use the sha256 that the upload answered."
        )
    return f"{bucket}/{key[:2]}/{key}"
