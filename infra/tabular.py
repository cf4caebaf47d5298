"""Arrow record batches -> the bytes a caller asked for: CSV, JSON, NDJSON, Parquet or an Arrow IPC stream.

Every format is written batch by batch, so a month of a whole market passes through in bounded memory.

How values are written in the text formats:

* Instants are ISO 8601 with their offset: `2024-01-01T05:00:00Z`, and `2024-01-01T00:00:00-05:00` in a local column.
* Floats are the shortest text that reads back as the same double (`30`, `-0.1`, `1e+21`).
* A null is an empty cell in CSV and `null` in JSON. JSON has no number for NaN and the infinities: `null` as well.
* A CSV *text* cell that a spreadsheet would take for a formula (its first character is `=`, `+`, `-`, `@`, a tab or a
  carriage return) gets a single quote in front, as OWASP advises against CSV injection: node `-FOO` is written `'-FOO`.
  Numbers are never touched: `-30.1` stays a number. The other formats carry every text as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}

_TEXT_ROWS = 65_536  # rows turned into text at a time; about 15 MB of CSV
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_CSV_SPECIAL = frozenset(',"\n\r')

Spell = Callable[[Any], str]


def render(fmt: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, tz: str | None = None) -> Iterator[bytes]:
    """Writes `batches`, all of `schema`, as one document of `fmt` (a key of MEDIA_TYPES), in chunks of bytes.

    With `tz` (an IANA name) every column `<name>_utc` of instants comes once more, after the others, as `<name>_local`.
    Raises ValueError for an unknown format, ZoneInfoNotFoundError for an unknown zone, and TypeError for a column whose
    type has no text form in CSV and JSON.
    """
    writer = _WRITERS.get(fmt)
    if writer is None:
        raise ValueError(f"format: {fmt!r} is not one of {', '.join(MEDIA_TYPES)}")
    if tz is None:
        return writer(schema, batches)
    local = _local_columns(schema, tz)
    wider = pa.schema([*schema, *(pa.field(name, kind) for name, (_, kind) in local.items())])
    return writer(wider, (_with_local(batch, wider, local) for batch in batches))


def with_local_times(table: pa.Table, tz: str | None) -> pa.Table:
    """The table with the local columns that `render` would add for `tz`."""
    for name, (of, kind) in (_local_columns(table.schema, tz) if tz else {}).items():
        table = table.append_column(name, table.column(of).cast(kind))
    return table


def arrow_stream(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, compression: str | None = None
) -> Generator[bytes, None, None]:
    """An Arrow IPC stream; `compression` is None, which every reader understands, `lz4` or `zstd`."""
    sink = _Sink()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


def guarded_cell(value: object) -> object:
    """A value for a CSV cell: a text that a spreadsheet would run as a formula gets a single quote in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


def _csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    yield (",".join(map(_csv_text, schema.names)) + "\n").encode()
    for batch in _short(batches):
        cells = [_texts(field, column, _csv_text, str) for field, column in zip(schema, batch.columns, strict=True)]
        lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
        yield _joined(lines, "\n", "")


def _ndjson(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    for batch in _short(batches):
        yield _joined(_json_objects(schema, batch), "\n", "")


def _json(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    comma = ",\n"
    started = False
    for batch in _short(batches):
        objects = _joined(comma, _json_objects(schema, batch), "")
        yield objects if started else b"[\n" + objects[len(comma) :]
        started = True
    yield b"\n]\n" if started else b"[]\n"


def _json_objects(schema: pa.Schema, batch: pa.RecordBatch) -> pa.Array:
    """One JSON object a row, as text."""
    pieces: list[Any] = []
    for field, column in zip(schema, batch.columns, strict=True):
        pieces.append(f"{',' if pieces else '{'}{_json_text(field.name)}:")
        pieces.append(pc.fill_null(_texts(field, _finite(column), _json_text, '"{}"'.format), "null"))
    return pc.binary_join_element_wise(*pieces, "}", "")


def _texts(field: pa.Field, column: pa.Array, spell_text: Spell, spell_time: Spell) -> pa.Array:
    """A column as text, null where its value is null."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _spelled(column, spell_text)
    if pa.types.is_timestamp(kind) and kind.tz == "UTC" and kind.unit == "s":
        # The commonest column by far: Arrow spells it whole, many times as fast as value by value.
        stamps = pc.replace_substring(column.cast(pa.string()), " ", "T")
        before, after = spell_time("|").split("|")
        return pc.binary_join_element_wise(before, stamps, after, "")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _spelled(column, lambda time: spell_time(_iso_text(time)))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    raise TypeError(f"column {field.name} is {field.type}, which has no text form: ask for parquet or arrow")


def _spelled(column: pa.Array, spell: Spell) -> pa.Array:
    """Spells each distinct value once, for a batch repeats its nodes and hours many times over."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = pa.array([None if value is None else spell(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return texts.take(encoded.indices)


def _csv_text(text: str) -> str:
    cell = str(guarded_cell(text))
    return '"' + cell.replace('"', '""') + '"' if _CSV_SPECIAL.intersection(cell) else cell


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _iso_text(time: datetime | date) -> str:
    text = time.isoformat()
    # Only UTC is written with Z: London's winter is +00:00, so that its column reads alike all year.
    in_utc = isinstance(time, datetime) and str(time.tzinfo) == "UTC"
    return text.removesuffix("+00:00") + "Z" if in_utc else text


def _finite(column: pa.Array) -> pa.Array:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


def _joined(*pieces: Any) -> bytes:
    """All rows' texts end to end. Pieces are arrays or constants without nulls, the last one the separator ''."""
    rows = pc.binary_join_element_wise(*pieces)
    _, offsets, text = rows.buffers()
    return bytes(memoryview(text)[: memoryview(offsets).cast("i")[len(rows)]])


def _short(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _TEXT_ROWS):
            yield batch.slice(start, _TEXT_ROWS)


def _local_columns(schema: pa.Schema, tz: str) -> dict[str, tuple[str, pa.DataType]]:
    """By name the column that each local one is made of, and its type."""
    return {
        f"{field.name.removesuffix('_utc')}_local": (field.name, pa.timestamp(field.type.unit, ZoneInfo(tz).key))
        for field in schema
        if field.name.endswith("_utc") and pa.types.is_timestamp(field.type)
    }


def _with_local(
    batch: pa.RecordBatch, schema: pa.Schema, local: Mapping[str, tuple[str, pa.DataType]]
) -> pa.RecordBatch:
    added = [batch.column(of).cast(kind) for of, kind in local.values()]
    return pa.RecordBatch.from_arrays([*batch.columns, *added], schema=schema)


class _Sink:
    """A file that only grows, for writers that want one; what was written so far can be taken away."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, piece: Any) -> int:
        data = bytes(piece)
        self._pieces.append(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing waits behind this file."""

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


_WRITERS: Mapping[str, Callable[[pa.Schema, Iterable[pa.RecordBatch]], Iterator[bytes]]] = {
    "csv": _csv,
    "json": _json,
    "ndjson": _ndjson,
    "parquet": _parquet,
    "arrow": arrow_stream,
}
