"""What a backup consists of, and where it lies.

    backup.json                      what there is, with the SHA-256 of every part; written last, and whole
    events/<first>-<last>-….parquet  the log: position, stream, version, name, metadata, payload
    seals/….parquet                  the files of the seals
    lists/….parquet                  which objects belong to it
    objects/<bucket>/<2>/<sha256>    the objects, each under the SHA-256 of its bytes; claims are empty
    keys.json                        the data folder's private keys, encrypted, where a passphrase is set

A part that is full never changes. The last one of each kind is written anew, longer and under another name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from infra.canonical import from_parquet, to_parquet
from infra.errors import PlatformError

FORMAT = 1
MANIFEST = "backup.json"
KEYS = "keys.json"
OBJECTS = "objects"


class DamagedBackup(PlatformError):
    """A backup is not as it was written."""

    def __init__(self, backup: str, what: str) -> None:
        super().__init__(
            f"The backup {backup} is damaged: {what}.",
            "Restore from another one, or up to a position before that place with --to.",
        )


@dataclass(frozen=True)
class Kind:
    """One kind of parts: the columns of its rows, of which the first is a rising number, and when a part is full."""

    name: str
    schema: pa.Schema
    most_rows: int
    most_bytes: int = 16 * 2**20


EVENTS = Kind(
    "events",
    pa.schema([
        ("position", pa.int64()), ("stream_id", pa.binary(16)), ("version", pa.int32()), ("name", pa.string()),
        ("metadata", pa.binary()), ("payload", pa.binary()),
    ]),
    most_rows=10_000,
)  # fmt: skip
SEALS = Kind(
    "seals", pa.schema([("last_ordinal", pa.int64()), ("name", pa.string()), ("content", pa.binary())]), most_rows=5_000
)
LISTS = Kind("lists", pa.schema([("number", pa.int64()), ("path", pa.string())]), most_rows=50_000)

Row = tuple[Any, ...]


class Part(msgspec.Struct, frozen=True):
    """A file of rows; `first` and `last` are the numbers of its first and last one."""

    file: str
    sha256: str
    rows: int
    first: int
    last: int
    is_full: bool


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup as of a position: the log up to it, what vouches for that, and every object that it names."""

    format: int
    log_id: UUID
    store: str
    code_version: str
    made_at: datetime
    position: int
    events: int
    last_hash: str
    seal_key: str
    is_simulated: bool
    has_keys: bool
    parts: dict[str, list[Part]]

    def rows_of(self, kind: Kind) -> int:
        return sum(part.rows for part in self.parts[kind.name])


class _SignedManifest(msgspec.Struct, frozen=True):
    manifest: msgspec.Raw
    sha256: str


def encode_manifest(manifest: Manifest) -> bytes:
    raw = msgspec.Raw(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return msgspec.json.encode(_SignedManifest(raw, hashlib.sha256(raw).hexdigest()))


def decode_manifest(backup: str, content: bytes) -> Manifest:
    """Raises DamagedBackup, and PlatformError for one that a newer version wrote."""
    try:
        found = msgspec.json.decode(content, type=_SignedManifest)
        if hashlib.sha256(found.manifest).hexdigest() != found.sha256:
            raise DamagedBackup(backup, f"{MANIFEST} was changed")
        manifest = msgspec.json.decode(found.manifest, type=Manifest)
    except msgspec.MsgspecError as error:
        raise DamagedBackup(backup, f"{MANIFEST} cannot be read: {error}") from error
    if manifest.format > FORMAT:
        raise PlatformError(f"The backup {backup} was written by a newer version.", "Update 254Carbon.")
    return manifest


def encode_part(kind: Kind, rows: Sequence[Row], *, is_full: bool) -> tuple[Part, bytes]:
    arrays = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), kind.schema, strict=True)]
    content = to_parquet(pa.Table.from_arrays(arrays, schema=kind.schema))
    sha256, first, last = hashlib.sha256(content).hexdigest(), rows[0][0], rows[-1][0]
    file = f"{kind.name}/{first:019d}-{last:019d}-{sha256[:16]}.parquet"
    return Part(file, sha256, len(rows), first, last, is_full), content


def decode_part(backup: str, kind: Kind, part: Part, content: bytes) -> list[Row]:
    """Raises DamagedBackup, naming the file and which of the log is in it."""
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise DamagedBackup(backup, f"{part.file} was changed ({kind.name} {part.first:,} to {part.last:,})")
    table = from_parquet(content)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def in_parts(kind: Kind, rows: Iterable[Row]) -> Iterator[tuple[list[Row], bool]]:
    """Rows in portions, and of each whether it is full."""
    portion: list[Row] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += sum(len(value) for value in row if isinstance(value, bytes))
        if len(portion) == kind.most_rows or size >= kind.most_bytes:
            yield portion, True
            portion, size = [], 0
    if portion:
        yield portion, False
