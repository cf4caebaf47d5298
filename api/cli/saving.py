"""Answers kept as files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from infra.errors import PlatformError


def save(file: Path, write: Callable[[BinaryIO], int]) -> int:
    """Lets `write` fill the file; it is there whole or not at all, and what was there before stays until then."""
    try:
        target = file.resolve()  # of a link, what it leads to is replaced
        if target.exists() and not target.is_file():
            with target.open("wb") as device:
                return write(device)
        new = target.with_name(f".carbon254-{os.getpid()}.part")
        try:
            with new.open("xb") as sink:
                size_bytes = write(sink)
            if target.exists():
                shutil.copymode(target, new)
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        why = error.strerror if isinstance(error, OSError) else error
        raise PlatformError(f"{file} cannot be written: {why}", "Name another file with --out.") from error
    return size_bytes
