"""The one error a price file can end in."""


class UnreadablePublication(Exception):
    """A file looks like a price publication but cannot be read whole, so nothing of it is taken.

    `reason` is complete for a person: it names the file and, where there is one, line and column. `line` is the
    physical line of the file, from 1; `column` is the header's own spelling. Both are null where the fault has no
    place (an empty file, a broken archive).
    """

    def __init__(self, reason: str, line: int | None = None, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def unreadable(name: str, problem: str, line: int | None = None, column: str | None = None) -> UnreadablePublication:
    """The error with its reason put together: file, line, column, then what is wrong."""
    place = name
    if line is not None:
        place += f" line {line}"
    if column is not None:
        place += f", column {column}"
    return UnreadablePublication(f"{place}: {problem}", line, column)
