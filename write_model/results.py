"""What every computed result records: what it was made from, what it came to, and what came of doing it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from write_model.base import Aggregate


@dataclass(frozen=True)
class Origin:
    """An aggregate that a result was made from, as it stood at a position of the log."""

    id: UUID
    position: int


@dataclass(frozen=True)
class Computation:
    """How a result came about.

    `inputs` are the snapshots it was computed from (objects of the bucket `runs`), by what they hold; `made_from` the
    aggregates behind it, by their part in it; `parameters` everything else that went in. `artifact_sha256` is the
    result as an object, `digest` the hash of its canonical values.
    """

    inputs: dict[str, str]
    made_from: dict[str, Origin]
    parameters: dict[str, Any]
    code_version: str
    artifact_sha256: str
    digest: str


class ComputedResult(Aggregate):
    """A result that can be computed again from its recorded inputs."""

    def __init__(self, computation: Computation) -> None:
        self.computation = computation
        self.last_recomputation_equal: bool | None = None

    class Recomputed(Aggregate.Event):
        """Computed again from the recorded inputs: `difference` is empty when the digest came out the same."""

        code_version: str
        digest: str
        equal: bool
        difference: str

        def apply(self, aggregate: ComputedResult) -> None:
            aggregate.last_recomputation_equal = self.equal

    def record_recomputation(self, *, code_version: str, digest: str, difference: str) -> None:
        self.trigger_event(
            type(self).Recomputed,
            code_version=code_version,
            digest=digest,
            equal=digest == self.computation.digest,
            difference=difference,
        )
