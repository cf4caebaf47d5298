"""PJM Data Miner 2 hourly LMPs as CSV: feeds `da_hrl_lmps` and `rt_hrl_lmps`, told apart by their price columns."""

import re
from collections.abc import Sequence
from functools import partial

from integrations.isos.heads import CsvFile, Head, column_key
from integrations.isos.pjm import lmps
from integrations.isos.recognition import OtherProduct, Recognised, known_product
from integrations.isos.ticks import ParsedPublication

OPERATOR_NAME = re.compile(r"(da|rt)_hrl_lmps", re.IGNORECASE)

_FIVE_MINUTES = "PJM verified five-minute LMPs (rt_fivemin_hrl_lmps): not read yet"
_OFF_THE_HOUR = re.compile(r"[ T]\d{1,2}:(?!00)\d\d")
_SAMPLES = 16
_OTHER_PRODUCTS = [
    ("fiveminrtlmp", "PJM unverified five-minute LMPs (rt_unverified_fivemin_lmps)"),
    ("ancillaryservice", "PJM ancillary service prices"),
    ("pnodesubtype", "PJM pricing node list"),
    ("datetimebeginningutc", "another PJM Data Miner feed"),
]


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for an hourly LMP feed that lacks a needed column."""
    keys = set(head.first.keys)
    for feed in lmps.FEEDS.values():
        prices = {column_key(column) for column in feed.price_columns}
        needed = prices | {column_key(column) for column in lmps.NEEDED_COLUMNS}
        if not keys & prices or len(keys & needed) < 5:
            continue
        if not keys & {column_key(feed.energy), "versionnbr", "rowiscurrent"}:
            return OtherProduct("PJM unverified hourly LMPs (rt_unverified_hrl_lmps): not read yet")
        file = CsvFile(head.name, head.content, head.first)
        lmps.positions(file, feed)
        if "fivemin" in head.name.lower() or _has_minutes(file):
            return OtherProduct(_FIVE_MINUTES)
        return Recognised(file, partial(_parse, feed))
    return known_product(head.first.keys, _OTHER_PRODUCTS)


def _parse(feed: lmps.Feed, files: Sequence[CsvFile]) -> ParsedPublication:
    return lmps.parse(files[0], feed)


def _has_minutes(file: CsvFile) -> bool:
    """Whether stamps are off the hour: the five-minute feed has the very columns of the hourly one.

    A look at lines spread over the file is enough, and cheap.
    """
    length = len(file.content) - file.header.end
    column = file.need("datetime_beginning_utc")
    for sample in range(_SAMPLES):
        start = file.header.end + length * sample // _SAMPLES
        if sample:
            start = file.content.find(b"\n", start) + 1
        for line in file.content[start : start + 4096].splitlines()[:-1][:2]:
            cells = line.decode("utf-8", "replace").split(",")
            if column < len(cells) and _OFF_THE_HOUR.search(cells[column]):
                return True
    return False
