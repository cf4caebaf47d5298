"""Text of files and users is shown as it is: no markup, nothing that a terminal obeys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.cli import main, output
from api.cli.connection import Connection
from api.cli.ingest import Report, _show, ingest_paths
from api.cli.lineage import lineage_tree
from api.cli.sample import sample
from tests.e2e.market_files import write_miso

HOSTILE = "[/b] [red]x[/red] :smile: \x1b[2J\x00 a\nb \x9b31m \udcff [/"
SHOWN = "[/b] [red]x[/red] :smile: \\x1b[2J\\x00 a\\nb \\x9b31m \\udcff [/"


def test_cells_and_column_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_rows([{HOSTILE: HOSTILE}, {HOSTILE: [HOSTILE]}], (HOSTILE,), as_json=False, empty="")
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == [SHOWN] * 3


def test_messages_are_no_markup_but_keep_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    main._say(f"{HOSTILE}", f"{HOSTILE}")
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert said == f"Error: {SHOWN.replace(chr(92) + 'n', chr(10))}.\n{SHOWN.replace(chr(92) + 'n', chr(10))}\n"


def test_json_of_a_lone_surrogate_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_json({"name": "é \udcff"})
    assert capsys.readouterr().out == '{\n  "name": "é \\udcff"\n}\n'


def test_the_report_of_a_quarantined_cell_shows_the_cell(
    api: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_miso(tmp_path, "rt_lmp_final", {"MINN.HUB": ["[/b]", *[30] * 23]})
    report = ingest_paths(api, [tmp_path])
    assert "[/b]" in report.quarantined[0]["reason"]
    _show(report)
    assert "[/b]" in capsys.readouterr().err


def test_a_report_shows_file_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(skipped=[{"file": HOSTILE, "reason": HOSTILE}])
    report.quarantine(HOSTILE, HOSTILE, 1, HOSTILE)
    _show(report)
    assert capsys.readouterr().err.count(SHOWN) == 5


def test_the_lineage_tree_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    node: dict[str, Any] = {"id": str(uuid4()), "position": 0, "kind": "[/b]", "label": HOSTILE, "details": {}}
    graph = {"id": node["id"], "position": 0, "direction": "upstream", "nodes": [node], "edges": []}
    output.out.print(lineage_tree(graph))
    assert SHOWN in capsys.readouterr().out


def test_sample_prints_its_paths_as_text_or_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample(tmp_path / "[b]plain", as_json=False)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(str(tmp_path / "[b]plain" / "prices"))
    sample(tmp_path / "json", as_json=True)
    told = json.loads(capsys.readouterr().out)
    files = [told[name] for name in ("instrument_file", "quotes_file", "scenario_file", "ppa_file")]
    assert len(told["price_files"]) > 4
    assert all(Path(file).is_file() for file in [*files, *told["price_files"]])
    assert printed[1:] == [file.replace("/json/", "/[b]plain/") for file in files]
