"""Computing a recorded result again, from the inputs that were recorded with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from commands.curves import compute_curve
from commands.message import Caller, Command, Context, Tools, example
from commands.ppas import canonical_valuation, compute_valuation
from infra.canonical import digest, from_parquet
from infra.objects import Objects
from write_model.base import NotFound
from write_model.curves import Curve
from write_model.ppas import PpaValuation
from write_model.results import Computation, ComputedResult


class RecomputeResult(Command):
    """The id of a curve or of a valuation."""

    model_config = example(result_id="6f1e2d3c-4b5a-5968-8776-655443322110")

    result_id: UUID


def stream_of_result(command: RecomputeResult, _: Caller, __: Tools) -> UUID:
    return command.result_id


def handle_recompute_result(
    command: RecomputeResult, result: ComputedResult | None, context: Context
) -> ComputedResult:
    if result is None:
        raise NotFound(
            "result",
            command.result_id,
            remedy="`carbon254 curves list` and `carbon254 ppas show ID` show what can be recomputed.",
        )
    recompute = _RECOMPUTE[type(result)]
    found, difference = recompute(result.computation, context.tools.objects)
    equal = found == result.computation.digest
    result.record_recomputation(
        code_version=context.tools.code_version, digest=found, difference="" if equal else difference()
    )
    return result


def status_of_recomputation(result: ComputedResult, _: bool) -> str:
    return "done" if result.last_recomputation_equal else "different"


Recomputed = tuple[str, Callable[[], str]]


def _curve(computation: Computation, objects: Objects) -> Recomputed:
    quotes, history = (from_parquet(objects.get("runs", computation.inputs[role])) for role in ("quotes", "history"))
    points, _ = compute_curve(quotes, history, computation.parameters)

    def difference() -> str:
        recorded = from_parquet(objects.get("curves", computation.artifact_sha256))
        return _first_differences(_by_month(recorded), _by_month(points))

    return digest(points), difference


def _valuation(computation: Computation, objects: Objects) -> Recomputed:
    points = from_parquet(objects.get("curves", computation.inputs["curve"]))
    history = from_parquet(objects.get("runs", computation.inputs["history"]))
    valuation = compute_valuation(points, history, computation.parameters)

    def difference() -> str:
        recorded = msgspec.json.decode(objects.get("runs", computation.artifact_sha256))
        return _first_differences(recorded, valuation)

    return Objects.key(canonical_valuation(valuation)), difference


_RECOMPUTE: dict[type[ComputedResult], Callable[[Computation, Objects], Recomputed]] = {
    Curve: _curve,
    PpaValuation: _valuation,
}


def _by_month(points: pa.Table) -> dict[str, Any]:
    months = (str(month) for month in points["delivery_month"].to_pylist())
    return dict(zip(months, points["price_usd_per_mwh"].to_pylist(), strict=True))


def _first_differences(recorded: dict[str, Any], found: dict[str, Any], most: int = 5) -> str:
    differing = [key for key in recorded | found if recorded.get(key) != found.get(key)]
    shown = "; ".join(f"{key}: recorded {recorded.get(key)!r}, now {found.get(key)!r}" for key in differing[:most])
    return shown + (f"; and {len(differing) - most} more" if len(differing) > most else "")
