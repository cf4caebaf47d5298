"""The one error a price file can end in."""

from integrations.isos.printable import keep_end, keep_start

MAX_REASON = 1000
MAX_COLUMN = 200
_SHOWN_NAME = 300


class UnreadablePublication(Exception):
    """A file looks like a price publication but cannot be read whole, so nothing of it is taken.

    `reason` is complete for a person: it names the file and, where there is one, line and column. `line` is the
    physical line of the file, from 1; `column` is the header's own spelling. Both are null where the fault has no
    place (an empty file, a broken archive). Both texts are printable (see `printable`) and cut to MAX_REASON and
    MAX_COLUMN characters, whatever the file holds.
    """

    def __init__(self, reason: str, line: int | None = None, column: str | None = None) -> None:
        self.reason = keep_start(reason, MAX_REASON)
        self.line = line
        self.column = None if column is None else keep_start(column, MAX_COLUMN)
        super().__init__(self.reason)


def unreadable(name: str, problem: str, line: int | None = None, column: str | None = None) -> UnreadablePublication:
    """The error with its reason put together: file, line, column, then what is wrong."""
    place = keep_end(name, _SHOWN_NAME)
    if line is not None:
        place += f" line {line}"
    if column is not None:
        place += f", column {keep_start(column, MAX_COLUMN)}"
    return UnreadablePublication(f"{place}: {problem}", line, column)
