"""Which code made a result."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

_ROOMS = (
    "analytics",
    "api",
    "commands",
    "infra",
    "integrations",
    "projections",
    "queries",
    "read_models",
    "write_model",
)

# Another version of these may move a number in its last bits.
_COMPUTING = ("clarabel", "cvxpy", "numpy", "pyarrow", "scipy")


def code_version() -> str:
    """The distribution's version and a hash over its source and the versions of the libraries that compute.

    A result that carries it names the very code that made it.
    """
    root = Path(__file__).parent.parent
    hasher = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted((root / room).rglob("*.py")):
            hasher.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    hasher.update(" ".join(f"{library} {version(library)}" for library in _COMPUTING).encode())
    return f"{version('carbon254-platform')}+{hasher.hexdigest()[:12]}"
