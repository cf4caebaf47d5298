"""What can go wrong around us, said with the remedy: every one of these is shown to a user as it is."""

from __future__ import annotations

from pathlib import Path


class PlatformError(Exception):
    """A failure that its reader can mend: what happened, and what to do about it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}"


class WrongUsage(PlatformError):
    """What was typed, or what a file says that was handed in, cannot be used."""


class DataFolderError(PlatformError):
    """The data folder can't be used: unreachable, not ours, not writable, or on a full disk."""


class FolderHeld(DataFolderError):
    """Another process owns the data folder; `pid` and `address` are None where it has not said them."""

    def __init__(self, home: Path, pid: int | None, address: str | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        serving = f", which serves {address}" if address else ""
        super().__init__(
            f"The data folder {home} is held by {who}{serving}.",
            "Use the running one, stop it, or choose another folder with CARBON254_HOME.",
        )
        self.pid = pid
        self.address = address


class NewerFormat(DataFolderError):
    """The data folder was written by a newer version of this program."""

    def __init__(self, home: Path, found: int, known: int) -> None:
        super().__init__(
            f"The data folder {home} has format {found}; this version of 254Carbon reads formats up to {known}.",
            "Update 254Carbon, or choose another folder with CARBON254_HOME.",
        )
        self.found = found
        self.known = known


class EventStoreError(PlatformError):
    """EventStoreDB does not answer, refuses, or its address cannot be read."""


class ColumnarStoreError(PlatformError):
    """The columnar store can't be opened, or does not answer."""


class UnusableLog(PlatformError):
    """The event log is not whole yet, or was moved elsewhere: nothing may be read from it or appended to it."""


class PostgresStartError(PlatformError):
    """The embedded PostgreSQL can't be started here."""
