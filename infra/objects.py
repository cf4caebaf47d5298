"""Bytes under their SHA-256, in buckets: what events refer to but do not carry."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore

from infra.errors import PlatformError
from infra.metrics import OBJECT_BYTES

Bucket = Literal["raw", "rows", "curves", "runs"]


class MissingObject(PlatformError):
    """An event names bytes that the object store does not have."""


class DamagedObject(PlatformError):
    """Stored bytes no longer have the hash under which they lie."""


class Objects:
    """Write once, read many; the key of every object is the SHA-256 of its bytes."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """`folder` is where a store on a local disk keeps its files, so that they can be synced."""
        self._store = store
        self._folder = folder

    @classmethod
    def in_folder(cls, folder: Path) -> Objects:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder, mkdir=True), folder)

    @staticmethod
    def key(content: bytes) -> str:
        """The key that `content` would get."""
        return hashlib.sha256(content).hexdigest()

    def put(self, bucket: Bucket, content: bytes) -> str:
        """Stores `content` unless it is there already; returns its SHA-256 in hex.

        It is on disk when this returns. Bytes that were damaged since are replaced by the good ones.
        """
        key = self.key(content)
        path = _path(bucket, key)
        try:
            # obstore writes beside the target and links it in, so that a crash leaves no half-written object.
            self._store.put(path, content, mode="create")
        except AlreadyExistsError:
            if self.key(bytes(self._store.get(path).bytes())) == key:
                return key
            self._store.put(path, content, mode="overwrite")
        except (OSError, BaseError) as error:
            raise PlatformError(
                f"The object store cannot take {len(content):,} bytes: {error}",
                remedy="Free some disk space or check the permissions of the data folder, then repeat the command.",
            ) from error
        if self._folder:
            _sync(self._folder / path)
        OBJECT_BYTES.labels(bucket).inc(len(content))
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

    def claim(self, tenant: str, key: str) -> None:
        """Notes that a tenant handed in the bytes of a raw object, and so may use them."""
        with suppress(AlreadyExistsError):
            self._store.put(_claim(tenant, key), b"", mode="create")

    def is_claimed(self, tenant: str, key: str) -> bool:
        return self._has(_claim(tenant, key))

    def has(self, bucket: Bucket, key: str) -> bool:
        return self._has(_path(bucket, key))

    def _has(self, path: str) -> bool:
        try:
            self._store.head(path)
        except FileNotFoundError:
            return False
        return True


def _sync(file: Path) -> None:
    """Waits until a file and its name are on disk: an event that claims the bytes is synced too."""
    for path, flags in ((file, os.O_RDONLY), (file.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _claim(tenant: str, key: str) -> str:
    # A tenant's name may hold what a path may not.
    return f"claims/{Objects.key(tenant.encode())}/{_path('raw', key)}"


def _path(bucket: Bucket, key: str) -> str:
    if len(key) != 64 or any(character not in "0123456789abcdef" for character in key):
        raise MissingObject(
            f"{key!r} is not a SHA-256 in lower-case hex.", remedy="Use the sha256 that the upload answered."
        )
    return f"{bucket}/{key[:2]}/{key}"
