"""Each promise of docs/guarantees.md says what it does not cover, and names tests that are there."""

from __future__ import annotations

import re

from tests.docs.test_docs import ROOT

ROW = re.compile(r"^\| (?!promise)[A-Z`].*\|$", re.MULTILINE)
LINK = re.compile(r"\]\(\.\./(tests/[^)]*)\)")


def test_every_promise_has_its_limits_and_tests_that_are_there() -> None:
    rows = ROW.findall((ROOT / "docs" / "guarantees.md").read_text())
    assert len(rows) >= 25
    for row in rows:
        promise, mechanism, limits, shown_by = (cell.strip() for cell in row.strip("|").split(" | "))
        assert promise, row
        assert mechanism, row
        assert limits, row
        files = LINK.findall(shown_by)
        assert files, row
        for file in files:
            assert (ROOT / file).exists(), file
