"""What a recogniser can say about a file's first lines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from integrations.isos.heads import CsvFile
from integrations.isos.ticks import ParsedPublication


@dataclass(frozen=True)
class Recognised:
    """A price file: `parse` reads it (given the files of a group, or just this one).

    `facts` are what had to be taken from the file's name because the content does not say it.
    """

    file: CsvFile
    parse: Callable[[Sequence[CsvFile]], ParsedPublication]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OtherProduct:
    """A file that is known, but none of the prices read here."""

    reason: str


def known_product(keys: Sequence[str], products: Sequence[tuple[str, str]]) -> OtherProduct | None:
    """The first of (column that tells it, what it is) whose column is in the header."""
    for column, product in products:
        if column in keys:
            return OtherProduct(f"{product}: not one of the price products read here")
    return None
