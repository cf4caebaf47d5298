"""Signing in from a terminal: what an issuer may answer, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from api.cli.logins import Logins
from infra.device_login import Invitation, Issuer, Login, LoginFailed
from tests.device_issuer import DENIED, EXPIRED, PENDING, SLOW_DOWN, DeviceIssuer

pytestmark = pytest.mark.enable_socket
SERVER = "https://carbon254.example.com"

Started = Callable[..., DeviceIssuer]


@pytest.fixture
def issuer() -> Iterator[Started]:
    started: list[DeviceIssuer] = []

    def start(*answers: str, life_s: float = 300.0) -> DeviceIssuer:
        started.append(DeviceIssuer(list(answers), life_s=life_s))
        return started[-1]

    yield start
    for each in started:
        each.stop()


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def monotonic(self) -> float:
        return sum(self.pauses)


def sign_in(issuer: DeviceIssuer, clock: Clock, invited: list[Invitation] | None = None) -> Login:
    invite = (invited if invited is not None else []).append
    return Issuer(issuer.url, "carbon254-cli").sign_in(invite, sleep=clock.sleep, monotonic=clock.monotonic)


def test_a_person_is_invited_and_waited_for(issuer: Started) -> None:
    clock, invited = Clock(), list[Invitation]()
    login = sign_in(issuer(PENDING, SLOW_DOWN, PENDING), clock, invited)
    assert [(i.user_code, i.expires_in_s) for i in invited] == [("ABCD-EFGH", 60)]
    assert clock.pauses == [1, 1, 6, 6]
    assert login.access_token
    assert login.refresh_token == "refresh-0"


@pytest.mark.parametrize(("answer", "said"), [(DENIED, "was refused"), (EXPIRED, "has expired")])
def test_a_refusal_ends_the_waiting(issuer: Started, answer: str, said: str) -> None:
    with pytest.raises(LoginFailed, match=said):
        sign_in(issuer(PENDING, answer), Clock())


def test_nobody_is_waited_for_longer_than_the_code_counts(issuer: Started) -> None:
    clock = Clock()
    with pytest.raises(LoginFailed, match="has expired"):
        sign_in(issuer(*[PENDING] * 100), clock)
    assert sum(clock.pauses) == 60


def test_an_issuer_that_is_another_or_none_is_refused(issuer: Started) -> None:
    started = issuer()
    with pytest.raises(LoginFailed, match="another issuer"):
        Issuer(f"{started.url}/", "carbon254-cli")
    with pytest.raises(LoginFailed, match="cannot be asked"):
        Issuer("http://127.0.0.1:9", "carbon254-cli")
    with pytest.raises(LoginFailed, match="https address"):
        Issuer("http://issuer.example.com", "carbon254-cli")


def test_tokens_are_kept_for_their_owner_alone_and_refreshed_once(issuer: Started, tmp_path: Path) -> None:
    started, file = issuer(life_s=1.0), tmp_path / "config" / "carbon254" / "logins.json"
    logins = Logins(file)
    with pytest.raises(LoginFailed, match="not signed in"):
        logins.access_token(SERVER)
    first = sign_in(started, Clock())
    logins.keep(f"{SERVER}/", first)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    started.life_s = 300.0
    found: list[str] = []
    threads = [Thread(target=lambda: found.append(logins.access_token(SERVER))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0] != first.access_token
    assert [form["grant_type"] for path, form in started.asked if path == "/token"][1:] == ["refresh_token"]

    forgotten = logins.forget(SERVER)
    assert forgotten is not None
    Issuer(started.url, "carbon254-cli").sign_out(forgotten)
    assert started.revoked == ["refresh-1"]
    logins.keep(SERVER, Login(started.url, "carbon254-cli", "x", "refresh-1", 0.0))
    with pytest.raises(LoginFailed, match="The sign-in has ended: Token is not active"):
        logins.access_token(SERVER)
