"""An attack is refused at once, with what it asked too much of, before anything is read."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from graphql import get_introspection_query, parse
from graphql.type import GraphQLObjectType, get_named_type, is_list_type, is_object_type

from api.graphql.limits import MAX_COST_ROWS, cost_rows
from api.graphql.schema import schema
from tests.api.graphql.conftest import Ask, data

QUICK_CPU_S = 2.0
DAY = 'start: "2026-01-30", end: "2026-01-31"'


def valuations(depth: int) -> str:
    inner = "name"
    for _ in range(depth):
        inner = f"valuations(first: 1) {{ edges {{ node {{ ppa {{ {inner} }} }} }} }}"
    return f"{{ ppas(first: 1) {{ edges {{ node {{ {inner} }} }} }} }}"


def doubling(count: int, leaf: str) -> str:
    """Each fragment spreads the next twice: 2 ** count leaves in some hundred bytes."""
    parts = [f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(count)]
    return "{ ...F0 } " + " ".join(parts) + f" fragment F{count} on Query {{ {leaf} }}"


def widening(count: int) -> str:
    """Each fragment asks the next of two objects: 2 ** count objects, all of them really answered."""
    parts = [
        f"fragment F{i} on PpaValuation {{ ppa {{ valuations(first: 2) {{ edges {{ node {{ ...F{i + 1} }} }} }} }} }}"
        for i in range(count)
    ]
    return (
        '{ ppaValuation(valuationId: "00000000-0000-0000-0000-000000000000") { ...F0 } } '
        + " ".join(parts)
        + f" fragment F{count} on PpaValuation {{ digest }}"
    )


def type_of_type(depth: int) -> str:
    inner = "name"
    for _ in range(depth):
        inner = f"fields {{ type {{ {inner} }} }}"
    return f"{{ __schema {{ types {{ {inner} }} }} }}"


ATTACKS: dict[str, tuple[str, str]] = {
    "deep": (valuations(6), "nests deeper than 15"),
    "braces": ("{" + "a{" * 900 + "b" + "}" * 901, "deep"),
    "deep inline fragments": ("{" + "... on Query {" * 100 + "__typename" + "}" * 101, "nests deeper than 15"),
    "aliases": ("{" + " ".join(f"a{i}: __typename" for i in range(31)) + "}", "31 aliases"),
    "aliases in fragments": (doubling(6, "a: __typename"), "aliases"),
    "fragments that double": (doubling(150, "a: __typename"), "aliases"),
    "objects that double": (widening(12), "deeper"),
    "a fragment in itself": ("{ ...F } fragment F on Query { ...F }", "contains itself"),
    "fragments in a circle": (
        "{ ...F } fragment F on Query { projections { name } ...G } fragment G on Query { ...F }", "contains itself",
    ),
    "a circle nobody spreads": (
        "{ __typename } fragment F on Query { ...G } fragment G on Query { ...F }", "contains itself",
    ),
    "tokens": ("{" + " projections { name }" * 900 + "}", "token"),
    "a name again and again": ("{" + " __typename" * 1500 + "}", "more than 50 times"),
    "an object again and again": ("{" + " projections{name}" * 400 + "}", "more than 50 times"),
    "an object again and again in fragments": (
        "{" + " ".join(f"...F{i}" for i in range(60)) + "}"
        + " ".join(f"fragment F{i} on Query {{ projections {{ name }} }}" for i in range(60)),
        "more than 50 times",
    ),
    "a long argument list": (
        f"{{ prices(where: {{iso: PJM, {DAY}, nodes: [{'1 ' * 1990}]}}) {{ edges {{ cursor }} }} }}", "token",
    ),
    "a page past all bounds": ("{ ppas(first: 2147483647) { edges { node { name } } } }", "2,147,483,647 rows"),
    "pages times pages": (
        "{ ppas(first: 1000) { edges { node { valuations(first: 1000) { edges { node { digest } } } } } } }",
        "1,001,000 rows",
    ),
    "points of everything": (
        "{ ppas { edges { node { valuations { edges { node { curve { points { rowCount } } } } } } } } }",
        "38,100 rows",
    ),
    "columns for centuries": (
        '{ priceSeries(where: {iso: PJM, nodes: ["a"], start: "1900-01-01", end: "2200-01-01"}) { rowCount } }', "rows",
    ),
    "types of fields of types": (type_of_type(6), "introspection depth"),
    "everything of every type": (
        "{" + " ".join(f"a{i}: __schema {{ types {{ fields {{ args {{ name }} }} }} }}" for i in range(10)) + "}",
        "rows",
    ),
    "many lineages": (
        "{" + " ".join(f'a{i}: lineage(id: "{i}") {{ id }}' for i in range(25)) + "}", "12,500 rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_quickly(sample: dict[str, str], ask: Ask, attack: str) -> None:
    query, named = ATTACKS[attack]
    started = time.process_time()  # not the clock: the machine may have other work
    answer = ask(query)
    assert time.process_time() - started < QUICK_CPU_S
    (error,) = answer["errors"]
    assert named in error["message"]
    assert error["extensions"]["code"] in ("LIMIT_EXCEEDED", "BAD_REQUEST")
    assert "data" not in answer


def test_variables_count_like_what_they_stand_for(sample: dict[str, str], ask: Ask) -> None:
    query = """query ($first: Int! = 20) { ppas(first: $first) { edges { node {
        valuations(first: $first) { edges { cursor } } } } } }"""
    assert ask(query)["extensions"] == {"costRows": 420}
    assert ask(query, first=30)["extensions"] == {"costRows": 930}
    assert "1,001,000 rows" in ask(query, first=1000)["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("{ projections { name } }", 20),
        ("{ ppas(first: 7) { pageInfo { endCursor } } }", 7),
        ("{ ppas(first: 5) { edges { node { valuations(first: 3) { edges { node { curve { hub } } } } } } } }", 35),
        ("{ ...F ...F } fragment F on Query { curves(first: 4) { edges { cursor } } }", 8),
        (f'{{ priceSeries(where: {{iso: PJM, nodes: ["a", "b"], market: RT5, {DAY}}}) {{ rowCount }} }}', 58),
        (f'{{ priceSeries(where: {{iso: PJM, nodes: ["a"], {DAY}}}) {{ rowCount }} }}', 44),
        ('query A { curves(first: 9) { edges { cursor } } } query B { curves(first: 2) { edges { cursor } } }', None),
    ],
)  # fmt: skip
def test_the_cost_is_the_rows_asked_for(query: str, rows: int | None) -> None:
    name = None if rows is not None else "B"
    assert cost_rows(schema._schema, parse(query), name, {}) == (2 if rows is None else rows)


def test_the_whole_schema_can_be_read_by_introspection(sample: dict[str, str], ask: Ask) -> None:
    answer = ask(get_introspection_query())
    assert data(answer)["__schema"]["types"]
    assert answer["extensions"]["costRows"] <= MAX_COST_ROWS


def test_every_list_of_objects_says_what_it_costs() -> None:
    bounded = {"Lineage", "QualityReport"}  # what holds these lists says it for them
    for kind in schema._schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType) or kind.name.startswith("__"):
            continue
        for name, field in kind.fields.items():
            named = get_named_type(field.type)
            many = is_list_type(getattr(field.type, "of_type", field.type)) or named.name.endswith("Connection")
            if not many or not is_object_type(named) or kind.name in bounded or kind.name.endswith("Connection"):
                continue
            declared = field.extensions["strawberry-definition"].metadata
            assert callable(declared.get("rows")), f"{kind.name}.{name}"


WHERE = f"iso: PJM, {DAY}"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("{ ppas(first: 0) { edges { cursor } } }", "first: 0 is not from 1 to 1000"),
        ("{ ppas(first: 1001) { edges { cursor } } }", "first: 1001"),
        ('{ ppas(after: "x") { edges { cursor } } }', "after: 'x' is no cursor"),
        ('{ ppas(after: "bm8=") { edges { cursor } } }', "is no cursor"),
        ("{ ppas(frist: 1) { edges { cursor } } }", "'frist' on field 'Query.ppas'. Did you mean 'first'"),
        ("{ ppas { edges { node { nmae } } } }", "Cannot query field 'nmae' on type 'Ppa'. Did you mean 'name'"),
        (f"{{ prices(where: {{{WHERE}, noeds: []}}) {{ edges {{ cursor }} }} }}", "noeds"),
        ("{ prices(where: {iso: PJMM}) { edges { cursor } } }", "PJMM"),
        (f"{{ priceSeries(where: {{{WHERE}}}) {{ rowCount }} }}", "priceSeries needs at least one"),
        ('{ prices(where: {iso: PJM, start: "soon", end: "2026"}) { edges { cursor } } }', "start: 'soon' is no time"),
        ('{ prices(where: {iso: PJM, start: "2026-02-01", end: "2026-01-31"}) { edges { cursor } } }', "is after"),
        (f'{{ prices(where: {{{WHERE}, tz: "Mars"}}) {{ edges {{ cursor }} }} }}', "tz: 'Mars'"),
        (f'{{ prices(where: {{{WHERE}, asOf: "999999"}}) {{ edges {{ cursor }} }} }}', "asOf: position 999999 is past"),
        (f'{{ prices(where: {{{WHERE}, asOf: "soon"}}) {{ edges {{ cursor }} }} }}', "asOf: 'soon' is no time"),
        ('{ node(id: "Q29udHJhY3Q6MQ==") { id } }', "no node of type 'Contract'"),
        ('{ node(id: "UHBhOjE=") { id } }', "id: '1' is no key"),
        ('{ node(id: "QXVkaXRFbnRyeTotMQ==") { id } }', "id: '-1' is no key"),
        ('{ node(id: "%%%") { id } }', "GlobalID"),
        ('{ ppa(ppaId: "x") { name } }', "UUID"),
        ('{ audit(where: {since: "x"}) { edges { cursor } } }', "since: 'x' is no time"),
        ('{ lineage(id: "a", position: 99999999999999999999) { id } }', "is no whole number of 64 bits"),
        ("mutation { a }", "only queries"),
        ("subscription { a }", "only queries"),
        ("query A { __typename } query B { __typename }", "several operations"),
        ("{", "Syntax Error"),
        ("fragment F on Query { __typename }", "operation"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong(sample: dict[str, str], ask: Ask, query: str, named: str) -> None:
    (error,) = ask(query)["errors"][:1]
    assert named in error["message"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert "went wrong" not in error["message"]


def test_too_many_nodes_are_named(sample: dict[str, str], ask: Ask) -> None:
    query = "query ($w: PriceWhere!) { prices(where: $w) { edges { cursor } } }"
    where = {"iso": "PJM", "start": "2026-01-30", "end": "2026-01-31", "nodes": [f"n{i}" for i in range(101)]}
    answer = ask(query, w=where)
    assert answer["data"] == {"prices": None}
    assert answer["errors"][0]["message"] == "nodes: 101 are more than 100"
    assert answer["errors"][0]["extensions"] == {
        "code": "BAD_REQUEST", "status": 400, "remedy": "Ask for them in parts.",
    }  # fmt: skip


def test_a_cursor_continues_only_its_own_list(sample: dict[str, str], ask: Ask) -> None:
    page: Callable[[str], str] = lambda field: f"{{ {field} {{ edges {{ cursor }} }} }}"  # noqa: E731
    cursor = data(ask(page("audit(first: 1)")))["audit"]["edges"][0]["cursor"]
    for other in (f'publications(after: "{cursor}")', f'audit(where: {{noun: "ppa"}}, after: "{cursor}")'):
        assert ask(page(other))["errors"][0]["message"] == "after: this cursor is of another list"
    assert data(ask(page(f'audit(after: "{cursor}")')))
