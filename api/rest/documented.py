"""What routes tell the OpenAPI document of their answers, from the same schemas that the answers are written by."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from fastapi import Response

from api.rest.formats import is_nested
from infra.tabular import MEDIA_TYPES

Schema = dict[str, Any]

NOT_MODIFIED: dict[int | str, Schema] = {304: {"description": "The caller has these bytes already (`If-None-Match`)."}}
_LINK = {"Link": {"description": 'the next page: `<…>; rel="next"`', "schema": {"type": "string"}}}
_ETAG = {"ETag": {"description": "on answers that never change", "schema": {"type": "string"}}}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_TEXT = {"schema": {"type": "string"}}


def listed(schema: pa.Schema) -> dict[str, Any]:
    """Of a list of rows of `schema`: the keywords for its route."""
    page = {
        "type": "object",
        "required": ["items", "next_cursor"],
        "properties": {
            "items": {"type": "array", "items": row_schema(schema)},
            "next_cursor": {"type": ["string", "null"], "description": "null on the last page"},
        },
    }
    return _answers(tables({"schema": page}), "A page of rows; or all of them, as a table.", _ETAG | _LINK)


def one(schema: pa.Schema, **further: Schema) -> dict[str, Any]:
    """Of one thing with at least the columns of `schema` and the `further` fields."""
    row = row_schema(schema)
    row["properties"] |= further
    row["required"] = list(row["properties"])
    return _answers({MEDIA_TYPES["json"]: {"schema": row}}, "The thing asked for.", _ETAG)


def unlisted(description: str, *fields: str) -> dict[int | str, Schema]:
    """Of one thing that is in no list: its answers, with the fields it has."""
    shape = {"type": "object", "required": list(fields), "properties": {field: {} for field in fields}}
    content = {MEDIA_TYPES["json"]: {"schema": shape}}
    return {200: {"description": description, "headers": _ETAG, "content": content}, **NOT_MODIFIED}


STALENESS = unlisted("What has changed since.", "stale")


def tables(json: Schema) -> Schema:
    """The contents in all formats; `json` is what differs."""
    return {
        "application/json": json,
        "application/x-ndjson": _TEXT,
        "text/csv": _TEXT,
        "application/vnd.apache.parquet": _BYTES,
        "application/vnd.apache.arrow.stream": _BYTES,
    }


def _answers(content: Schema, description: str, headers: Schema) -> dict[str, Any]:
    answers: dict[int | str, Schema] = {200: {"description": description, "headers": headers, "content": content}}
    return {"response_class": Response, "responses": answers | NOT_MODIFIED}


def row_schema(schema: pa.Schema) -> Schema:
    """An object with the columns of a table."""
    return {
        "type": "object",
        "required": schema.names,
        "properties": {field.name: _field_schema(field) for field in schema},
    }


def array_of(schema: pa.Schema) -> Schema:
    return {"type": "array", "items": row_schema(schema)}


def _field_schema(field: pa.Field) -> Schema:
    if is_nested(field):
        return {"type": ["object", "array", *(["null"] if field.nullable else [])]}
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    described: Schema = {"type": "string"}
    if pa.types.is_timestamp(kind):
        described = {"type": "string", "format": "date-time"}
    elif pa.types.is_date(kind):
        described = {"type": "string", "format": "date"}
    elif pa.types.is_integer(kind):
        described = {"type": "integer"}
    elif pa.types.is_floating(kind):
        described = {"type": "number"}
    elif pa.types.is_boolean(kind):
        described = {"type": "boolean"}
    return described | ({"type": [described["type"], "null"]} if field.nullable else {})
