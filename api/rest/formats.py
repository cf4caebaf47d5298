"""JSON, NDJSON, CSV, Parquet or an Arrow stream: which one a caller wants, and rows of a list written as it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa
from fastapi import Request
from pydantic_core import to_json

from api.problems import Problem
from infra.tabular import MEDIA_TYPES, render
from queries.relational import Row

Format = Literal["json", "ndjson", "csv", "parquet", "arrow"]

_BY_TYPE: dict[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
    "*/*": "json",
    "application/*": "json",
    "text/*": "csv",
    "": "json",
}


def chosen_format(request: Request, format: Format | None) -> Format:
    """`format` where it was given, else what `Accept` prefers. Raises Problem where none of that is served."""
    if format is not None:
        return format
    wanted = request.headers.get("accept", "*/*")
    if (found := format_of(wanted)) is not None:
        return found
    served = ", ".join(media_type.split(";")[0] for media_type in MEDIA_TYPES.values())
    raise Problem(406, f"no format of {wanted!r} is served", remedy=f"Accept one of {served}.")


def format_of(accept: str) -> Format | None:
    """The format that an Accept header prefers among those that are served."""
    return next((_BY_TYPE[kind] for kind in _by_preference(accept) if kind in _BY_TYPE), None)


def _by_preference(accept: str) -> list[str]:
    """The media types of an Accept header, the most wanted first; those with q=0 are not wanted."""
    ranked: list[tuple[float, str]] = []
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    weight = float(parameter[2:])
                except ValueError:
                    weight = 0.0
        if weight > 0:
            ranked.append((-weight, media_type))
    return [media_type for _, media_type in sorted(ranked, key=lambda ranking: ranking[0])]


def json_bytes(value: Any) -> bytes:
    """JSON as the API writes it: times in UTC with Z, NaN and the infinities null."""
    return to_json(value, inf_nan_mode="null")


def written(format: Format, schema: pa.Schema, pages: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """All rows of `pages` as one document. Nested values are objects in NDJSON and JSON text in the tables."""
    if format == "ndjson":
        return (b"".join(json_bytes(row) + b"\n" for row in page) for page in pages)
    flat = pa.schema([pa.field(f.name, pa.string() if is_nested(f) else f.type) for f in schema])
    return render(format, flat, (_batch(flat, page) for page in pages))


def is_nested(field: pa.Field) -> bool:
    """Columns of objects and lists are declared as JSON."""
    return isinstance(field.type, pa.JsonType)


def _batch(schema: pa.Schema, rows: Sequence[Row]) -> pa.RecordBatch:
    columns = [
        pa.array([_text(row[f.name]) if pa.types.is_string(f.type) else row[f.name] for row in rows], f.type)
        for f in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json_bytes(value).decode() if isinstance(value, dict | list) else str(value)
