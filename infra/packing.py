"""Large texts lie packed in the object store: writing and syncing the whole of one takes longer than packing it.

What an operator's zip held is ten to twenty times smaller so. What was not packed is read as ever.
"""

from __future__ import annotations

import pyarrow as pa

_CODEC = "zstd"
_LEVEL = 1  # the next ones take more time than their bytes would
_FRAME = b"\x28\xb5\x2f\xfd"  # how whatever is packed begins
# Less than this is not packed; and so many bytes of more tell whether it would become less than half.
_SAMPLE_BYTES = 1 << 16


def packed(content: bytes) -> bytes:
    """`content` as it is to be stored."""
    codec = pa.Codec(_CODEC, _LEVEL)
    if len(content) < _SAMPLE_BYTES or 2 * len(_pack(codec, content[:_SAMPLE_BYTES])) > _SAMPLE_BYTES:
        return content
    return _pack(codec, content)


def unpacked(stored: bytes) -> bytes | None:
    """What was packed; None where `stored` is nothing that was, or not the whole of it."""
    if not stored.startswith(_FRAME):
        return None
    try:
        with pa.CompressedInputStream(pa.BufferReader(stored), _CODEC) as source:
            return bytes(source.read())
    except (OSError, pa.ArrowException):
        return None


def _pack(codec: pa.Codec, content: bytes) -> bytes:
    return bytes(codec.compress(content, asbytes=True))
