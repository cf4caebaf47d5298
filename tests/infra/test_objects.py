"""Bytes come back as they were put, or it is said that they do not: the same in a folder and in an S3 service."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from obstore.store import LocalStore, ObjectStore, S3Store

from infra.errors import PlatformError
from infra.objects import DamagedObject, MissingObject, Objects, ObjectStoreError
from infra.packing import packed


@dataclass(frozen=True)
class Place:
    """A store under test, and a way to its bytes behind its back."""

    objects: Objects
    behind: ObjectStore

    def damage(self, key: str, content: bytes) -> None:
        self.behind.put(f"raw/{key[:2]}/{key}", content, mode="overwrite")

    def stored(self, key: str) -> bytes:
        return bytes(self.behind.get(f"raw/{key[:2]}/{key}").bytes())

    def raw_objects(self) -> list[str]:
        return [meta["path"].rpartition("/")[2] for page in self.behind.list("raw") for meta in page]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.needs_engine("minio"))])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        objects = Objects.in_folder(tmp_path / "objects")
        return Place(objects, LocalStore(tmp_path / "objects"))
    url = f"{os.environ['TEST_OBJECTS']}/{uuid4().hex}"
    return Place(Objects.in_s3(url), S3Store.from_url(url, client_options={"allow_http": True}))


def test_the_same_bytes_are_one_object(place: Place) -> None:
    key = place.objects.put("raw", b"some bytes")
    assert place.objects.put("raw", b"some bytes") == key
    assert place.objects.get("raw", key) == b"some bytes"
    assert place.objects.has("raw", key)
    assert not place.objects.has("rows", key)
    assert place.raw_objects() == [key]


@pytest.mark.parametrize("content", [b"", b"\0", bytes(range(256)) * 40_000], ids=["none", "one", "ten million"])
def test_any_bytes_come_back(place: Place, content: bytes) -> None:
    assert place.objects.get("rows", place.objects.put("rows", content)) == content


_TEXT = b"2025-06-10T07:00:00-00:00,CAISO_00000_N001,LMP,12.5\n" * 20_000


def test_a_large_text_takes_little_room(place: Place) -> None:
    key = place.objects.put("raw", _TEXT)
    assert key == hashlib.sha256(_TEXT).hexdigest()
    assert len(place.stored(key)) * 10 < len(_TEXT)
    assert place.objects.get("raw", key) == _TEXT
    assert place.objects.put("raw", _TEXT) == key


def test_a_large_text_that_was_stored_as_it_is_comes_back(place: Place) -> None:
    key = Objects.key(_TEXT)
    place.damage(key, _TEXT)
    assert place.objects.get("raw", key) == _TEXT
    assert place.objects.put("raw", _TEXT) == key
    assert place.stored(key) == _TEXT


def test_bytes_that_came_packed_come_back_packed(place: Place) -> None:
    came = packed(_TEXT)
    assert place.objects.get("raw", place.objects.put("raw", came)) == came


@pytest.mark.parametrize("stored", [_TEXT[:-1], packed(_TEXT)[:-5], packed(_TEXT[:-1]), packed(_TEXT)[:4], b""])
def test_damage_to_a_large_text_is_seen_and_mended(place: Place, stored: bytes) -> None:
    key = place.objects.put("raw", _TEXT)
    place.damage(key, stored)
    with pytest.raises(DamagedObject, match="changed after it was stored"):
        place.objects.get("raw", key)
    place.objects.put("raw", _TEXT)
    assert place.objects.get("raw", key) == _TEXT


@pytest.mark.parametrize("damage", [b"", b"some bytez"])
def test_damage_is_seen_and_mended_by_the_same_bytes(place: Place, damage: bytes) -> None:
    key = place.objects.put("raw", b"some bytes")
    place.damage(key, damage)
    with pytest.raises(DamagedObject, match="changed after it was stored"):
        place.objects.get("raw", key)
    assert place.objects.put("raw", b"some bytes") == key
    assert place.objects.get("raw", key) == b"some bytes"


@pytest.mark.parametrize("key", ["0" * 64, "../../token", "A" * 64, ""])
def test_what_is_not_there_is_missing(place: Place, key: str) -> None:
    with pytest.raises(MissingObject):
        place.objects.get("raw", key)


def test_a_claim_is_of_one_tenant_and_one_object(place: Place) -> None:
    key, other = place.objects.put("raw", b"some bytes"), place.objects.put("raw", b"other bytes")
    for _ in range(2):
        place.objects.claim("../acme", key)
    assert place.objects.is_claimed("../acme", key)
    assert not place.objects.is_claimed("acme", key)
    assert not place.objects.is_claimed("../acme", other)


def test_a_folder_that_cannot_take_more_says_so(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "objects" / "raw").write_bytes(b"a file where a folder belongs")
    with pytest.raises(ObjectStoreError, match="cannot take 3 bytes"):
        objects.put("raw", b"abc")


@pytest.mark.needs_engine("minio")
@pytest.mark.parametrize(
    ("changed", "bucket"),
    [({}, "s3://no-such-bucket"), ({"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, None)],
    ids=["no such bucket", "wrong secret"],
)
def test_a_bucket_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], bucket: str | None
) -> None:
    given = os.environ["TEST_OBJECTS"]
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PlatformError, match=f"cannot use the bucket {bucket or given}"):
        Objects.in_s3(bucket or given)


def test_a_service_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:9", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr("infra.objects._S3_RETRIES", {"max_retries": 0})
    with pytest.raises(ObjectStoreError, match="cannot use the bucket s3://carbon254") as error:
        Objects.in_s3("s3://carbon254")
    assert "127.0.0.1" not in str(error.value)
