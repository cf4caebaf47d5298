"""What a document may ask for: tokens, depth, aliases, repetitions and rows, refused before anything is read.

Repetitions count because validation compares the fields of one name with each other, pair by pair.

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
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    parse,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter

MAX_TOKENS = 2000
MAX_DEPTH = 15
MAX_ALIASES = 30
MAX_REPEATS = 50
MAX_COST_ROWS = 10_000
COLUMN_ROWS_PER_ROW = 10
MAX_COLUMN_ROWS = MAX_COST_ROWS * COLUMN_ROWS_PER_ROW

# How much a list of the introspection holds, on the average of all types.
_INTROSPECTION_ROWS = {"types": 50, "fields": 9, "args": 2, "inputFields": 4, "enumValues": 3, "directives": 5,
                       "possibleTypes": 7, "interfaces": 1}  # fmt: skip


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
        document = parse(self.execution_context.query or "", max_tokens=MAX_TOKENS)
        _Shapes(document).check()
        # Without a name the library takes the first of several operations.
        _operation(document, self.execution_context._provided_operation_name)
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
        self._names: Counter[str] = Counter()

    def check(self) -> None:
        """Raises LimitExceeded."""
        for definition in self._document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                self._measure(definition.selection_set)
        for name in self._fragments:
            self._fragment(name)

    def _measure(self, selected: SelectionSetNode | None, level: int = 0) -> _Shape:
        if selected is None:
            return _Shape()
        if level > MAX_DEPTH:
            raise LimitExceeded(f"this nests deeper than {MAX_DEPTH} levels")
        self._names.update(_response_name(s) for s in selected.selections if not isinstance(s, InlineFragmentNode))
        for name, times in self._names.most_common(1):
            if times > MAX_REPEATS:
                raise LimitExceeded(f"{name} is selected more than {MAX_REPEATS} times")
        depth = aliases = 0
        for selection in selected.selections:
            inner = self._selection(selection, level)
            depth, aliases = max(depth, inner.depth), aliases + inner.aliases
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"this nests deeper than {MAX_DEPTH} levels")
        if aliases > MAX_ALIASES:
            raise LimitExceeded(f"this has {aliases:,} aliases, more than {MAX_ALIASES}")
        return _Shape(depth, aliases)

    def _selection(self, selection: SelectionNode, level: int) -> _Shape:
        if isinstance(selection, FieldNode):
            inner = self._measure(selection.selection_set, level + 1)
            return _Shape(inner.depth + 1, inner.aliases + (selection.alias is not None))
        if isinstance(selection, InlineFragmentNode):
            return self._measure(selection.selection_set, level + 1)
        assert isinstance(selection, FragmentSpreadNode)
        return self._fragment(selection.name.value)

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
        if not found:
            raise GraphQLError(f"operationName: the document has no operation {name[:100]!r}")
    if len(found) != 1:
        count = "several operations" if found else "no operation"
        raise GraphQLError(f"the document has {count}: name the one that is meant in operationName")
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
        definition = self._schema.get_field(parent, name)
        assert definition is not None
        kind = get_named_type(definition.type)
        inner = self.of(node.selection_set, kind)  # type: ignore[arg-type]
        rows = _INTROSPECTION_ROWS.get(name) if parent.name.startswith("__") else self._rows(definition, node)
        return inner if rows is None else rows * (1 + inner)

    def _rows(self, definition: GraphQLField, node: FieldNode) -> int | None:
        """What the field's metadata say of these arguments; None where it only leads to another field."""
        declared = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        count = declared.metadata.get("rows") if declared is not None else None
        return None if count is None else max(0, count(get_argument_values(definition, node, self._values)))

    def _condition(self, named: Any) -> GraphQLCompositeType | None:
        return None if named is None else self._schema.type_map[named.name.value]  # type: ignore[return-value]


def _response_name(selection: Any) -> str:
    alias = selection.alias if isinstance(selection, FieldNode) else None
    return str((alias or selection.name).value)


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
