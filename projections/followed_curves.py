"""Followed curves: a row each time that somebody asked for one."""

from __future__ import annotations

from collections.abc import Iterator

from infra.event_mapper import RecordedEvent
from projections.changing import tenant_parts
from projections.relational import RelationalProjection, Write
from read_models import followed_curves as table
from read_models.batch import Batch, Wanted, array_text
from write_model.followed_curves import FollowedCurve


def _followed(batch: Batch, recorded: RecordedEvent) -> None:
    event, metadata = recorded.event, recorded.metadata
    assert isinstance(event, FollowedCurve.Followed | FollowedCurve.FollowedAgain)
    _end(batch, recorded)
    batch.insert(
        table.FollowedCurveRow(
            followed_id=recorded.stream_id,
            tenant=metadata.tenant,
            hub=event.hub,
            scenario=event.scenario,
            actor=metadata.actor,
            roles=array_text(event.rights.roles),
            channel=event.rights.channel,
            key_prefix=event.rights.key_prefix,
            command_id=metadata.command_id,
            log_position=recorded.position,
        )
    )


def _end(batch: Batch, recorded: RecordedEvent) -> None:
    for row in batch.of(table.FollowedCurveRow, recorded.stream_id):
        if row.superseded_by is None:
            batch.change(row, superseded_by=recorded.position)


def _own_rows(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.FollowedCurveRow, recorded.stream_id


_WRITES: dict[type, Write] = {
    FollowedCurve.Followed: _followed,
    FollowedCurve.FollowedAgain: _followed,
    FollowedCurve.Unfollowed: _end,
}

PROJECTION = RelationalProjection(
    name="followed_curves",
    version=1,
    tables=table.TABLES,
    handlers=_WRITES,
    finds=dict.fromkeys(_WRITES, _own_rows),
    parts=tenant_parts,
)
