"""One operation of GraphQL, as it is sent."""

from __future__ import annotations

from typing import Any

import msgspec


class Operation(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body: a document, its variables, and which of its operations is meant."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None
