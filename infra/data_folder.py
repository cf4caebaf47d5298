"""The data folder: where it is, whose it is, and that one process owns it at a time.

Nothing outside the folder is touched; the folder itself is 0700, so everything in it is private whatever its own mode.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from uuid import UUID

from infra.errors import DataFolderError, NewerFormat
from infra.folder_lock import FolderLock, Holder, holder_of

FORMAT = 1
SMALLEST_FREE_BYTES = 200 * 1024**2
# What a start that was cut short, or a freshly made file system, leaves in a folder that is as good as empty.
_AS_GOOD_AS_EMPTY = {"lock", "format.new", "lost+found", "restoring", "restoring.new"}
_RESTORING = "restoring"
_SIMULATED = "simulated"
SEAL_KEY = "seal-key"
KEY_FILES = (SEAL_KEY, "issuer-key", "cursor-key")
_CHOOSE_ANOTHER = "Choose another folder with CARBON254_HOME."
_CHOOSE_LOCAL = "Choose a folder on a local disk with CARBON254_HOME."


def default_home() -> Path:
    """CARBON254_HOME; else /var/lib/carbon254 for root, and the user's data directory for anyone else."""
    if named := os.environ.get("CARBON254_HOME"):
        return Path(named).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/carbon254")
    try:
        user_home = Path.home()
    except RuntimeError as error:
        raise DataFolderError("This user has no home directory.", "Name a folder in CARBON254_HOME.") from error
    if sys.platform == "darwin":
        return user_home / "Library" / "Application Support" / "carbon254"
    data_home = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG specification: a relative path there is to be ignored.
    return (data_home if data_home.is_absolute() else user_home / ".local" / "share") / "carbon254"


def token_path(home: Path) -> Path:
    """Where the API token of a data folder lies; a client reads it there while another process holds the folder."""
    return home / "token"


class DataFolder:
    """A data folder owned by this process until `close`."""

    def __init__(self, home: Path, lock: FolderLock) -> None:
        self.home = home
        self._lock = lock
        self.postgres = home / "postgres"
        self.chdb = home / "chdb"
        self.objects = home / "objects"
        self.token = token_path(home)

    @classmethod
    def open(cls, home: Path, *, restoring: bool = False) -> DataFolder:
        """Make or reopen the folder and own it. Raises DataFolderError, FolderHeld or NewerFormat.

        One that is only partly restored is opened for nothing else.
        """
        home = home.expanduser().absolute()
        try:
            if (home / _RESTORING).exists() and not restoring:
                raise DataFolderError(
                    f"The data folder {home} is not whole: restoring it was interrupted.",
                    f"Repeat `carbon254 restore` as before; it goes on where it ended. Or: {_CHOOSE_ANOTHER}",
                )
            _claim(home)
            folder = cls(home, FolderLock(home))
            try:
                folder._make_ready()
            except BaseException:
                folder.close()
                raise
        except OSError as error:
            raise _unusable(home, error) from error
        return folder

    @staticmethod
    def holder(home: Path) -> Holder | None:
        """Who owns the folder now, without owning it; None when nobody does or there is no such folder."""
        home = home.expanduser().absolute()
        try:
            return holder_of(home)
        except OSError as error:
            raise _unusable(home, error) from error

    def publish_address(self, url: str) -> None:
        """Say where this process serves, so that others find it instead of failing."""
        self._lock.publish(url)

    def ensure_token(self) -> str:
        """The API token, made at the first call; its file is readable by the owner alone from the start."""
        return self._ensure_secret(self.token, lambda: secrets.token_urlsafe(32))

    def ensure_seal_key(self) -> bytes:
        """The 32 bytes of the key that signs seals, kept as the token is."""
        return bytes.fromhex(self._ensure_secret(self.home / SEAL_KEY, lambda: secrets.token_hex(32)))

    def ensure_issuer_key(self, make: Callable[[], str]) -> str:
        """The private key of the local token issuer, kept as the token is."""
        return self._ensure_secret(self.home / "issuer-key", make)

    def ensure_cursor_key(self) -> bytes:
        """The 32 bytes of the key that signs the cursors of lists, kept as the token is."""
        return bytes.fromhex(self._ensure_secret(self.home / "cursor-key", lambda: secrets.token_hex(32)))

    @staticmethod
    def restore_of(home: Path) -> str | None:
        """What `begin_restore` wrote into a folder whose restore has not ended; None where it may begin.

        Raises DataFolderError for a folder that holds anything.
        """
        home = home.expanduser().absolute()
        entries = set(os.listdir(home)) if home.exists() else set()
        if _RESTORING in entries:
            return (home / _RESTORING).read_text(encoding="ascii")
        if entries - _AS_GOOD_AS_EMPTY:
            raise DataFolderError(
                f"{home} is not empty, and a restore never mixes with what is there.", _CHOOSE_ANOTHER
            )
        return None

    @staticmethod
    def begin_restore(home: Path, text: str) -> None:
        """Marks a folder as not whole until `end_restore`."""
        home = home.expanduser().absolute()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(home / _RESTORING, text)

    def end_restore(self) -> None:
        (self.home / _RESTORING).unlink()

    def keys(self) -> dict[str, str]:
        """The private keys of the folder by file name: whoever has them can sign as the platform does."""
        return {name: (self.home / name).read_text("ascii") for name in KEY_FILES if (self.home / name).exists()}

    def take_keys(self, keys: Mapping[str, str]) -> None:
        """Puts keys of a folder that was lost in their places."""
        for name in KEY_FILES:
            if name in keys:
                _write_private(self.home / name, keys[name])

    @staticmethod
    def may_simulate(home: Path) -> bool:
        """Whether simulated markets may be kept there: nothing is there yet, or they are there already."""
        home = home.expanduser().absolute()
        return not (home / "log-id").exists() or (home / _SIMULATED).exists()

    @property
    def is_simulated(self) -> bool:
        """Whether simulated markets are kept here, which must never be mixed with real ones."""
        return (self.home / _SIMULATED).exists()

    def mark_simulated(self) -> None:
        (self.home / _SIMULATED).write_text("The market data in this folder come from the simulator.\n")

    def log_id(self) -> UUID | None:
        """The log that the folder belongs to, None where it has not met one."""
        file = self.home / "log-id"
        return UUID(file.read_text(encoding="ascii").strip()) if file.exists() else None

    def pair_with(self, log_id: UUID) -> None:
        """Makes sure that folder and log belong together: prices, objects and seals here are those of one log."""
        known = self._ensure_secret(self.home / "log-id", lambda: str(log_id))
        if known != str(log_id):
            raise DataFolderError(
                f"The data folder {self.home} belongs to another event log than the one that DATABASE_URL or "
                "EVENTSTOREDB_URI leads to.",
                "Set both as they were (or unset them), or choose a new folder with CARBON254_HOME.",
            )

    def _ensure_secret(self, file: Path, make: Callable[[], str]) -> str:
        try:
            if not file.exists() or not file.stat().st_size:
                _write_private(file, make())
            file.chmod(0o600)
            return file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise _unusable(self.home, error) from error

    def close(self) -> None:
        """Give the folder up; once more does nothing."""
        self._lock.release()

    def __enter__(self) -> DataFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _make_ready(self) -> None:
        _check_free_space(self.home)
        if not (self.home / "format").exists():
            _write_private(self.home / "format", f"{FORMAT}\n")
        for path in (self.postgres, self.chdb, self.objects):
            path.mkdir(mode=0o700, exist_ok=True)


