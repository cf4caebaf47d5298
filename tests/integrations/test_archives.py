"""Unwrapping uploads."""

import io
import zipfile
import zlib

import pytest

from integrations.isos import archives
from integrations.isos.archives import BrokenArchive, Ignored, Leaf, LimitExceeded, unwrap
from tests.integrations.samples import gzipped, zipped


def leaves(name: str, content: bytes) -> list[tuple[str, str, bytes]]:
    found = list(unwrap(name, content))
    assert all(isinstance(item, Leaf) for item in found), found
    return [(item.name, item.place, item.content) for item in found if isinstance(item, Leaf)]


def broken(name: str, content: bytes) -> BrokenArchive:
    found = [item for item in unwrap(name, content) if isinstance(item, BrokenArchive)]
    assert len(found) == 1
    return found[0]


def test_a_plain_file_is_itself() -> None:
    assert leaves("a.csv", b"x") == [("a.csv", "a.csv", b"x")]


def test_zips_of_folders_of_zips_and_gz_are_walked() -> None:
    inner = zipped({"deep/x.csv": b"x", "y.csv.gz": gzipped(b"y")})
    outer = zipped({"jan/1.zip": inner, "jan\\2.csv": b"z", "jan/empty/": b""})
    assert leaves("outer.zip", outer) == [
        ("x.csv", "outer.zip!jan/1.zip!deep/x.csv", b"x"),
        ("y.csv", "outer.zip!jan/1.zip!y.csv.gz", b"y"),
        ("2.csv", "outer.zip!jan/2.csv", b"z"),
    ]


def test_the_gz_suffix_goes_and_several_members_are_joined() -> None:
    assert leaves("a.CSV.GZ", gzipped(b"one ") + gzipped(b"two") + b"\0\0") == [("a.CSV", "a.CSV.GZ", b"one two")]
    assert leaves("download", gzipped(b"x")) == [("download", "download", b"x")]


def test_paths_cannot_escape_because_only_base_names_count() -> None:
    assert [name for name, _, _ in leaves("z.zip", zipped({"../../etc/x.csv": b"x", "/abs/y.csv": b"y"}))] == [
        "x.csv",
        "y.csv",
    ]


def test_hidden_files_and_a_macs_bookkeeping_are_ignored() -> None:
    found = list(unwrap("z.zip", zipped({"__MACOSX/._a.csv": b"x", "in/__MACOSX/b.csv": b"x", ".DS_Store": b"x"})))
    assert [type(item) for item in found] == [Ignored] * 3


def test_workbooks_are_not_walked() -> None:
    found = list(unwrap("report.xlsx", zipped({"[Content_Types].xml": b"<x/>", "xl/sheet1.xml": b"<x/>"})))
    assert [type(item) for item in found] == [Ignored]


@pytest.mark.parametrize("keep", [5, 12, -20, -5])
def test_a_truncated_gz_is_broken(keep: int) -> None:
    item = broken("a.csv.gz", gzipped(b"some text " * 20)[:keep])
    assert (item.name, item.place) == ("a.csv.gz", "a.csv.gz")
    assert "gzip" in item.problem


def test_a_gz_with_a_wrong_checksum_is_broken() -> None:
    content = bytearray(gzipped(b"some text"))
    content[-6] ^= 1
    assert "gzip" in broken("a.gz", bytes(content)).problem


def test_a_truncated_zip_is_broken() -> None:
    assert "zip" in broken("a.zip", zipped({"a.csv": b"x" * 500})[:-30]).problem


def test_a_zip_without_files_is_broken() -> None:
    assert "no file" in broken("a.zip", zipped({})).problem


def test_a_broken_member_is_named_and_the_others_are_read() -> None:
    content = bytearray(zipped({"bad.csv": b"abcdefgh" * 50, "good.csv": b"fine"}))
    content[content.index(b"bad.csv") + len(b"bad.csv") + 3] ^= 0xFF
    found = list(unwrap("a.zip", bytes(content)))
    assert [item.name for item in found if isinstance(item, Leaf)] == ["good.csv"]
    assert "bad.csv" in broken("a.zip", bytes(content)).problem


def test_an_encrypted_member_is_named() -> None:
    content = bytearray(zipped({"secret.csv": b"x"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "secret.csv is encrypted" in broken("a.zip", bytes(content)).problem


def test_archives_within_archives_end_at_the_limit() -> None:
    content = zipped({"x.csv": b"x"})
    for _ in range(archives.MAX_DEPTH - 1):
        content = zipped({"inner.zip": content})
    assert len(leaves("a.zip", content)) == 1
    with pytest.raises(LimitExceeded, match="unpack"):
        list(unwrap("a.zip", zipped({"inner.zip": content})))


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    inner = zipped({"a": b"", "b": b""})
    assert len(list(unwrap("a.zip", zipped({"1.zip": inner})))) == 2
    with pytest.raises(LimitExceeded, match="more than 3 files"):
        list(unwrap("a.zip", zipped({"1.zip": inner, "2.zip": inner})))


@pytest.mark.parametrize("wrap", [gzipped, lambda data: zipped({"x.csv": data})])
def test_a_bomb_is_refused_before_it_is_unpacked(wrap: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(wrap)
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 16)
    bomb = wrap(bytes(1 << 22))
    assert len(bomb) < (1 << 22) // archives.MAX_RATIO
    with pytest.raises(LimitExceeded, match="100 times"):
        list(unwrap("bomb", bomb))
    assert len(list(unwrap("fine", wrap(bytes(1 << 15))))) == 1


def test_a_member_that_lies_about_its_size_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 12)
    content = bytearray(zipped({"x.csv": bytes(1 << 22)}))
    central = content.index(b"PK\x01\x02")
    content[central + 24 : central + 28] = (10).to_bytes(4, "little")
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        assert archive.infolist()[0].file_size == 10
    found = list(unwrap("a.zip", bytes(content)))
    assert sum(len(item.content) for item in found if isinstance(item, Leaf)) <= 10


def test_zlib_without_a_header_is_no_archive() -> None:
    assert leaves("a.bin", zlib.compress(b"x"))[0][0] == "a.bin"
