"""Given what has happened, when something is done, then these events follow, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

from write_model.base import Aggregate, Refused

STREAM = uuid4()


def facts(event: Any) -> dict[str, Any]:
    """An event's own facts, without what every event carries."""
    carried = {"originator_id", "originator_version", "originator_topic", "timestamp"}
    return {name: value for name, value in vars(event).items() if name not in carried}


class Given:
    """`given(create).when(act).then((Event, {...}), ...)`: `create` makes the aggregate, its events count as past."""

    def __init__(self, create: Callable[[UUID], Aggregate]) -> None:
        created = create(STREAM)
        past = created.collect_events()
        # Rebuilt from its events alone, so that state which no event carries would be missed.
        self._aggregate: Any = None
        for event in past:
            self._aggregate = event.mutate(self._aggregate)

    def when(self, act: Callable[[Any], object]) -> Given:
        self._refused: Refused | None = None
        try:
            act(self._aggregate)
        except Refused as refused:
            self._refused = refused
        return self

    def then(self, *expected: tuple[type, dict[str, Any]]) -> Any:
        assert self._refused is None, self._refused
        events = self._aggregate.collect_events()
        assert [(type(event), facts(event)) for event in events] == list(expected)
        return self._aggregate

    def then_refused(self, match: str) -> None:
        assert self._refused is not None, "it was not refused"
        assert match in self._refused.reason
        assert self._refused.remedy
        assert not self._aggregate.collect_events()
