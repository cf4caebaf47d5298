"""Parsers and read models agree on every dataset's columns, though neither room knows the other."""

from __future__ import annotations

from integrations.isos.series import DATASETS as PARSED
from read_models.series import DATASETS as STORED


def test_every_dataset_has_the_same_columns_on_both_sides() -> None:
    assert list(PARSED) == list(STORED)
    for name, schema in PARSED.items():
        assert schema == STORED[name].rows_schema, name
