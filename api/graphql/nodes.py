"""Global ids: what types that are a `Node` share, and `node(id:)`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar, Self
from uuid import UUID

from strawberry import relay

from api.graphql.context import Context
from api.problems import Problem
from commands.permissions import Permission
from queries.relational import Row


class Noun(relay.Node):
    """A type whose objects are found by a key of their own, and by the global id made of it.

    `as_of` is the position at which the object was asked for, None for now: what it leads to is read as of it too.
    """

    KEY: ClassVar[str]
    LOADER: ClassVar[str]
    NEEDS: ClassVar[Permission] = Permission.READ_RESULTS

    as_of: int | None = None

    @classmethod
    def resolve_id_attr(cls) -> str:
        return cls.KEY

    @classmethod
    def key_of(cls, text: str) -> Any:
        """The key that a global id holds; raises ValueError for another text."""
        return UUID(text)

    @classmethod
    def of(cls, row: Row, as_of: int | None = None) -> Self:
        """The object of a read model's row, which names the key `id`."""
        known = {field.name: row[field.name] for field in fields(cls) if field.init and field.name in row}
        made = cls(**{cls.KEY: row.get("id"), **known})
        made.as_of = as_of
        return made

    @classmethod
    async def find(cls, context: Context, key: Any, as_of: int | None = None) -> Self | None:
        row = await getattr(context.load(as_of), cls.LOADER).load(key)
        return None if row is None else cls.of(row, as_of)


async def find_node(
    context: Context, wanted: relay.GlobalID, kinds: dict[str, type[Noun]], as_of: str | None
) -> Noun | None:
    """The object behind a global id, None where the tenant has none or had none at `as_of`.

    Raises Problem for what is no global id, and for what is no time or position.
    """
    kind = kinds.get(wanted.type_name)
    if kind is None:
        raise Problem(
            400, f"id: there is no node of type {wanted.type_name[:50]!r}", remedy=f"Types: {', '.join(kinds)}."
        )
    try:
        key = kind.key_of(wanted.node_id)
    except ValueError as error:
        raise Problem(400, f"id: {wanted.node_id[:50]!r} is no key", remedy="Give the `id` of an answer.") from error
    context.access.demand("node", kind.NEEDS)
    return await kind.find(context, key, context.position_as_of(as_of))
