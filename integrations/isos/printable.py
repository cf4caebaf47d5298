"""Text out of files, made safe to show and to store: terminals obey control characters, databases refuse some."""

import re

# C0 and C1 controls, line separators, marks without width or that turn the direction of writing, lone surrogates
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_CUT = "…"


def has_control(text: str) -> bool:
    """Whether the text has a character that is not to be seen and may do harm."""
    return _CONTROL.search(text) is not None


def printable(text: str) -> str:
    """The text with each character that does not print written as its escape, such as `\\x00`, `\\n` or `\\xa0`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def keep_start(text: str, length: int) -> str:
    """The printable text, cut at the end to `length` characters."""
    shown = printable(text)
    return shown if len(shown) <= length else shown[: length - 1] + _CUT


def keep_end(text: str, length: int) -> str:
    """The printable text, cut at the start to `length` characters: operators put their stamps at the end of names."""
    shown = printable(text)
    return shown if len(shown) <= length else _CUT + shown[1 - length :]
