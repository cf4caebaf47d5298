"""Each item of docs/security.md names a test that is there."""

from __future__ import annotations

import re

from tests.docs.test_docs import NAME_WITH_FILE, ROOT, defined_names

ROW = re.compile(r"^\| [0-9].*\|$", re.MULTILINE)


def test_every_item_has_a_test_that_is_there() -> None:
    rows = ROW.findall((ROOT / "docs" / "security.md").read_text())
    assert len(rows) > 20
    for row in rows:
        ((name, file),) = NAME_WITH_FILE.findall(row.replace("\\|", ""))
        assert name.startswith("test_"), row
        assert name in defined_names(ROOT / file), f"{file} has no {name}"
