"""API keys of sources: out of settings, or files that may be changed while the platform runs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from integrations.isos.http import FetchFailed


class SourceKeys(Mapping[str, str]):
    """Keys by source name. A file `folder/<source>` comes first and is read anew each time, so that it may change.

    Raises FetchFailed, which never repeats the key, where what is there can be none.
    """

    def __init__(self, keys: Mapping[str, str], folder: Path | None) -> None:
        self._keys = keys
        self._folder = folder

    def __getitem__(self, source: str) -> str:
        file = self._folder / source if self._folder else None
        if file is None or not file.is_file():
            return _checked(self._keys[source], f"the setting for {source}")
        try:
            return _checked(file.read_text(encoding="ascii").strip(), str(file))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
            raise FetchFailed(f"the API key of {source} cannot be read from {file}: {why}", lasting=True) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _checked(key: str, where: str) -> str:
    if not key or not key.isascii() or not key.isprintable():
        raise FetchFailed(f"{where} holds no API key: it must be one line of ASCII", lasting=True)
    return key
