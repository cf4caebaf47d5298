"""Bytes under their SHA-256, in buckets: what events refer to but do not carry."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args
from urllib.parse import urlsplit

from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, S3Store

from infra.errors import PlatformError
from infra.metrics import OBJECT_BYTES
from infra.packing import packed, unpacked

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

Bucket = Literal["raw", "rows", "curves", "runs"]

_REMEDY = (
    "Look after its disk space and permissions, or after the S3 service that CARBON254_OBJECTS names and the AWS_ "
    "settings; then repeat the command."
)
# Written when the platform starts, to learn then and not at the first upload that nothing can be written.
_PROBE = "probe"
_CLAIMS = "claims"
# A request that got no answer is sent again for a while: the same bytes under the same name are put but once.
_S3_CLIENT: ClientConfig = {"timeout": "60s", "connect_timeout": "5s"}
_S3_RETRIES: RetryConfig = {"max_retries": 6, "retry_timeout": timedelta(seconds=20)}


class ObjectStoreError(PlatformError):
    """The object store does not answer, refuses, or is full."""


class MissingObject(PlatformError):
    """An event names bytes that the object store does not have."""


class DamagedObject(PlatformError):
    """Stored bytes no longer have the hash under which they lie."""


class Objects:
    """Write once, read many; the key of every object is the SHA-256 of its bytes. Large texts are stored packed."""

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        """`folder` is where a store on a local disk keeps its files, so that they can be synced."""
        self._store = store
        self._folder = folder

    @classmethod
    def in_folder(cls, folder: Path) -> Objects:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder, mkdir=True), folder)

    @classmethod
    def in_s3(cls, url: str) -> Objects:
        """`s3://bucket` or `s3://bucket/prefix` of any service with the S3 API; the bucket must be there.

        Endpoint, region and credentials are read from AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and
        AWS_SECRET_ACCESS_KEY, as AWS's own tools do. Raises PlatformError where the bucket can't be used.
        """
        with _explained(f"use the bucket {url}"):
            store = open_s3(url)
            store.put(_PROBE, b"", mode="overwrite")
        return cls(store)

    @staticmethod
    def key(content: bytes) -> str:
        """The key that `content` would get."""
        return hashlib.sha256(content).hexdigest()

    def put(self, bucket: Bucket, content: bytes) -> str:
        """Stores `content` unless it is there already; returns its SHA-256 in hex.

        It is kept when this returns. Bytes that were damaged since are replaced by the good ones.
        """
        key = self.key(content)
        path = _path(bucket, key)
        stored = packed(content)
        with _explained(f"take {len(content):,} bytes"):
            try:
                # No store shows half an object: a folder links a whole file in, S3 takes a request whole or not at all.
                self._store.put(path, stored, mode="create")
            except AlreadyExistsError:
                if _content_of(bytes(self._store.get(path).bytes()), key) is not None:
                    return key
                self._store.put(path, stored, mode="overwrite")
        if self._folder:
            sync_file(self._folder / path)
        OBJECT_BYTES.labels(bucket).inc(len(content))
        return key

    def get(self, bucket: Bucket, key: str) -> bytes:
        """The bytes under `key`. Raises MissingObject, or DamagedObject where they were changed since."""
        with _explained(f"read {bucket}/{key}"):
            try:
                stored = bytes(self._store.get(_path(bucket, key)).bytes())
            except FileNotFoundError as error:
                raise MissingObject(
                    f"The object {bucket}/{key} is missing.",
                    remedy="Restore the objects from a backup; the events refer to it.",
                ) from error
        content = _content_of(stored, key)
        if content is None:
            raise DamagedObject(
                f"The object {bucket}/{key} was changed after it was stored.",
                remedy="Restore it from a backup: its name is the SHA-256 that its bytes must have.",
            )
        return content

    def claim(self, tenant: str, key: str) -> None:
        """Notes that a tenant handed in the bytes of a raw object, and so may use them."""
        with _explained("take a claim"), suppress(AlreadyExistsError):
            self._store.put(_claim(tenant, key), b"", mode="create")

    def is_claimed(self, tenant: str, key: str) -> bool:
        return self._has(_claim(tenant, key))

    def has(self, bucket: Bucket, key: str) -> bool:
        return self._has(_path(bucket, key))

    def list_files(self, prefix: str, after: str | None = None) -> list[str]:
        """Paths of what is no object by hash but lies here under a name; sorted, those that follow `after`."""
        with _explained(f"list {prefix}"):
            found = self._store.list(prefix, offset=after) if after else self._store.list(prefix)
            return sorted(str(file["path"]) for page in found for file in page)

    def has_file(self, path: str) -> bool:
        return self._has(path)

    def read_file(self, path: str) -> bytes | None:
        """None where there is none."""
        with _explained(f"read {path}"):
            try:
                return bytes(self._store.get(path).bytes())
            except FileNotFoundError:
                return None

    def settle_file(self, path: str, content: bytes) -> bytes:
        """Writes the file unless there is one; returns what is there for good, of whoever was first."""
        with _explained(f"take {path}"):
            try:
                self._store.put(path, content, mode="create")
            except AlreadyExistsError:
                return bytes(self._store.get(path).bytes())
        return content

    def paths(self) -> Iterator[str]:
        """Where every object and every claim lies in the store, for who copies them all; in no order."""
        for prefix in (*get_args(Bucket), _CLAIMS):
            listing = self._store.list(prefix)
            while True:
                with _explained("list what it has"):
                    chunk = next(listing, None)
                if chunk is None:
                    break
                yield from (found["path"] for found in chunk)

    def copied(self, path: str) -> bytes:
        """The bytes at one of `paths`, which are right. Raises MissingObject or DamagedObject."""
        if path.startswith(_CLAIMS):
            return b""
        bucket, key = path.split("/", 1)[0], path.rpartition("/")[2]
        return self.get(cast(Bucket, bucket), key)

    def take_copy(self, path: str, content: bytes) -> None:
        """Puts the copy of an object or claim where it was. Raises DamagedObject where the bytes are others."""
        bucket, key = path.split("/", 1)[0], path.rpartition("/")[2]
        if bucket == _CLAIMS:
            with _explained("take a claim"), suppress(AlreadyExistsError):
                self._store.put(path, b"", mode="create")
        elif self.key(content) != key:
            raise DamagedObject(f"The copy of the object {path} is damaged.", remedy="Take it from another backup.")
        else:
            self.put(cast(Bucket, bucket), content)

    def _has(self, path: str) -> bool:
        with _explained(f"look for {path}"):
            try:
                self._store.head(path)
            except FileNotFoundError:
                return False
        return True


def open_s3(url: str) -> S3Store:
    """A client of `s3://bucket/prefix`; what it needs besides is read from the environment, as AWS's own tools do."""
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    options: ClientConfig = {**_S3_CLIENT, "allow_http": endpoint.scheme == "http"}
    return S3Store.from_url(url, client_options=options, retry_config=_S3_RETRIES)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """A store that fails says what it could not do; of what obstore says, the first line is for people."""
    try:
        yield
    except (OSError, BaseError) as error:
        # Callers of the API read it, too, and the service's address is not for them.
        reason = re.sub(r"https?://\S+", "(the S3 service)", str(error).partition("\n")[0])
        raise ObjectStoreError(f"The object store cannot {what}: {reason}", remedy=_REMEDY) from error


def sync_file(file: Path) -> None:
    """Waits until a file and its name are on disk: an event that claims the bytes is synced too."""
    for path, flags in ((file, os.O_RDONLY), (file.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _content_of(stored: bytes, key: str) -> bytes | None:
    """The bytes that have the SHA-256 `key`, of what lies in the store; None where it was changed."""
    # As they are first: bytes that came packed from outside are never unpacked.
    if Objects.key(stored) == key:
        return stored
    content = unpacked(stored)
    return content if content is not None and Objects.key(content) == key else None


def _claim(tenant: str, key: str) -> str:
    # A tenant's name may hold what a path may not.
    return f"{_CLAIMS}/{Objects.key(tenant.encode())}/{_path('raw', key)}"


def _path(bucket: Bucket, key: str) -> str:
    if len(key) != 64 or any(character not in "0123456789abcdef" for character in key):
        raise MissingObject(
            f"{key!r} is not a SHA-256 in lower-case hex.", remedy="Use the sha256 that the upload answered."
        )
    return f"{bucket}/{key[:2]}/{key}"
