"""Forward curves: built once from quotes, history and a scenario, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from write_model.base import Aggregate
from write_model.results import Computation, ComputedResult

NOUN = "curve"


@dataclass(frozen=True)
class CurveShape:
    """What a curve covers: months from `first_month` to `last_month`, quoted up to `last_quoted_month`."""

    hub: str
    first_month: date
    last_quoted_month: date
    last_month: date
    point_count: int


class Curve(ComputedResult):
    """A monthly forward curve of one hub."""

    NAME = "curve"

    def __init__(self, shape: CurveShape, computation: Computation) -> None:
        super().__init__(computation)
        self.shape = shape

    class Built(Aggregate.Created):
        """`report` tells how well the quotes are met, which were redundant, and any fallback that was needed."""

        TOPIC = "curve.built"
        shape: CurveShape
        computation: Computation
        report: dict[str, Any]

    class Recomputed(ComputedResult.Recomputed):
        TOPIC = "curve.recomputed"

    @classmethod
    def build(cls, curve_id: UUID, shape: CurveShape, computation: Computation, report: dict[str, Any]) -> Curve:
        return cls._create(cls.Built, id=curve_id, shape=shape, computation=computation, report=report)
