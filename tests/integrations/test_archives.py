"""Unwrapping uploads."""

import io
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from integrations.isos import archives
from integrations.isos.archives import BrokenArchive, Ignored, Leaf, LimitExceeded, unwrap
from integrations.isos.catalogue import survey
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


def patched_directory(content: bytes, offset: int, value: bytes) -> bytes:
    """The zip with a field of its first directory entry changed."""
    at = content.index(b"PK\x01\x02") + offset
    return content[:at] + value + content[at + len(value) :]


@pytest.mark.parametrize("copies", [2, 300])
def test_files_that_share_their_bytes_are_refused(copies: int) -> None:
    """The densest bombs let every file of the directory point at the same content."""
    kernel = zipped({"0.csv": bytes(1 << 16)})
    entry_at, end_at = kernel.index(b"PK\x01\x02"), kernel.index(b"PK\x05\x06")
    entry, end = kernel[entry_at:end_at], bytearray(kernel[end_at:])
    end[8:12] = copies.to_bytes(2, "little") * 2
    end[12:16] = (len(entry) * copies).to_bytes(4, "little")
    bomb = kernel[:entry_at] + entry * copies + bytes(end)
    with zipfile.ZipFile(io.BytesIO(bomb)) as archive:
        assert len(archive.infolist()) == copies
    assert "the same bytes" in broken("bomb.zip", bomb).problem
    assert not [item for item in unwrap("bomb.zip", bomb) if isinstance(item, Leaf)]


def test_a_zip_that_holds_itself_ends_at_the_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `r.zip` does, whose only file is itself."""
    content = zipped({"r/r.zip": b"x"})
    given = {"now": False}

    def itself(*_: object) -> bytes:
        given["now"] = not given["now"]
        return content if given["now"] else b""

    monkeypatch.setattr(zipfile.ZipExtFile, "read", itself)
    with pytest.raises(LimitExceeded, match="archive within 5 others"):
        list(unwrap("r.zip", content))


def test_a_directory_of_millions_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entries would take ten times their bytes in memory."""

    def never(*_: object) -> None:
        raise AssertionError("the directory was read")

    kernel = zipped({"0": b""})
    entry = kernel[kernel.index(b"PK\x01\x02") : kernel.index(b"PK\x05\x06")]
    monkeypatch.setattr(zipfile, "ZipFile", never)
    with pytest.raises(LimitExceeded, match="more than 20000 files"):
        list(unwrap("a.zip", kernel + entry * 1_000_000))


def test_a_million_empty_gzips_in_a_row_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.process_time()
    with pytest.raises(LimitExceeded, match="more than 20000 files"):
        list(unwrap("a.gz", gzipped(b"") * 1_000_000))
    assert time.process_time() - started < 5
    assert leaves("a.gz", gzipped(b"") * 1000 + gzipped(b"x"))[0][2] == b"x"


def test_nested_bombs_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the inner ones alone would pass."""
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    inner = zipped({"x.csv": bytes(1 << 18)})
    assert len(list(unwrap("one.zip", inner))) == 1
    with pytest.raises(LimitExceeded, match="100 times"):
        list(unwrap("ten.zip", zipped({f"{n}.zip": inner for n in range(10)})))


@pytest.mark.parametrize("wrap", [gzipped, lambda data: zipped({"x.csv": data})])
def test_one_file_may_not_be_larger_than_its_limit(wrap: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(wrap)
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 1000)
    assert len(list(unwrap("a", wrap(b"x" * 1000)))) == 1
    with pytest.raises(LimitExceeded, match="unwraps to more than"):
        list(unwrap("a", wrap(b"x" * 1001)))


def test_unwrapping_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_SECONDS", -1.0)
    for content in (gzipped(b"x"), zipped({"x.csv": b"x"})):
        with pytest.raises(LimitExceeded, match="to unwrap"):
            list(unwrap("a", content))


def test_a_symbolic_link_is_not_followed() -> None:
    content = patched_directory(zipped({"link.csv": b"/etc/passwd"}), 38, (0o120777 << 16).to_bytes(4, "little"))
    (found,) = unwrap("a.zip", content)
    assert isinstance(found, Ignored)
    assert "symbolic link" in found.reason


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_whose_cost_has_no_bound_are_refused(method: int) -> None:
    """LZMA's header alone can ask for 4 GiB of memory."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        archive.writestr("x.csv", b"x")
    assert "another method" in broken("a.zip", data.getvalue()).problem


HOSTILE_NAMES = (
    "../../../../etc/passwd", "/etc/passwd", "..\\..\\windows\\system.ini", "C:\\x.csv", "~/x.csv", "a/../../x.csv",
    "x\x1b[2J.csv", "x\n.csv", "\u202egnp.csv", "x" * 5000 + ".csv",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_shown_and_never_used(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    opened: list[object] = []
    sys.addaudithook(lambda event, given: opened.append(given) if event in ("open", "os.mkdir") and watching else None)
    content = zipped({name: b"nothing that is read here", "miso/" + name: b"x"})
    watching = True
    found = survey("upload.zip", content, named=False)
    watching = False
    assert opened == []
    assert list(tmp_path.rglob("*")) == [tmp_path / "in"]
    assert len(found.skipped) == 2
    for skipped in found.skipped:
        assert skipped.place.isprintable()
        assert len(skipped.place) <= 2000


def test_a_nul_ends_a_name() -> None:
    content = zipped({"x.csvA../../y": b"x"}).replace(b"x.csvA../../y", b"x.csv\x00../../y")
    assert [place for _, place, _ in leaves("a.zip", content)] == ["a.zip!x.csv"]


@pytest.mark.parametrize(
    "content",
    [
        b"<!---->" * 580 + b"x", b"<!-- -->" * 500 + b"<htm", b"day ahead " * 6500 + b"\n", b"real-time," * 6500,
        b"<Error> " * 8000, b" " * 65536 + b"x", b"<" * 65536, b'"' * 65536, b"\n" * 1_000_000 + b"x",
    ],
    ids=lambda content: content[:8].decode() + "...",
)  # fmt: skip
def test_no_beginning_of_a_file_keeps_the_recognisers_busy(content: bytes) -> None:
    """A pattern that can match in many ways takes time without end on the right text."""
    started = time.process_time()
    survey("x.csv", content, named=True)
    assert time.process_time() - started < 2
