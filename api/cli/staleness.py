"""What is stale, in words: the option, the column, and the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

from api.cli.output import err, say, show_rows

Stale = Annotated[
    bool, typer.Option("--stale", help="Only those made from what is known otherwise by now, and what changed.")
]


def show_stale_rows(
    rows: Iterable[dict[str, Any]], columns: Sequence[str], *, only_stale: bool, as_json: bool, empty: str
) -> None:
    """Rows with the column `stale_since`, a position; where only stale ones were asked for, then their reasons."""
    if as_json:
        show_rows(rows, columns, as_json=True, empty=empty)
        return
    reasons: list[str] = []
    show_rows(_since(rows, reasons if only_stale else None), columns, as_json=False, empty=empty)
    for line in reasons:
        say(line, err)


def stale_lines(stale: Mapping[str, Any] | None) -> list[str]:
    """The reasons of one thing, a line each."""
    if stale is None:
        return []
    lines = [f"Stale since position {stale['since']}:", *(f"  {_reason(reason)}" for reason in stale["reasons"])]
    return lines + ([f"  and {stale['further_reasons']} more"] if stale["further_reasons"] else [])


def _since(rows: Iterable[dict[str, Any]], reasons: list[str] | None) -> Iterable[dict[str, Any]]:
    for row in rows:
        if reasons is not None:
            name = row.get("name", row["id"])
            reasons += [f"{name}: {line.strip()}" for line in stale_lines(row["stale"])[1:]]
        yield row | {"stale_since": row["stale"] and row["stale"]["since"]}


def _reason(reason: Mapping[str, Any]) -> str:
    of = f" (valuation {reason['valuation_id']})" if "valuation_id" in reason else ""
    return (
        f"{reason['kind']}: {reason['detail']}; {_what(reason['replaced'])} was replaced by {_what(reason['by'])}{of}"
    )


def _what(origin: Mapping[str, Any] | None) -> str:
    return f"{origin['id']} at position {origin['position']}" if origin else "nothing"
