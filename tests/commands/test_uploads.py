"""Uploads are kept as objects; what is remembered of them is bounded, and belongs to who handed it in."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import uploads
from commands.uploads import Uploads
from infra.objects import Objects
from write_model.base import NotFound


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.in_folder(tmp_path / "objects")


def test_what_is_kept_is_got_also_by_another_process(objects: Objects) -> None:
    here, there = Uploads(objects), Uploads(objects)
    key = here.keep("acme", b"prices")
    assert here.get("acme", key) == there.get("acme", key) == b"prices"


def test_what_is_remembered_is_not_another_tenants(objects: Objects) -> None:
    kept = Uploads(objects)
    key = kept.keep("acme", b"prices")
    with pytest.raises(NotFound):
        kept.get("rival", key)


def test_little_is_remembered_and_the_rest_is_read_again(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 10)
    kept = Uploads(objects)
    contents = [b"123456", b"abcdef", b"longer than all that", b"x", b"x"]
    keys = [kept.keep("acme", content) for content in contents]
    assert [kept.get("acme", key) for key in keys] == contents
    assert kept.remembered_bytes <= 10


def test_what_is_forgotten_is_read_again_from_the_store(objects: Objects) -> None:
    kept = Uploads(objects)
    key, other = kept.keep("acme", b"prices"), kept.keep("acme", b"loads")
    kept.forget(key, "0" * 64)
    assert kept.remembered_bytes == len(b"loads")
    assert [kept.get("acme", each) for each in (key, other)] == [b"prices", b"loads"]
