"""A process that follows a log and rebuilds all relational read models again and again, made to be killed.

See `forking` for how it is given orders.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.event_recorder import PostgresRecorder
from infra.event_store import EventLog
from infra.objects import Objects
from infra.postgres import open_pool
from infra.subscriptions import Subscription
from projections import building, filling
from projections.building import Building
from projections.projector import RelationalProjector
from projections.registry import relational_projections
from tests.projections.forking import die_in, serve

FILLING, FINISHING, EXCHANGING = 1, 2, 3
"""What the rebuild is doing, in the one byte of the file `mark`, which outlives the process."""


# A life in which the stage that it is meant to die in does not come ends in another one.
PATIENCE_S = 60.0


def live(order: dict[str, Any]) -> None:
    """Rebuilds until it is killed, so many seconds after a stage began (`dies`); or `once`, and then stops in peace."""
    if "dies" in order:
        die_in(PATIENCE_S)
    with Path(order["mark"]).open("r+b") as file:
        mark = mmap.mmap(file.fileno(), 1)
    stage, delay_s = order.get("dies", (None, 0.0))
    for owner, method, value in (
        (filling, "_apply", FILLING), (Building, "_finish", FINISHING), (RelationalProjector, "_exchange", EXCHANGING),
    ):  # fmt: skip
        _marked(mark, owner, method, value, delay_s if value == stage else None)
    filling._PAGE = 500  # so that a few thousand events are many pages
    building._WORTH_PROCESSES = 500
    pool = open_pool(order["dsn"])
    log = EventLog(PostgresRecorder(pool))
    projector = RelationalProjector(pool, log, relational_projections(Objects.in_folder(Path(order["objects"]))))
    following = Subscription("relational", log, projector.load, projector.handle, projector.isolate, batch_size=50)
    following.start()
    projector.rebuild(projector.projections, _quiet)
    while "once" not in order:
        projector.rebuild(projector.projections, _quiet)
    following.stop()
    pool.close()


def _marked(mark: mmap.mmap, owner: Any, method: str, value: int, dies_in_s: float | None) -> None:
    original: Callable[..., Any] = getattr(owner, method)

    def marked(*given: Any, **named: Any) -> Any:
        mark[0] = value
        if dies_in_s is not None:
            die_in(dies_in_s)
        return original(*given, **named)

    setattr(owner, method, marked)


def _quiet(position: int, of: int) -> None:
    pass


if __name__ == "__main__":
    serve(live)
