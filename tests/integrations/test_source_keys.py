"""API keys of sources: sent in their header only, read anew from their files, never repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from integrations.isos.feeds import Request, Source
from integrations.isos.http import Fetcher, FetchFailed
from integrations.isos.source_keys import SourceKeys

KEYED = Source("keyed", "http://operator.test", 0.0, key_header="Ocp-Apim-Subscription-Key")
OPEN = Source("open", "http://other.test", 0.0)
REQUEST = Request("feed", "feed.csv", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


class Sent:
    """The headers that a source got."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.keys.append(request.headers.get("Ocp-Apim-Subscription-Key"))
        status = 401 if self.keys[-1] == "s3cret-refused" else 200
        return httpx2.Response(status, content=b"a,b\n1,2\n")


def fetcher(sent: Sent, keys: SourceKeys) -> Fetcher:
    return Fetcher(httpx2.Client(transport=httpx2.MockTransport(sent)), keys=keys, sleep=lambda _: None)


def test_a_file_that_changes_is_the_next_requests_key(tmp_path: Path) -> None:
    sent = Sent()
    fetching = fetcher(sent, SourceKeys({"keyed": "of-the-setting"}, tmp_path))
    fetching.fetch(KEYED, REQUEST)
    for key in ("first", "second"):
        (tmp_path / "keyed").write_text(f"{key}\n")
        fetching.fetch(KEYED, REQUEST)
    fetching.fetch(OPEN, REQUEST)
    assert sent.keys == ["of-the-setting", "first", "second", None]


def test_a_folder_alone_is_enough(tmp_path: Path) -> None:
    sent = Sent()
    (tmp_path / "keyed").write_text("of-the-file\n")
    fetcher(sent, SourceKeys({}, tmp_path)).fetch(KEYED, REQUEST)
    assert sent.keys == ["of-the-file"]


def test_without_a_key_nothing_is_sent(tmp_path: Path) -> None:
    sent = Sent()
    with pytest.raises(FetchFailed, match="keyed wants an API key"):
        fetcher(sent, SourceKeys({}, tmp_path)).fetch(KEYED, REQUEST)
    assert sent.keys == []


@pytest.mark.parametrize("content", [b"s3cret\nof two lines", b"s3cr\xc3\xa9t", b""])
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path: Path, content: bytes) -> None:
    sent = Sent()
    (tmp_path / "keyed").write_bytes(content)
    with pytest.raises(FetchFailed, match=r"(holds no API key|cannot be read)") as refused:
        fetcher(sent, SourceKeys({}, tmp_path)).fetch(KEYED, REQUEST)
    assert "keyed" in str(refused.value)
    assert "s3cr" not in str(refused.value)
    assert sent.keys == []


def test_a_refused_key_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="answered 401") as refused:
        fetcher(Sent(), SourceKeys({"keyed": "s3cret-refused"}, None)).fetch(KEYED, REQUEST)
    assert "s3cret" not in str(refused.value)
