"""Reading the fields of MISO's JSON answers. All raise UnreadablePublication; entries are counted from 1."""

import re
from collections.abc import Sequence
from typing import Any

from integrations.isos.csv_faults import is_number_or_empty
from integrations.isos.documents import Document
from integrations.isos.errors import unreadable
from integrations.isos.local_time import HOUR_S, ClockError
from integrations.isos.miso.clock import est_second, reference_second
from integrations.isos.printable import has_control

_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_DAY_S = 24 * HOUR_S
_MIDNIGHT = est_second("2000-01-01 0:00:00")


def midnight_of(moment_s: int) -> int:
    """The beginning of a moment's market day."""
    return moment_s - (moment_s - _MIDNIGHT) % _DAY_S


def reference_of(document: Document) -> int:
    """The moment that the answer's RefId names, wherever in the answer it stands."""
    found = document.json
    while isinstance(found, dict) and "RefId" not in found and len(found) == 1:
        found = next(iter(found.values()))
    text = found.get("RefId") if isinstance(found, dict) else None
    try:
        return reference_second(str(text))
    except ClockError as error:
        raise unreadable(document.name, f"RefId: {error}") from None


def list_at(document: Document, *path: str) -> Sequence[Any]:
    """The list at a path of keys."""
    found = document.json
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, list):
        raise unreadable(document.name, f"there is no list at {'.'.join(path)}")
    return found


def text_of(document: Document, entry: Any, key: str, number: int) -> str:
    """A text that has to be there, stripped."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, str) or not value.strip():
        raise unreadable(document.name, f"entry {number} has no {key}")
    if has_control(value.strip()):
        raise unreadable(document.name, f"entry {number}: {key} has a control character")
    return value.strip()


def number_of(document: Document, entry: Any, key: str, number: int) -> float:
    """A number or a text that is one, maybe with thousands separators."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(value, str):
        plain = value.strip()
        plain = plain.replace(",", "") if _THOUSANDS.fullmatch(plain) else plain
        found = float(plain) if plain and is_number_or_empty(plain) else float("nan")
    else:
        found = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    if not abs(found) < 1e12:
        raise unreadable(document.name, f"entry {number}: {key} {value!r} is no number")
    return found


def hour_start(document: Document, entry: Any, kind: str, number: int) -> int:
    """The beginning of an entry's hour, which its stamp and its hour ending must both name."""
    start = moment_of(document, entry, f"{kind}DateTimeEST", number)
    hour = number_of(document, entry, f"{kind}HourEndingEST", number)
    if hour not in range(1, 25) or start - midnight_of(start) != (hour - 1) * HOUR_S:
        problem = f"entry {number}: the hour ending {hour:g} does not begin at {entry[f'{kind}DateTimeEST']}"
        raise unreadable(document.name, problem)
    return start


def moment_of(document: Document, entry: Any, key: str, number: int) -> int:
    """A stamp in Eastern Standard Time, in seconds since 1970 UTC."""
    try:
        return est_second(text_of(document, entry, key, number))
    except ClockError as error:
        raise unreadable(document.name, f"entry {number}, {key}: {error}") from None