def _claim(home: Path) -> None:
    """Make the folder, or make sure that it is ours (or as good as empty) before anything in it changes."""
    home.parent.mkdir(parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    entries = set(os.listdir(home))
    if "format" in entries:
        _check_format(home)
    elif entries - _AS_GOOD_AS_EMPTY:
        raise DataFolderError(f"{home} is not empty and is no data folder of 254Carbon.", _CHOOSE_ANOTHER)
    if stat.S_IMODE(home.stat().st_mode) != 0o700:
        home.chmod(0o700)
    if stat.S_IMODE(home.stat().st_mode) & 0o077:
        raise DataFolderError(f"The file system below {home} can't keep a folder private.", _CHOOSE_LOCAL)


def _check_format(home: Path) -> None:
    path = home / "format"
    owner = path.stat().st_uid
    if owner != os.geteuid():
        # Two users' files in one folder end with neither of them able to open it.
        message = f"The data folder {home} belongs to the user with id {owner}, not to {os.geteuid()}."
        raise DataFolderError(message, f"Run as that user. Or: {_CHOOSE_ANOTHER}")
    try:
        found = int(path.read_text(encoding="ascii"))
    except ValueError as error:
        message = f"{path} does not hold a format number, so {home} is damaged or no data folder of 254Carbon."
        raise DataFolderError(message, f"Restore it from a backup. Or: {_CHOOSE_ANOTHER}") from error
    if found > FORMAT:
        raise NewerFormat(home, found, FORMAT)


def _check_free_space(home: Path) -> None:
    disk = os.statvfs(home)
    free_bytes = disk.f_bavail * disk.f_frsize
    if disk.f_blocks and free_bytes < SMALLEST_FREE_BYTES:  # no blocks at all: a file system that does not say
        message = f"The disk of the data folder {home} has only {free_bytes // 1024**2} MB free."
        needed = SMALLEST_FREE_BYTES // 1024**2
        raise DataFolderError(message, f"Free at least {needed} MB there, or choose another disk with CARBON254_HOME.")


def _write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable by the owner alone."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def _unusable(home: Path, error: OSError) -> DataFolderError:
    where = error.filename or home
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            message = f"The disk of the data folder {home} is full."
            return DataFolderError(message, "Free some space, or choose another disk with CARBON254_HOME.")
        case errno.EACCES | errno.EPERM:
            return DataFolderError(f"No permission to use the data folder {home} (at {where}).", _CHOOSE_ANOTHER)
        case errno.EROFS:
            return DataFolderError(f"The data folder {home} is on a read-only file system.", _CHOOSE_ANOTHER)
        case errno.ENOTDIR | errno.EEXIST:
            blocking = next((path for path in (home, *home.parents) if path.is_file()), where)
            return DataFolderError(f"{home} can't be a folder: {blocking} is a file.", _CHOOSE_ANOTHER)
        case errno.ENOLCK | errno.EOPNOTSUPP:
            return DataFolderError(f"The file system of the data folder {home} has no locks.", _CHOOSE_LOCAL)
        case _:
            reason = f"{error.strerror} ({where})"
            return DataFolderError(f"The data folder {home} can't be used: {reason}.", _CHOOSE_ANOTHER)
