"""What is fetched is there whole or not at all, is asked for again where that may help, and has a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tenacity import wait_none

from tests.services import cache


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARBON254_SERVICES_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "wait_exponential", lambda **_: wait_none())
    monkeypatch.setattr(cache, "_began_s", time.monotonic())  # not when the whole suite began


def failing(times: int, error: Exception) -> tuple[list[Path], Callable[[Path], None]]:
    """What fills a folder after so many failures, half of it each time; and the folders that it was given."""
    given: list[Path] = []

    def fill(folder: Path) -> None:
        assert list(folder.iterdir()) == [], "it begins anew"
        (folder / "half").touch()
        given.append(folder)
        if len(given) <= times:
            raise error

    return given, fill


def test_a_registry_that_stumbles_is_asked_again() -> None:
    given, fill = failing(cache.TRIES - 1, cache.FetchFailed("503"))
    assert list(cache.fetched("engine-1", fill).iterdir()) != []
    assert len(given) == cache.TRIES
    cache.fetched("engine-1", fill)
    assert len(given) == cache.TRIES, "what is there is not fetched again"


@pytest.mark.parametrize(
    ("error", "tries"), [(cache.FetchFailed("503"), cache.TRIES), (cache.NotInstalled("no java"), 1)]
)
def test_what_stays_away_is_not_half_there(error: Exception, tries: int) -> None:
    given, fill = failing(99, error)
    with pytest.raises(type(error)):
        cache.fetched("engine-1", fill)
    assert len(given) == tries
    assert not cache.is_fetched("engine-1")


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(cache.NotInstalled, match="no-such-program is not installed"):
        cache.run(["no-such-program"], tmp_path)


def test_all_that_is_fetched_together_has_a_bound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CARBON254_FETCH_S", "0.3")
    with pytest.raises(cache.FetchFailed, match="gave no answer"):
        cache.run(["sleep", "20"], tmp_path)
    given, fill = failing(99, cache.FetchFailed("503"))
    with pytest.raises(cache.FetchFailed):
        cache.fetched("engine-1", fill)
    assert len(given) == 1, "no time is left for another try"
    with pytest.raises(cache.FetchFailed, match="no time left for sleep"):
        cache.run(["sleep", "0"], tmp_path)
