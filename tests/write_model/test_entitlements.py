"""A tenant has what was granted last and not revoked since, within its window; nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from write_model.base import NotFound
from write_model.entitlements import Entitlements, Window, entitlements_id

ISOS = ("MISO", "CAISO", "PJM", "ERCOT")
CHANNELS = ("hub", "api", "downloads")
NOW = datetime(2026, 11, 26, tzinfo=UTC)
DAYS = st.one_of(st.none(), st.integers(-3, 3).map(lambda days: NOW + timedelta(days=days)))
SOME_CHANNELS = st.sets(st.sampled_from(CHANNELS), min_size=1)


class Machine(RuleBasedStateMachine):
    """Grants and revocations in any order, beside a plain dictionary; the aggregate is rebuilt from its events."""

    def __init__(self) -> None:
        super().__init__()
        self.tenant = "acme"
        self.aggregate = Entitlements.open(uuid4(), self.tenant)
        self.events = list(self.aggregate.collect_events())
        self.expected: dict[tuple[str, str], Window] = {}

    def rebuilt(self) -> Entitlements:
        aggregate = None
        for event in self.events:
            aggregate = event.mutate(aggregate)
        assert isinstance(aggregate, Entitlements)
        return aggregate

    @rule(iso=st.sampled_from(ISOS), channels=SOME_CHANNELS, begin=DAYS, end=DAYS)
    def grant(self, iso: str, channels: set[str], begin: datetime | None, end: datetime | None) -> None:
        window = Window(begin, end)
        self.aggregate.grant(iso, channels, window)
        self.events += self.aggregate.collect_events()
        self.expected |= {(iso, channel): window for channel in channels}

    @rule(iso=st.sampled_from(ISOS), channels=SOME_CHANNELS)
    def revoke(self, iso: str, channels: set[str]) -> None:
        held = {channel for channel in channels if (iso, channel) in self.expected}
        if not held:
            with pytest.raises(NotFound):
                self.aggregate.revoke(iso, channels)
            return
        self.aggregate.revoke(iso, channels)
        self.events += self.aggregate.collect_events()
        for channel in held:
            del self.expected[iso, channel]

    @invariant()
    def allows_what_was_granted_and_nothing_else(self) -> None:
        aggregate = self.rebuilt()
        for iso in ISOS:
            for channel in CHANNELS:
                for days in range(-4, 5):
                    moment = NOW + timedelta(days=days)
                    window = self.expected.get((iso, channel))
                    begin = (window and window.valid_from) or datetime.min.replace(tzinfo=UTC)
                    end = (window and window.valid_until) or datetime.max.replace(tzinfo=UTC)
                    assert aggregate.allows(iso, channel, moment) == bool(window and begin <= moment < end)


Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=15)
TestEntitlements = Machine.TestCase


def test_each_tenant_has_a_stream_of_its_own_under_each_platform_tenant() -> None:
    ids = {entitlements_id("local", "a"), entitlements_id("local", "b"), entitlements_id("other", "a")}
    assert len(ids) == 3
