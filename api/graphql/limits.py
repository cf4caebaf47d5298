"""What a document may ask for: tokens, depth, aliases, repetitions and rows, refused before anything is read.

The library's own limiters walk every spread of a fragment anew, which takes time exponential in the number of nested
fragments. Here each fragment is measured once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    parse,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from graphql.type.introspection import SchemaMetaFieldDef, TypeMetaFieldDef
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter

MAX_BODY_BYTES = 128 * 1024
MAX_TOKENS = 2000
MAX_DEPTH = 15
MAX_ALIASES = 30
MAX_REPEATS = 20
MAX_COST_ROWS = 10_000
COLUMN_ROWS_PER_ROW = 10
MAX_COLUMN_ROWS = MAX_COST_ROWS * COLUMN_ROWS_PER_ROW

# What a list of the introspection holds at most, so that asking for types of fields of types … is refused like rows.
_INTROSPECTION_ROWS = {"types": 80, "fields": 20, "args": 5, "inputFields": 10, "enumValues": 5, "directives": 5,
                       "possibleTypes": 8, "interfaces": 2}  # fmt: skip


def column_cost(rows: int) -> int:
    """What columns of so many rows cost: a row of columns is a tenth of a row of objects."""
    return ceil(rows / COLUMN_ROWS_PER_ROW)


class LimitExceeded(GraphQLError):
    """A document that asks for too much."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "LIMIT_EXCEEDED"})


class Limits(SchemaExtension):
    """Parses within the limits, and computes the cost before execution; the answer's `extensions` tell it."""

    _cost_rows: int | None = None

    def on_parse(self) -> Iterator[None]:
        document = parse_within_limits(self.execution_context.query or "")
        _Shapes(document).check()
        self.execution_context.graphql_document = document
        yield

    def on_execute(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        assert document is not None
        self._cost_rows = cost_rows(context.schema._schema, document, context.operation_name, context.variables)
        if self._cost_rows > MAX_COST_ROWS:
            raise LimitExceeded(
                f"this could answer {self._cost_rows:,} rows, more than {MAX_COST_ROWS:,}:"
                " ask for smaller pages (`first`), fewer nodes or a shorter time"
            )
        yield

    def get_results(self) -> dict[str, Any]:
        return {} if self._cost_rows is None else {"costRows": self._cost_rows}


def parse_within_limits(query: str) -> DocumentNode:
    """Raises GraphQLError for what is no GraphQL, too long, or nested deeper than the parser can follow."""
    return parse(query, max_tokens=MAX_TOKENS)


@dataclass(frozen=True)
class _Shape:
    depth: int = 0
    aliases: int = 0


class _Shapes:
    """Measures a document's text, each fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._fragments = _fragments(document)
        self._known: dict[str, _Shape | None] = {}

    def check(self) -> None:
        """Raises LimitExceeded."""
        for definition in self._document.definitions:
            if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
                self._measure(definition.selection_set)

    def _measure(self, selected: SelectionSetNode | None, level: int = 0) -> _Shape:
        if selected is None:
            return _Shape()
        if level > MAX_DEPTH:
            raise LimitExceeded(f"this nests deeper than {MAX_DEPTH} levels")
        names = Counter(_response_name(s) for s in selected.selections if not isinstance(s, InlineFragmentNode))
        if names and max(names.values()) > MAX_REPEATS:
            raise LimitExceeded(f"{names.most_common(1)[0][0]} is selected more than {MAX_REPEATS} times in one place")
        depth = aliases = 0
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                inner = self._measure(selection.selection_set, level + 1)
                inner = _Shape(inner.depth + 1, inner.aliases + (selection.alias is not None))
            elif isinstance(selection, InlineFragmentNode):
                inner = self._measure(selection.selection_set, level + 1)
            else:
                inner = self._fragment(selection.name.value)  # type: ignore[attr-defined]
            depth, aliases = max(depth, inner.depth), aliases + inner.aliases
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"this nests deeper than {MAX_DEPTH} levels")
        if aliases > MAX_ALIASES:
            raise LimitExceeded(f"this has {aliases:,} aliases, more than {MAX_ALIASES}")
        return _Shape(depth, aliases)

    def _fragment(self, name: str) -> _Shape:
        if name not in self._fragments:
            return _Shape()  # validation will name it
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self._measure(self._fragments[name].selection_set)
        known = self._known[name]
        if known is None:
            raise LimitExceeded(f"fragment {name} contains itself")
        return known


def cost_rows(
    schema: GraphQLSchema, document: DocumentNode, operation_name: str | None, variables: Mapping[str, Any] | None
) -> int:
    """The rows that a valid document can answer at most: of each list those asked for, times those of what holds it."""
    operation = _operation(document, operation_name)
    values = get_variable_values(schema, operation.variable_definitions or (), dict(variables or {}))
    if not isinstance(values, VariableValues) or schema.query_type is None:
        return 0  # the execution will say what is wrong with the variables
    return _Costs(schema, _fragments(document), values).of(operation.selection_set, schema.query_type)


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    found = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    if name is not None:
        found = [operation for operation in found if operation.name is not None and operation.name.value == name]
    if len(found) != 1:
        raise GraphQLError("the document has several operations: name the one that is meant in operationName")
    return found[0]


class _Costs:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], values: VariableValues
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._values = values
        self._known: dict[str, int] = {}

    def of(self, selected: SelectionSetNode | None, parent: GraphQLCompositeType) -> int:
        if selected is None:
            return 0
        return sum(self._selection(selection, parent) for selection in selected.selections)

    def _selection(self, selection: Any, parent: GraphQLCompositeType) -> int:
        if isinstance(selection, FieldNode):
            return self._field(selection, parent)
        if isinstance(selection, InlineFragmentNode):
            return self.of(selection.selection_set, self._condition(selection.type_condition) or parent)
        name = selection.name.value
        if name not in self._known:
            fragment = self._fragments[name]
            self._known[name] = self.of(fragment.selection_set, self._condition(fragment.type_condition) or parent)
        return self._known[name]

    def _field(self, node: FieldNode, parent: GraphQLCompositeType) -> int:
        if node.selection_set is None:
            return 0
        name = node.name.value
        if name == "__schema":
            definition = SchemaMetaFieldDef
        elif name == "__type":
            definition = TypeMetaFieldDef
        else:
            assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
            definition = parent.fields[name]
        kind = get_named_type(definition.type)
        inner = self.of(node.selection_set, kind)  # type: ignore[arg-type]
        if parent.name.startswith("__"):
            rows = _INTROSPECTION_ROWS.get(name, 1)
        else:
            field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            count = field.metadata.get("rows") if field is not None else None
            if count is None:
                return inner
            rows = max(0, count(get_argument_values(definition, node, self._values)))
        return rows * (1 + inner)

    def _condition(self, named: Any) -> GraphQLCompositeType | None:
        return None if named is None else self._schema.type_map[named.name.value]  # type: ignore[return-value]


def _response_name(selection: Any) -> str:
    alias = selection.alias if isinstance(selection, FieldNode) else None
    return str((alias or selection.name).value)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
