"""The sign-ins of this user, by server: a file of the user's configuration folder that nobody else can read."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from infra.device_login import Issuer, Login, LoginFailed
from infra.errors import PlatformError

EARLY_S = 30.0
"""A token that ends so soon is replaced before it is used."""


class Logins:
    """Reads and changes the file; only one process does so at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_user(cls) -> Logins:
        """`carbon254/logins.json` in XDG_CONFIG_HOME, else in `.config` of the user's home."""
        named = Path(os.environ.get("XDG_CONFIG_HOME", ""))
        return cls((named if named.is_absolute() else Path.home() / ".config") / "carbon254" / "logins.json")

    def keep(self, server: str, login: Login) -> None:
        with self._changing() as known:
            known[_key(server)] = login

    def forget(self, server: str) -> Login | None:
        with self._changing() as known:
            return known.pop(_key(server), None)

    def access_token(self, server: str) -> str:
        """A token for a server that counts, refreshed where it is near its end. Raises LoginFailed."""
        with self._changing() as known:
            login = known.get(_key(server))
            if login is None:
                raise LoginFailed(f"You are not signed in at {server}.", f"carbon254 --server {server} login")
            if login.ends_at - time.time() < EARLY_S:
                login = known[_key(server)] = Issuer(login.issuer, login.client_id).refresh(login)
            return login.access_token

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Login]]:
        """The sign-ins by server; what was changed in them is written, and nothing after an error."""
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("a") as lock:
            # Of two verbs at once only one refreshes: an issuer may take a refresh token but once.
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self._read()
            before = dict(known)
            yield known
            if known != before:
                self._write(known)

    def _read(self) -> dict[str, Login]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Login])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise PlatformError(f"{self._file} cannot be read: {error}", "Delete it, and sign in again.") from error

    def _write(self, known: dict[str, Login]) -> None:
        new = self._file.with_suffix(".new")
        new.unlink(missing_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            sink.write(msgspec.json.encode(known))
        new.rename(self._file)


def _key(server: str) -> str:
    return server.rstrip("/")
