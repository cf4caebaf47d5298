"""Unwrapping what people upload: gz, zip, zips of folders of zips. Nothing reaches the disk, so no path can escape.

An upload is never trusted about itself: what counts is what was really unpacked, in bytes, files and seconds.
"""

import io
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 5
MAX_MEMBERS = 20_000  # files of zips and streams of gzips, in the whole upload
MAX_BYTES = 2 << 30
MAX_MEMBER_BYTES = 1 << 30
MAX_RATIO = 100  # deflate reaches 1000 on zeros; price files stay below 30
FREE_BYTES = 64 << 20  # below this no ratio is suspicious
MAX_SECONDS = 60.0

# Operators use no others, and the memory and ratio of bzip2 and LZMA are beyond what can be bounded here.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_CHUNK_IN, _CHUNK_OUT = 1 << 16, 1 << 22
_LOCAL_HEADER_BYTES = 30
_DIRECTORY_ENTRY = b"PK\x01\x02"

_ZIP, _EMPTY_ZIP, _GZIP = b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_WORKBOOK_MEMBER = "xl/workbook.xml"
_OFFICE_MEMBERS = ("[Content_Types].xml", "mimetype")
_BROKEN = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError,
    OverflowError, KeyError, IndexError,
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
    """What one upload may still unwrap to, and until when."""

    upload_bytes: int
    bytes_out: int = 0
    members: int = 0
    ends_at: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)

    def spend(self, count: int) -> None:
        """Call it for every piece as it comes. Raises LimitExceeded."""
        self.bytes_out += count
        if self.bytes_out > min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * self.upload_bytes)):
            raise LimitExceeded(
                f"unwraps to more than {MAX_BYTES >> 30} GiB, or to more than {MAX_RATIO} times its size: split it up"
            )
        if time.monotonic() > self.ends_at:
            raise LimitExceeded(f"takes more than {MAX_SECONDS:.0f} s to unwrap: split it up")

    def add_member(self) -> None:
        """Raises LimitExceeded."""
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise _too_many()


class _Pieces:
    """The content of one member as it is unpacked, within the budget of the upload and its own limit."""

    def __init__(self, place: str, budget: _Budget) -> None:
        self._place = place
        self._budget = budget
        self._parts: list[bytes] = []
        self._bytes = 0

    def add(self, piece: bytes) -> None:
        """Raises LimitExceeded."""
        self._budget.spend(len(piece))
        self._bytes += len(piece)
        if self._bytes > MAX_MEMBER_BYTES:
            raise LimitExceeded(f"{self._place} unwraps to more than {MAX_MEMBER_BYTES >> 30} GiB: split it up")
        self._parts.append(piece)

    def joined(self) -> bytes:
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


def unwrap(name: str, content: bytes) -> Iterator[Found]:
    """Every file within the upload, the upload itself where it is no archive. Raises LimitExceeded."""
    yield from _unwrap(name, name, "", content, 0, _Budget(len(content)))


def is_archive(content: bytes) -> bool:
    """Whether the bytes are to be unwrapped: a gzip, or a zip that is no Excel workbook."""
    return content.startswith((_ZIP, _EMPTY_ZIP, _GZIP)) and not is_workbook(content)


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are an Excel workbook, which is a zip of its own kind."""
    if not content.startswith(_ZIP) or content.count(_DIRECTORY_ENTRY) > MAX_MEMBERS:
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
        data = _gunzip(content, place, budget)
    except _BROKEN as error:
        yield BrokenArchive(name, place, content, f"the gzip can't be read: {_words(error)}; get it again")
        return
    inner = name[:-3] if name.lower().endswith(".gz") else name
    yield from _unwrap(inner, place, folder, data, depth + 1, budget)


def _gunzip(content: bytes, place: str, budget: _Budget) -> bytes:
    """All streams of a gzip one after the other, as `gunzip` does; zeros behind the last are padding.

    Compressed bytes go in by small pieces: what lies behind a stream is copied at its end, which for many tiny streams
    in one large file would be quadratic.
    """
    pieces = _Pieces(place, budget)
    at = 0
    while at < len(content) and (content[at] or content[at:].strip(b"\0")):
        budget.add_member()
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            if at >= len(content):
                raise EOFError("it ends within the compressed data")
            fed = content[at : at + _CHUNK_IN]
            pieces.add(stream.decompress(fed, _CHUNK_OUT))
            at += len(fed) - len(stream.unconsumed_tail) - len(stream.unused_data)
    return pieces.joined()


def _unwrap_zip(name: str, place: str, content: bytes, depth: int, budget: _Budget) -> Iterator[Found]:
    # Before the directory is read, whose entries take more room in memory than in the file.
    if content.count(_DIRECTORY_ENTRY) > MAX_MEMBERS:
        raise _too_many()
    problems: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(member.filename in _OFFICE_MEMBERS for member in members):
                yield Ignored(place, "a document, not a file of an operator")
                return
            if not members:
                problems.append("it holds no file")
            if _overlapping(members):
                problems.append("several of its files are the same bytes, as in no honest archive")
                members = []
            for member in members:
                yield from _member(archive, member, place, depth, budget, problems)
    except _BROKEN as error:
        problems.append(_words(error))
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        yield BrokenArchive(
            name,
            place,
            content,
            f"the zip can't be read whole: {problems[0]}{more}; get it again, or unpack it yourself",
        )


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, place: str, depth: int, budget: _Budget, problems: list[str]
) -> Iterator[Found]:
    budget.add_member()
    path = member.filename.replace("\\", "/")
    base = path.rstrip("/").rpartition("/")[2]
    inner_place = f"{place}!{path}"
    if member.is_dir():
        return
    if base.startswith(".") or path.startswith("__MACOSX/") or "/__MACOSX/" in path:
        yield Ignored(inner_place, "a hidden file or a Mac's bookkeeping")
    elif stat.S_ISLNK(member.external_attr >> 16):
        yield Ignored(inner_place, "a symbolic link, which is never followed")
    elif problem := _unreadable_member(member):
        problems.append(f"{path} {problem}")
    else:
        pieces = _Pieces(inner_place, budget)
        try:
            with archive.open(member) as stream:
                while piece := stream.read(_CHUNK_OUT):
                    pieces.add(piece)
        except _BROKEN as error:
            problems.append(f"{path}: {_words(error)}")
            return
        inside = f"{place}!{path.rpartition('/')[0]}"
        yield from _unwrap(base, inner_place, inside, pieces.joined(), depth + 1, budget)


def _unreadable_member(member: zipfile.ZipInfo) -> str | None:
    if member.flag_bits & 1:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return "is packed by another method than deflate: pack it anew"
    return None


def _overlapping(members: list[zipfile.ZipInfo]) -> bool:
    """Whether one stretch of the archive is the content of more than one file."""
    end = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < end:
            return True
        end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size
    return False


def _too_many() -> LimitExceeded:
    return LimitExceeded(f"holds more than {MAX_MEMBERS} files: split it up")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
