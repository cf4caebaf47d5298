"""A large event log, generated: real aggregates and real bytes, in a stated mix, the same for the same seed.

The mix of each hundred events follows what a desk's log looks like: mostly publications, then scenarios revised. The
streams of refusals alone have ids of their own each time. All publications share a few row objects, so that a million
events need no million files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

import pyarrow as pa

from infra.canonical import digest, to_parquet
from infra.event_mapper import GENESIS_HASH, LoggedEvent, Metadata, encode
from infra.event_store import EventLog
from infra.objects import Objects
from tests.plugins_clickhouse import tick_rows
from write_model.base import Aggregate, stream_id
from write_model.curves import Curve, CurveShape
from write_model.instruments import Hub, Instrument
from write_model.ppas import PpaContract, PpaValuation, Terms
from write_model.publications import Defect, Publication, Reading, Source
from write_model.quotes import QuoteSheet, Sheet
from write_model.refusals import Refusal
from write_model.results import Computation, Origin
from write_model.scenarios import Assumptions, Scenario

MIX = {
    "publication.ingested": 50,
    "publication.reread": 8,
    "publication.quarantined": 4,
    "scenario.defined": 4,
    "scenario.revised": 14,
    "command.refused": 8,
    "instrument.registered": 2,
    "quote_sheet.recorded": 2,
    "ppa.registered": 4,
    "curve.built": 2,
    "ppa.priced": 2,
}
"""Events of each kind in every hundred."""

START = datetime(2026, 1, 1, tzinfo=UTC)
_PAGE = 5_000
_LAST_KEPT = 500  # aggregates of a kind that may still get events


@dataclass
class _Objects:
    """The few objects that all generated events refer to."""

    rows: Reading
    sheet: Sheet
    curve_points: str
    history: str


def fill_log(log: EventLog, objects: Objects, events: int, *, seed: int = 1, price_rows: int = 3) -> None:
    """Appends `events` events to an empty log, 5,000 to a transaction; a publication has `price_rows` prices."""
    generated = generated_events(objects, seed=seed, price_rows=price_rows)
    left = events
    while left:
        page = list(islice(generated, min(left, _PAGE)))
        log.recorder.insert_events(page)
        left -= len(page)


def generated_events(objects: Objects, *, seed: int = 1, price_rows: int = 3) -> Iterator[LoggedEvent]:
    """The events themselves, without end, for those who append them in their own way."""
    return _generate(seed, _store(objects, price_rows))


def _store(objects: Objects, price_rows: int) -> _Objects:
    rows = tick_rows(["GENERATED"], START, count=price_rows, lmp_usd_per_mwh=30.0)
    reading = Reading(
        iso="PJM", market="DA", feed="da_hrl_lmps", vintage="final", parser="generated", parser_version=1,
        rows_sha256=objects.put("rows", to_parquet(rows)), rows_digest=digest(rows), row_count=rows.num_rows,
        gaps_sha256=None, gap_count=0, first_interval_start_utc=START,
        last_interval_end_utc=START + timedelta(hours=price_rows), published_at=None,
    )  # fmt: skip
    quotes = pa.table({
        "hub": ["HUB"] * 5, "product": [f"2027-0{month}" for month in range(1, 6)],
        "price_usd_per_mwh": [40.0] * 5, "source": ["desk"] * 5,
        "quoted_at": pa.array([START] * 5, pa.timestamp("us", "UTC")),
    })  # fmt: skip
    sheet = Sheet("a" * 64, objects.put("rows", to_parquet(quotes)), digest(quotes), 5, ("HUB",))
    points = pa.table({
        "delivery_month": pa.array([date(2027, month, 1) for month in range(1, 13)], pa.date32()),
        "price_usd_per_mwh": [40.0] * 12, "is_extrapolated": [False] * 12,
    })  # fmt: skip
    history = pa.table({"publication_id": [str(UUID(int=1))], "log_position": pa.array([1], pa.int64())})
    return _Objects(reading, sheet, objects.put("curves", to_parquet(points)), objects.put("runs", to_parquet(history)))


def _generate(seed: int, shared: _Objects) -> Iterator[LoggedEvent]:
    """Endless stored events; each carries the hash of its stream's previous one."""
    random = Random(seed)
    maker = _Maker(random, shared)
    kinds = [kind for kind, share in MIX.items() for _ in range(share)]
    hashes: dict[UUID, str] = {}
    number = 0
    while True:
        random.shuffle(kinds)
        for kind in kinds:
            aggregate = maker.make(kind)
            for event in aggregate.collect_events():
                number += 1
                stored = encode(event, _metadata(random, number, hashes.get(event.originator_id, GENESIS_HASH)))
                hashes[event.originator_id] = stored.hash
                yield stored


