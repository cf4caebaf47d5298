"""Bytes come back as they were put, or it is said that they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.errors import PlatformError
from infra.objects import DamagedObject, MissingObject, Objects


def file_of(folder: Path, key: str) -> Path:
    return folder / "objects" / "raw" / key[:2] / key


def test_the_same_bytes_are_one_object(objects: Objects, tmp_path: Path) -> None:
    key = objects.put("raw", b"some bytes")
    assert objects.put("raw", b"some bytes") == key
    assert objects.get("raw", key) == b"some bytes"
    assert [file.name for file in (tmp_path / "objects").rglob("*") if file.is_file()] == [key]


@pytest.mark.parametrize("damage", [b"", b"some bytez"])
def test_damage_is_seen_and_mended_by_the_same_bytes(objects: Objects, tmp_path: Path, damage: bytes) -> None:
    key = objects.put("raw", b"some bytes")
    file_of(tmp_path, key).write_bytes(damage)
    with pytest.raises(DamagedObject, match="changed after it was stored"):
        objects.get("raw", key)
    assert objects.put("raw", b"some bytes") == key
    assert objects.get("raw", key) == b"some bytes"


@pytest.mark.parametrize("key", ["0" * 64, "../../token", "A" * 64, ""])
def test_what_is_not_there_is_missing(objects: Objects, key: str) -> None:
    with pytest.raises(MissingObject):
        objects.get("raw", key)


def test_a_store_that_cannot_take_more_says_so(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "objects" / "raw").write_bytes(b"a file where a folder belongs")
    with pytest.raises(PlatformError, match="cannot take 3 bytes"):
        objects.put("raw", b"abc")


def test_a_claim_is_of_one_tenant_and_one_object(objects: Objects) -> None:
    key, other = objects.put("raw", b"some bytes"), objects.put("raw", b"other bytes")
    for _ in range(2):
        objects.claim("../acme", key)
    assert objects.is_claimed("../acme", key)
    assert not objects.is_claimed("acme", key)
    assert not objects.is_claimed("../acme", other)
