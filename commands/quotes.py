"""Recording forward quotes from a CSV file."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyarrow as pa

from analytics.periods import delivery_period
from commands.message import Caller, Command, Context, Tools, example, refuse_control_characters
from commands.publications import Sha256
from infra.canonical import digest, to_parquet
from write_model.base import Refused
from write_model.instruments import Instrument, instrument_id
from write_model.quotes import QuoteSheet, Sheet, sheet_id

COLUMNS = ("hub", "product", "price_usd_per_mwh", "source", "quoted_at")
QUOTE_SCHEMA = pa.schema(
    [
        ("hub", pa.string()),
        ("product", pa.string()),
        ("price_usd_per_mwh", pa.float64()),
        ("source", pa.string()),
        ("quoted_at", pa.timestamp("us", "UTC")),
    ]
)
MAX_SHEET_BYTES = 20_000_000
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{0,15})?")


class RecordQuotes(Command):
    """A CSV of quotes that was uploaded before, by its hash; its columns are `COLUMNS`."""

    model_config = example(object="5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")

    object: Sha256


def stream_of_quote_sheet(command: RecordQuotes, caller: Caller, _: Tools) -> UUID:
    return sheet_id(caller.tenant, command.object)


def handle_record_quotes(command: RecordQuotes, sheet: QuoteSheet | None, context: Context) -> QuoteSheet:
    if sheet is not None:
        return sheet
    rows = read_quotes(context.tools.uploads.get(context.caller.tenant, command.object), context.tools.now())
    context.tools.uploads.forget(command.object)
    hubs = tuple(sorted(set(rows["hub"].to_pylist())))
    for hub in hubs:
        context.load(
            Instrument, instrument_id(context.caller.tenant, hub), "hub", hub,
            remedy="Register it with `carbon254 instruments register`, or correct the column hub.",
        )  # fmt: skip
    return QuoteSheet.record(
        context.stream_id,
        Sheet(
            raw_sha256=command.object,
            rows_sha256=context.tools.objects.put("rows", to_parquet(rows)),
            rows_digest=digest(rows),
            quote_count=rows.num_rows,
            hubs=hubs,
        ),
    )


def read_quotes(content: bytes, now: datetime) -> pa.Table:
    """The quotes of a CSV as a table of QUOTE_SCHEMA. The price column may be called `price` too.

    Raises Refused (422) naming line and column of the first thing that is wrong; a sheet is taken whole or not at all.
    """
    if len(content) > MAX_SHEET_BYTES:
        raise _unreadable("the file is larger than 20 MB", "split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"byte {error.start} is not UTF-8", "save the file as UTF-8") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    reader.fieldnames = ["price_usd_per_mwh" if name == "price" else name for name in reader.fieldnames or ()]
    missing = [column for column in COLUMNS if column not in reader.fieldnames]
    if missing:
        raise _unreadable(f"line 1 lacks the column {', '.join(missing)}", f"the header is {','.join(COLUMNS)}")
    rows: dict[int, dict[str, object]] = {}
    try:
        for row in reader:
            rows[reader.line_num] = _quote(row, reader.line_num, now)
    except csv.Error as error:
        raise _unreadable(f"line {reader.line_num}: {error}", "correct the CSV") from error
    if not rows:
        raise _unreadable("the file has no quotes below its header", "add a line for each quote")
    _refuse_contradictions(rows)
    return pa.Table.from_pylist(list(rows.values()), schema=QUOTE_SCHEMA)


def _quote(row: dict[str, str], line: int, now: datetime) -> dict[str, object]:
    place = f"line {line}"
    if None in row or None in row.values():
        raise _unreadable(f"{place} has another number of fields than the header", "quote fields that hold commas")
    try:
        refuse_control_characters(row)
    except ValueError as error:
        raise _unreadable(f"{place}: {error}", "save the file as plain text") from error
    try:
        delivery_period(row["product"].strip())
    except ValueError as error:
        raise _unreadable(f"{place}, column product: {error}", "correct the product, or leave the line out") from error
    if not _NUMBER.fullmatch(row["price_usd_per_mwh"].strip()):
        raise _unreadable(
            f"{place}, column price_usd_per_mwh: {row['price_usd_per_mwh']!r} is no number",
            "write a price such as 41.25",
        )
    return {
        "hub": row["hub"].strip(),
        "product": row["product"].strip(),
        "price_usd_per_mwh": float(row["price_usd_per_mwh"]),
        "source": row["source"].strip(),
        "quoted_at": _moment(row["quoted_at"], place, now),
    }


def _moment(text: str, place: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _unreadable(
            f"{place}, column quoted_at: {text!r} is no time", "write 2026-11-20T17:00:00Z; without a zone it is UTC"
        ) from error
    if moment > now + timedelta(days=1):
        # It would outrank every quote until then, and nothing that is recorded can be taken back.
        raise _unreadable(f"{place}, column quoted_at: {text!r} lies in the future", "correct the date")
    return moment


def _refuse_contradictions(rows: dict[int, dict[str, object]]) -> None:
    seen: dict[tuple[object, ...], object] = {}
    for line, row in rows.items():
        key = (row["hub"], row["product"], row["quoted_at"])
        if seen.setdefault(key, row["price_usd_per_mwh"]) != row["price_usd_per_mwh"]:
            raise _unreadable(
                f"line {line} quotes {row['product']} of {row['hub']} at {row['quoted_at']} again, at another price",
                "keep the one that is meant, or give them their own quoted_at",
            )


def _unreadable(what: str, remedy: str) -> Refused:
    return Refused(f"the quotes cannot be read: {what}", remedy=f"{remedy[0].upper()}{remedy[1:]}.", status=422)
