"""Every message made from files fits its schema, and all messages of a file hold its very rows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pyarrow as pa
import pytest

from infra.broker import Record
from infra.topics import TOPICS
from integrations.isos.catalogue import parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.series import series_rows
from integrations.isos.simulator import write_sample
from integrations.isos.ticks import ParsedPublication
from projections import topic_messages
from projections.published import Published
from projections.topic_messages import DATASETS, publication_records

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


@cache
def schema(topic: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{topic}.json").read_text()), validate_formats=True)


def published(dataset: str, rows: pa.Table, **changes: Any) -> Published:
    facts = Published(
        7, "p", False, dataset, "PJM", "DA", "f", "final", rows.num_rows, 0, "", NOW, NOW, None, NOW, 7
    )  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(facts) | changes, Published)


def of_parsed(parsed: ParsedPublication) -> Published:
    return published(
        parsed.dataset, parsed.rows, iso=parsed.iso, market=parsed.market, feed=parsed.feed, vintage=parsed.vintage,
        published_at=parsed.published_at,
    )  # fmt: skip


def check(records: list[Record], topic: str, rows: pa.Table) -> None:
    """Each message fits the schema, knows its part, and together they are the rows to the last bit."""
    messages = []
    for part, record in enumerate(records, start=1):
        schema(topic).validate(json.loads(record.value))
        message: Any = msgspec.json.decode(record.value, type=TOPICS[topic])
        assert (message.part, message.of, message.topic) == (part, len(records), topic)
        assert record.headers["message-id"] == f"{message.log_position}/{part}"
        assert (record.headers["schema"], record.headers["schema-version"]) == (topic, str(message.schema_version))
        assert len(record.value) <= topic_messages.MOST_BYTES
        messages.append(message)
    for name in rows.column_names:
        parts = [getattr(message.columns, name) for message in messages]
        found = [cell for part in parts for cell in part] if parts[0] is not None else [None] * rows.num_rows
        column = rows[name].combine_chunks()
        plain = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
        assert pa.array(found, plain.type).equals(plain), name


def told(parsed: Iterable[ParsedPublication]) -> int:
    """Checks all that have a topic, and says how many messages they make."""
    count = 0
    for publication in parsed:
        if publication.dataset in DATASETS:
            records = publication_records(of_parsed(publication), publication.rows)
            check(records, DATASETS[publication.dataset], publication.rows)
            count += len(records)
    return count


def read(file: Path) -> list[ParsedPublication]:
    found = []
    for payload in survey(file.name, file.read_bytes(), named=True).payloads:
        try:
            found.append(parse(payload))
        except UnreadablePublication:
            continue  # whether they should be read is for the tests of the parsers
    return found


def test_messages_of_simulated_files(tmp_path: Path) -> None:
    write_sample(tmp_path, day=date(2026, 6, 15), seed=7)
    files = [
        file for file in tmp_path.rglob("*") if file.is_file() and file.suffix in (".csv", ".zip", ".json", ".xml")
    ]
    parsed = [publication for file in files for publication in read(file)]
    assert {p.iso for p in parsed} == {"MISO", "CAISO", "PJM", "ERCOT"}
    assert told(parsed) >= len(parsed)


@pytest.mark.shared
@pytest.mark.parametrize("iso", ["miso", "caiso", "pjm", "ercot"])
def test_messages_of_real_files(shared_data: Path, iso: str) -> None:
    """The smallest file of every folder, so that each format is among them."""
    smallest: dict[Path, Path] = {}
    for file in sorted((shared_data / "iso" / iso).rglob("*"), key=lambda f: f.stat().st_size):
        if file.is_file():
            smallest.setdefault(file.parent, file)
    assert told(publication for file in smallest.values() for publication in read(file)) > 0


@pytest.mark.parametrize(
    ("dataset", "columns"),
    [
        ("capacity", {"auction": ["2026/27 BRA"], "area": ["RTO"], "product": ["CP"], "price_usd_per_mw_day": [0.7]}),
        ("ordc", {"adder": ["RTORPA"], "price_usd_per_mwh": [0.1 + 0.2], "reserve_mw": [5_000.25]}),
        ("fundamentals", {
            "series": ["load_forecast"], "area": [""], "category": ["a"], "unit": ["MW"], "value": [1e-300],
            "issued_at": [NOW],
        }),
    ],
)  # fmt: skip
def test_messages_of_each_dataset(dataset: str, columns: dict[str, list[Any]]) -> None:
    times = {
        "interval_start_utc": [NOW.replace(microsecond=0)],
        "interval_end_utc": [NOW.replace(microsecond=0) + HOUR],
    }
    rows = series_rows(dataset, columns | times)
    check(publication_records(published(dataset, rows), rows), DATASETS[dataset], rows)


def test_a_forecast_may_be_without_the_time_at_which_it_was_made() -> None:
    start = NOW.replace(microsecond=0)
    rows = series_rows(
        "fundamentals",
        {
            "series": ["wind_forecast", "load"], "unit": ["MW", "MW"], "value": [1.0, -0.0], "issued_at": [NOW, None],
            "interval_start_utc": [start, start], "interval_end_utc": [start + HOUR, start + HOUR],
        },
    )  # fmt: skip
    (record,) = publication_records(published("fundamentals", rows), rows)
    check([record], "fundamentals.series.v1", rows)
    assert json.loads(record.value)["columns"]["issued_at"] == ["2026-03-01T12:00:00.250000Z", None]


def test_a_large_publication_is_cut_by_rows_and_by_bytes() -> None:
    count = 2 * topic_messages.MOST_ROWS + 1
    start = NOW.replace(microsecond=0)
    times = {"interval_start_utc": [start] * count, "interval_end_utc": [start + HOUR] * count}
    narrow = {"series": [f"s{n}" for n in range(count)], "unit": ["MW"] * count, "value": [1.5] * count}
    wide = narrow | {"category": ["x" * 400] * count}
    sizes = {}
    for name, columns in (("narrow", narrow), ("wide", wide)):
        rows = series_rows("fundamentals", columns | times)
        records = publication_records(published("fundamentals", rows), rows)
        check(records, "fundamentals.series.v1", rows)
        sizes[name] = len(records)
        assert {record.key for record in records} == {"PJM/DA/f"}
        assert records == publication_records(published("fundamentals", rows), rows), "made again, it is the same"
    assert (sizes["narrow"], sizes["wide"]) == (3, 9)


def test_that_nothing_is_left_of_a_publication_is_told() -> None:
    rows = series_rows("ordc", {"adder": [], "price_usd_per_mwh": [], "interval_start_utc": [], "interval_end_utc": []})
    (record,) = publication_records(published("ordc", rows, is_reread=True), rows)
    check([record], "power.ordc.v1", rows)
