"""What can be wrong with a file that arrives: it is cut short, says something twice, or has another column.

Each function takes the bytes of an answer, plain or in a zip, and returns them damaged; None where that kind of damage
cannot be done to them.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

Damage = Callable[[bytes], bytes | None]

# Columns that a connector cannot do without, and what they are called after somebody renamed them.
_RENAMED = (
    (rb"\bHE 12\b", b"HR 12"),
    (rb"\bCON_LMP\b", b"CONGESTION"),
    (rb'"MLC"', b'"LossComponent"'),
    (rb'"ACT"', b'"ACTUAL_MW"'),
    (rb'"FiveMinTotalLoad"', b'"FiveMinLoad"'),
    (rb'"HourEndingEST"', b'"HourEnding"'),
    (rb"\bmarginal_loss_price_(da|rt)\b", rb"loss_price_\1"),
    (rb"\b(LMP_TYPE|ANC_TYPE)\b", b"PRICE_TYPE"),
    (rb"\bSettlementPointPrice\b", b"Price"),
    (rb"\bSettlementPoint,LMP\b", b"SettlementPoint,Price"),
    (rb"\bdatetime_beginning_utc\b", b"datetime_begin_utc"),
    (rb"\bforecast_load_mw\b", b"forecast_mw"),
    (rb'"Resource Name"', b'"Unit Name"'),
    (rb"\bSettlement Point Price\b", b"Price"),
    (rb"\bMarket Hour Ending\b", b"Market Hour"),
    (rb"\bHour Ending\b", b"Hour"),
    (rb"\bSystemLambda\b", b"Lambda"),
    (rb"\bDelivery Interval\b", b"Interval"),
    (rb"\bResource Clearing Prices\b", b"Clearing Prices"),
    (rb"\bPlanning Parameters\b", b"Parameters"),
)
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_LAST_ROW = re.compile(rb'<row r="(\d+)">((?:(?!<row ).)*)</row></sheetData>', re.DOTALL)


def cut_short(content: bytes) -> bytes | None:
    """The first half, as of a file that was not written to its end."""
    return content[: len(content) // 2] or None


def row_twice(content: bytes) -> bytes | None:
    """The last row, or the last item of the longest list, stands there twice."""
    return _inside(content, _twice)


def column_renamed(content: bytes) -> bytes | None:
    """A needed column has another name."""
    return _inside(content, _renamed)


def _twice(text: bytes) -> bytes | None:
    if text.startswith(b"<"):
        return _sheet_row_twice(text)
    return _item_twice(text) if text[:1] in b"{[" else _line_twice(text)


def _sheet_row_twice(text: bytes) -> bytes | None:
    """The last row of a workbook's sheet once more, under the next number; a short one is a remark or a total."""
    start = text.rfind(b"<row ")
    found = _LAST_ROW.match(text, start) if start >= 0 else None
    if found is None or found[2].count(b"<c ") < 3:
        return None
    number = found[1]
    again = found[2].replace(number + b'"', b'%d"' % (int(number) + 1))
    row = b'<row r="%d">%s</row>' % (int(number) + 1, again)
    return text[: found.end() - len(b"</sheetData>")] + row + text[found.end() - len(b"</sheetData>") :]


def _renamed(text: bytes) -> bytes | None:
    if text.startswith(b"<") and b"<sst " not in text[:200]:
        return None  # the words of a workbook stand together
    for pattern, name in _RENAMED:
        changed, count = re.subn(pattern, name, text)
        if count:
            return changed
    return None


def _line_twice(text: bytes) -> bytes | None:
    lines = text.rstrip(b"\r\n").rsplit(b"\n", 1)
    # A short last line is a remark, or the only line.
    return text + lines[1].rstrip(b"\r") + b"\r\n" if len(lines) == 2 and lines[1].count(b",") >= 2 else None


def _item_twice(text: bytes) -> bytes | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    longest = max(_lists(document), key=len, default=[])
    if not longest or not isinstance(longest[-1], dict):
        return None
    longest.append(longest[-1])
    if isinstance(document, dict) and "totalRows" in document:
        document["totalRows"] += 1
    return json.dumps(document).encode()


def _lists(value: Any) -> list[list[Any]]:
    if isinstance(value, list):
        return [value]
    if isinstance(value, dict):
        return [found for inner in value.values() for found in _lists(inner)]
    return []


def _inside(content: bytes, damage: Damage) -> bytes | None:
    """Damages the first file of a zip (a workbook is one, too) that can be damaged so, or the content itself."""
    if content.startswith(_OLD_WORKBOOK):
        return None
    if not content.startswith(b"PK"):
        return damage(content)
    buffer = io.BytesIO()
    is_done = False
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        for info in whole.infolist():
            member = whole.read(info)
            damaged = None if is_done else _inside(member, damage)
            is_done |= damaged is not None
            written.writestr(info, member if damaged is None else damaged)
    return buffer.getvalue() if is_done else None