def _metadata(random: Random, number: int, previous_hash: str) -> Metadata:
    command_id = UUID(int=random.getrandbits(128), version=4)
    return Metadata(
        tenant="local", actor=f"actor-{number % 7}", command="generated", command_id=command_id, body_sha256="b" * 64,
        status="done", correlation_id=command_id, causation_id=command_id,
        recorded_at=START + timedelta(milliseconds=number), schema_version=1, previous_hash=previous_hash,
    )  # fmt: skip


class _Maker:
    """Makes one aggregate with one new event of a wanted kind."""

    def __init__(self, random: Random, shared: _Objects) -> None:
        self._random = random
        self._shared = shared
        self._kept: dict[type, list[Any]] = {}
        self._made = 0
        self._make: dict[str, Callable[[UUID], Aggregate]] = {
            "publication.ingested": lambda id: Publication.ingest(id, self._source(), shared.rows),
            "publication.quarantined": lambda id: Publication.ingest(
                id, self._source(), Defect("line 3 has 4 fields, not 5", "f.csv", 3, "lmp")
            ),
            "scenario.defined": lambda id: Scenario.define(id, f"scenario-{id}", Assumptions(0.02, 1.0)),
            "command.refused": lambda id: Refusal.record(
                target_id=id, reason="there is no hub X", remedy="Register it."
            ),
            "instrument.registered": lambda id: Instrument.register(
                id, Hub(f"HUB-{id}", "PJM", "GENERATED", "HUB", "DA", "America/New_York")
            ),
            "quote_sheet.recorded": lambda id: QuoteSheet.record(id, shared.sheet),
            "ppa.registered": lambda id: PpaContract.register(
                id, f"ppa-{id}", Terms("HUB", "buy", (50.0,), 31.5, date(2027, 1, 1), date(2036, 12, 1), 0.07, 0.0)
            ),
            "curve.built": lambda id: Curve.build(
                id, CurveShape("HUB", date(2027, 1, 1), date(2027, 12, 1), date(2027, 12, 1), 12),
                self._computation("scenario"), {"largest_residual_usd_per_mwh": 0.0},
            ),
            "ppa.priced": lambda id: PpaValuation.price(
                id, ppa_id=self._any(PpaContract), curve_id=self._any(Curve),
                computation=self._computation("contract"), figures={"npv_usd": 1_234_567.0},
            ),
        }  # fmt: skip

    def make(self, kind: str) -> Aggregate:
        self._made += 1
        if kind == "publication.reread" and self._kept.get(Publication):
            publication = self._random.choice(self._kept[Publication])
            publication.read_again(self._shared.rows)
            return publication  # type: ignore[no-any-return]
        if kind == "scenario.revised" and self._kept.get(Scenario):
            scenario = self._random.choice(self._kept[Scenario])
            scenario.revise(Assumptions(round(self._random.random(), 6), 1.0))
            return scenario  # type: ignore[no-any-return]
        made = self._make.get(kind, self._make["scenario.defined"])(stream_id("local", "generated", str(self._made)))
        if isinstance(made, Publication | Scenario | PpaContract | Curve):
            kept = self._kept.setdefault(type(made), [])
            if len(kept) < _LAST_KEPT:
                kept.append(made)
            else:
                kept[self._random.randrange(_LAST_KEPT)] = made
        return made

    def _source(self) -> Source:
        name = f"{self._made}_da_hrl_lmps.csv"
        return Source((f"{self._random.getrandbits(256):064x}",), (name,), name, 1_000, {})

    def _any(self, kind: type[Aggregate]) -> UUID:
        kept = self._kept.get(kind)
        return self._random.choice(kept).id if kept else UUID(int=0)

    def _computation(self, role: str) -> Computation:
        return Computation(
            inputs={"history": self._shared.history},
            made_from={role: Origin(self._any(Scenario), 1)},
            parameters={"scenario": "base", "hub": "HUB", "seed": 7},
            code_version="generated",
            artifact_sha256=self._shared.curve_points,
            digest="d" * 64,
        )
