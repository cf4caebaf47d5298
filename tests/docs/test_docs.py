"""The documentation names files, functions, verbs and options that are really there."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main

from api.cli.main import app
from integrations.isos.caiso import lmps as caiso
from integrations.isos.miso import lmps as miso

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
# `name` in [path](../path.py), and `name` ([path](../path.py))
NAME_WITH_FILE = re.compile(r"`([\w.]+)`\s+(?:in\s+|\()\[[^\]]+\]\(\.\./([^)#]+\.py)\)")
VERB = re.compile(r"\bcarbon254((?: [a-z][a-z-]*){1,3})([^\n|`;)]*)")
MACHINE_PATHS = re.compile(r"/work/|/tmp/|/root/|/home/\w+/")


@cache
def program() -> Any:
    return typer.main.get_command(app)


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_relative_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(FENCE.sub("", page.read_text())) if "://" not in target]
    for target in targets:
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{target}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_each_row_of_a_table_is_below_a_header(page: Path) -> None:
    """A line that is blank ends a table, and what follows would be shown as it is written."""
    lines = FENCE.sub("", page.read_text()).splitlines()
    for before, line, after in zip(["", *lines], lines, [*lines[1:], ""], strict=False):
        if line.startswith("|") and not before.startswith("|"):
            assert re.fullmatch(r"[|: -]+", after), f"no header stands above {line[:60]}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_verbs_and_options_exist(page: Path) -> None:
    text = page.read_text().replace("\\\n", " ")
    for found in VERB.finditer(text):
        words, rest = found[1].split(), found[2]
        command = program()
        while words and (children := getattr(command, "commands", None)):
            assert words[0] in children, f"{found[0]!r}: there is no verb {words[0]}"
            command = children[words.pop(0)]
        unknown = set(re.findall(r"(?<=\s)--[a-z-]+", rest)) - options(command)
        assert not unknown, f"{found[0]!r} has no option {', '.join(unknown)}"


def options(command: Any) -> set[str]:
    return {"--help"} | {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_every_verb_is_documented() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    for verb in verbs(program(), "carbon254"):
        assert re.search(rf"\b{verb}\b", text), f"`{verb}` is mentioned nowhere"


def test_every_verb_that_answers_takes_json() -> None:
    """But for those that docs/how-do-i.md names at its beginning."""
    without = {"serve", "projector", "worker", "login", "logout", "audit seals export"}
    found = {verb for verb in verbs(program(), "") if "--json" not in options(verb_of(verb))}
    assert {verb.strip() for verb in found} == without
    beginning = (ROOT / "docs" / "how-do-i.md").read_text().partition("##")[0]
    assert [verb for verb in without if f"`{verb}`" not in beginning] == []


def verb_of(path: str) -> Any:
    command = program()
    for word in path.split():
        command = command.commands[word]
    return command


def verbs(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path
    for name, child in (children or {}).items():
        yield from verbs(child, f"{path} {name}")


def test_the_tour_names_what_is_in_the_files() -> None:
    tour = (ROOT / "docs" / "tour.md").read_text()
    pairs = NAME_WITH_FILE.findall(tour)
    assert len(pairs) > 30
    for name, file in pairs:
        assert name in defined_names(ROOT / file), f"{file} has no {name}"


def test_the_tour_names_nothing_that_is_not_in_the_code() -> None:
    tour = FENCE.sub("", (ROOT / "docs" / "tour.md").read_text())
    everywhere = "\n".join(file.read_text() for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    everywhere += (ROOT / "Makefile").read_text()
    names = {span for span in CODE_SPAN.findall(tour) if re.fullmatch(r"\w[\w.-]*", span)}
    for name in names:
        parts = [name] if name in everywhere else name.split(".")
        assert all(re.search(rf"\b{re.escape(part)}\b", everywhere) for part in parts), f"{name} is not in the code"


@cache
def defined_names(file: Path) -> frozenset[str]:
    """Functions, classes and assigned names of a module, and `Class.name` for what a class holds."""
    return frozenset(_defined(ast.parse(file.read_text()).body, ""))


def _defined(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from _defined(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_pages_are_free_of_machine_paths(page: Path) -> None:
    assert not MACHINE_PATHS.search(page.read_text())


def test_the_picture_is_a_picture_and_names_no_machine() -> None:
    svg = (ROOT / "docs" / "images" / "main-job.svg").read_text()
    assert svg.startswith("<svg")
    assert "@font-face" not in svg
    assert not MACHINE_PATHS.search(svg)


def test_each_decision_has_its_three_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    for page in decisions:
        text = page.read_text()
        for part in ("**Context.**", "**Decision", "**Consequences.**"):
            assert part in text, f"{page.name} lacks {part}"


def test_every_dependency_says_why_it_is_here() -> None:
    project = PYPROJECT["project"]
    explained = (ROOT / "docs" / "decisions" / "0007-dependencies.md").read_text().split("| why |", 1)[1]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[\[=<>!~ ]", requirement)[0]
        assert re.search(rf"^\|.*\b{re.escape(name)}\b.*\|.*\|$", explained, re.MULTILINE), name


def test_every_feed_is_listed() -> None:
    listed = set(re.findall(r"^\| [A-Z]+ \|.*?\| `(\w+)` \|", (ROOT / "docs" / "feeds.md").read_text(), re.MULTILINE))
    read = {*miso.MARKETS, *(run.feed for run in caiso.RUNS.values()), "da_hrl_lmps", "rt_hrl_lmps"}
    assert listed == read | {"dam_spp", "rtm_spp", "sced_lmp"}
