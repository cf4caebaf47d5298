"""File descriptors that stay with this process alone.

Python closes its descriptors in programs it starts, but a plain fork (a process pool) copies them. A copy of a lock's
descriptor keeps the lock, and a copy of a pipe's end keeps the pipe open, after their owner was killed. So forked
children close these first of all.
"""

from __future__ import annotations

import os

_open: set[PrivateDescriptor] = set()


class PrivateDescriptor:
    """An open file descriptor that no child of this process holds."""

    def __init__(self, number: int) -> None:
        self._number: int | None = number
        _open.add(self)

    @property
    def closed(self) -> bool:
        """Whether it was closed, or belongs to the parent of this forked process."""
        return self._number is None

    def fileno(self) -> int:
        """The number, for calls of the system. Raises ValueError after `close`."""
        if self._number is None:
            raise ValueError("this descriptor is closed")
        return self._number

    def close(self) -> None:
        """Close it; once more does nothing."""
        if self._number is not None:
            number, self._number = self._number, None
            _open.discard(self)
            os.close(number)


def _close_in_forked_child() -> None:
    for descriptor in list(_open):
        descriptor.close()


os.register_at_fork(after_in_child=_close_in_forked_child)
