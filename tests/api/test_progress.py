"""Answers line by line: what goes wrong on the way is the last line, and the log knows more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from api.rest.progress import Report, reporting
from infra.errors import PlatformError


def lines_of(error: Exception) -> list[dict[str, Any]]:
    def work(report: Report) -> dict[str, Any]:
        report("prices")(1, 2)
        raise error

    async def read() -> list[dict[str, Any]]:
        return [json.loads(str(line)) async for line in reporting(work).body_iterator]

    return asyncio.run(read())


def test_a_failure_that_can_be_mended_says_how() -> None:
    first, last = lines_of(PlatformError("The disk is full.", "Make room."))
    assert first == {"name": "prices", "position": 1, "of": 2}
    assert last == {"problem": "The disk is full.", "remedy": "Make room."}


def test_a_fault_of_ours_is_in_the_log_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    *_, last = lines_of(KeyError("column"))
    assert "log" in last["remedy"]
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError
