"""Where a backup lies: a folder or a bucket, through obstore."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from infra.backup_format import (
    EVENTS,
    KEYS,
    LISTS,
    MANIFEST,
    OBJECTS,
    SEALS,
    DamagedBackup,
    Kind,
    Manifest,
    Part,
    Row,
    decode_manifest,
    decode_part,
    encode_manifest,
    encode_part,
)
from infra.errors import PlatformError
from infra.objects import open_s3, sync_file

_OURS = {MANIFEST, KEYS, OBJECTS, EVENTS.name, SEALS.name, LISTS.name}


class BackupPlace:
    """Reads and writes the files of one backup."""

    def __init__(self, name: str, store: ObjectStore, folder: Path | None) -> None:
        self.name = name
        self._store = store
        self._folder = folder

    @classmethod
    def at(cls, address: str, *, made: bool = False) -> BackupPlace:
        """The place that an address names: an absolute path, or `s3://bucket/prefix`.

        `made` says that a folder is to be made, for its owner alone. Raises PlatformError.
        """
        if re.match(r"s3://[a-z0-9]", address):
            with _explained(address):
                return cls(address, open_s3(address), None)
        folder = Path(address)
        if not folder.is_absolute():
            raise PlatformError(
                f"{address!r} names no place for a backup.", "Write an absolute path, or s3://bucket/prefix."
            )
        with _explained(address):
            if made:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            elif not folder.is_dir():
                raise PlatformError(
                    f"There is no backup in {address}.", "Name the place that `carbon254 backup` wrote to."
                )
            return cls(address, LocalStore(folder, mkdir=True), folder)

    def manifest(self) -> Manifest | None:
        """What the backup says that it holds, None where there is none yet. Raises DamagedBackup."""
        content = self.read_or_none(MANIFEST)
        return None if content is None else decode_manifest(self.name, content)

    def demand_manifest(self) -> Manifest:
        manifest = self.manifest()
        if manifest is None:
            raise PlatformError(
                f"There is no backup in {self.name}.", "Name the place that `carbon254 backup` wrote to."
            )
        return manifest

    def demand_ours(self) -> None:
        """Raises PlatformError where there are files that are no backup's: nothing is put among them."""
        with _explained(self.name):
            found = self._store.list_with_delimiter()
        names = {entry.rpartition("/")[2] for entry in found["common_prefixes"]}
        names |= {entry["path"].rpartition("/")[2] for entry in found["objects"]}
        if foreign := sorted(names - _OURS):
            raise PlatformError(f"{self.name} holds other things than a backup: {foreign[0]}.", "Name an empty place.")

    def write_manifest(self, manifest: Manifest) -> None:
        self.write(MANIFEST, encode_manifest(manifest))

    def write_part(self, kind: Kind, rows: list[Row], *, is_full: bool) -> Part:
        part, content = encode_part(kind, rows, is_full=is_full)
        self.write(part.file, content)
        return part

    def rows(self, manifest: Manifest, kind: Kind, after: int = 0) -> Iterator[list[Row]]:
        """The rows of all parts with numbers above `after`, part by part. Raises DamagedBackup."""
        last = 0
        for part in manifest.parts[kind.name]:
            if part.first <= last:
                raise DamagedBackup(self.name, f"{part.file} does not follow the part before it")
            last = part.last
            if last <= after:
                continue
            content = self.read_or_none(part.file)
            if content is None:
                what = f"{part.file} is missing ({kind.name} {part.first:,} to {part.last:,})"
                raise DamagedBackup(self.name, what)
            yield [row for row in decode_part(self.name, kind, part, content) if row[0] > after]

    def read_or_none(self, path: str) -> bytes | None:
        with _explained(self.name):
            try:
                return bytes(self._store.get(path).bytes())
            except FileNotFoundError:
                return None

    def write(self, path: str, content: bytes) -> None:
        """Puts a file whole, in place of what was there; in a folder it is on the disk when this returns."""
        with _explained(self.name):
            self._store.put(path, content, mode="overwrite")
            if self._folder:
                sync_file(self._folder / path)

    def delete(self, path: str) -> None:
        with _explained(self.name):
            try:
                self._store.delete(path)
            except FileNotFoundError:
                return


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, BaseError) as error:
        reason = str(error).partition("\n")[0]
        raise PlatformError(
            f"The backup at {name} cannot be read or written: {reason}",
            "See that there is space and permission, or that the S3 service and the AWS_ settings are right.",
        ) from error
