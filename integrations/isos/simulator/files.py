"""A file as an operator would hand it out, and the little that all file writers share.

Archives carry the simulated time of publication, so the same prices are always the same bytes.
"""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SimulatedFile:
    """A file's name and bytes; `published_at` is on the operator's own clock, as operators stamp their archives."""

    name: str
    content: bytes
    published_at: datetime


def zipped(name: str, members: Iterable[SimulatedFile], *, folder: str = "", level: int | None = None) -> SimulatedFile:
    """The members in a zip called `name`, under `folder` (with its slash) if given; published with its last member.

    `level` is how hard to compress, from 1 (fast) to 9.
    """
    buffer = io.BytesIO()
    newest: datetime | None = None
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in members:
            info = zipfile.ZipInfo(folder + member.name, date_time=member.published_at.timetuple()[:6])
            info.create_system = 3  # or the bytes would tell which system wrote them
            # A zip within a zip won't get smaller.
            stored = member.name.endswith(".zip")
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, member.content, compresslevel=level)
            newest = member.published_at
    if newest is None:
        raise ValueError(f"{name}: an archive needs at least one member")
    return SimulatedFile(name, buffer.getvalue(), newest)


def fixed(units: int, decimals: int) -> str:
    """`units` of the last decimal as a plain decimal number: fixed(-31, 2) is "-0.31"."""
    whole, part = divmod(abs(units), 10**decimals)
    return f"{'-' if units < 0 else ''}{whole}.{part:0{decimals}d}"


def trimmed(units: int, decimals: int) -> str:
    """As `fixed`, without zeros after the last digit that counts: trimmed(3100, 2) is "31"."""
    return fixed(units, decimals).rstrip("0").rstrip(".")


def two_decimals(value: float) -> str:
    """A number rounded to hundredths, without zeros that don't count: two_decimals(31.004) is "31"."""
    return trimmed(round(value * 100), 2)


def text_of(lines: Iterable[str]) -> bytes:
    """Lines as the bytes of a file, each with its end."""
    return ("\n".join(lines) + "\n").encode("ascii")
