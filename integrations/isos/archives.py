"""Unwrapping what people upload: gz, zip, zips of folders of zips. Nothing reaches the disk, so no path can escape."""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 5
MAX_MEMBERS = 20_000
MAX_BYTES = 2 << 30
MAX_RATIO = 300  # deflate reaches 1000 on zeros; price files stay below 30
FREE_BYTES = 64 << 20  # below this no ratio is suspicious

_ZIP, _EMPTY_ZIP, _GZIP = b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_WORKBOOK_MEMBER = "xl/workbook.xml"
_OFFICE_MEMBERS = ("[Content_Types].xml", "mimetype")
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError,
    OSError, ValueError, OverflowError, KeyError, IndexError,
)  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """A file inside the upload: `folder` is the place of what holds it, `place` its own."""

    name: str
    place: str
    folder: str
    content: bytes


@dataclass(frozen=True)
class BrokenArchive:
    """An archive that cannot be read whole; what could be read of it is among the leaves."""

    name: str
    place: str
    content: bytes
    problem: str


@dataclass(frozen=True)
class Ignored:
    place: str
    reason: str


class LimitExceeded(Exception):
    """The upload unwraps to more than it may. The text says which limit."""


Found = Leaf | BrokenArchive | Ignored


@dataclass
class _Budget:
    """What one upload may still unwrap to."""

    upload_bytes: int
    bytes_out: int = 0
    members: int = field(default=0)

    @property
    def remaining(self) -> int:
        return min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * self.upload_bytes)) - self.bytes_out

    def spend(self, count: int) -> None:
        if count > self.remaining:
            raise LimitExceeded(
                f"unwraps to more than {MAX_BYTES >> 30} GiB, or to more than {MAX_RATIO} times its size: split it up"
            )
        self.bytes_out += count


def unwrap(name: str, content: bytes) -> Iterator[Found]:
    """Every file within the upload, the upload itself where it is no archive. Raises LimitExceeded."""
    yield from _unwrap(name, name, "", content, 0, _Budget(len(content)))


def is_archive(content: bytes) -> bool:
    """Whether the bytes are to be unwrapped: a gzip, or a zip that is no Excel workbook."""
    return content.startswith((_ZIP, _EMPTY_ZIP, _GZIP)) and not is_workbook(content)


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are an Excel workbook, which is a zip of its own kind."""
    if not content.startswith(_ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _WORKBOOK_MEMBER in archive.namelist()
    except _BROKEN:
        return False


def _unwrap(name: str, place: str, folder: str, content: bytes, depth: int, budget: _Budget) -> Iterator[Found]:
    if not is_archive(content):
        yield Leaf(name, place, folder, content)
    elif depth == MAX_DEPTH:
        raise LimitExceeded(f"{place} is an archive within {MAX_DEPTH} others: unpack the outer ones")
    elif content.startswith(_GZIP):
        yield from _unwrap_gzip(name, place, folder, content, depth, budget)
    else:
        yield from _unwrap_zip(name, place, content, depth, budget)


def _unwrap_gzip(name: str, place: str, folder: str, content: bytes, depth: int, budget: _Budget) -> Iterator[Found]:
    try:
        data = _gunzip(content, budget)
    except _BROKEN as error:
        yield BrokenArchive(name, place, content, f"the gzip can't be read: {_words(error)}")
        return
    inner = name[:-3] if name.lower().endswith(".gz") else name
    yield from _unwrap(inner, place, folder, data, depth + 1, budget)


def _gunzip(content: bytes, budget: _Budget) -> bytes:
    """All members of a gzip one after the other, as `gunzip` does; zeros behind the last are padding."""
    parts: list[bytes] = []
    rest = content
    while rest.strip(b"\0"):
        stream = zlib.decompressobj(wbits=31)
        parts.append(stream.decompress(rest, budget.remaining + 1))
        budget.spend(len(parts[-1]))
        if not stream.eof:
            raise EOFError("it ends within the compressed data")
        rest = stream.unused_data
    return b"".join(parts)


def _unwrap_zip(name: str, place: str, content: bytes, depth: int, budget: _Budget) -> Iterator[Found]:
    problems: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(member.filename in _OFFICE_MEMBERS for member in members):
                yield Ignored(place, "a document, not a file of an operator")
                return
            if not members:
                problems.append("it holds no file")
            for member in members:
                yield from _member(archive, member, place, depth, budget, problems)
    except _BROKEN as error:
        problems.append(_words(error))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        yield BrokenArchive(name, place, content, f"the zip can't be read whole: {problems[0]}{more}")


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: str, depth: int, budget: _Budget, problems: list[str]
) -> Iterator[Found]:
    budget.members += 1
    if budget.members > MAX_MEMBERS:
        raise LimitExceeded(f"holds more than {MAX_MEMBERS} files: split it up")
    path = member.filename.replace("\\", "/")
    base = path.rstrip("/").rpartition("/")[2]
    inner_place = f"{place}!{path}"
    if member.is_dir():
        return
    if base.startswith(".") or path.startswith("__MACOSX/") or "/__MACOSX/" in path:
        yield Ignored(inner_place, "a hidden file or a Mac's bookkeeping")
        return
    if member.flag_bits & 1:
        problems.append(f"{path} is encrypted")
        return
    try:
        with archive.open(member) as stream:
            data = stream.read(budget.remaining + 1)
    except _BROKEN as error:
        problems.append(f"{path}: {_words(error)}")
        return
    budget.spend(len(data))
    yield from _unwrap(base, inner_place, f"{place}!{path.rpartition('/')[0]}", data, depth + 1, budget)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
