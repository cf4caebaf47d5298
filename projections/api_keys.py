"""API keys as issued and revoked, and the moment up to which all of an actor is revoked."""

from __future__ import annotations

from collections.abc import Iterator

from infra.event_mapper import RecordedEvent
from projections.relational import RelationalProjection
from read_models import api_keys as table
from read_models.batch import Batch, Wanted, array_text
from write_model.api_keys import ActorAccess, ApiKey


def _issued(batch: Batch, recorded: RecordedEvent) -> None:
    event, metadata = recorded.event, recorded.metadata
    assert isinstance(event, ApiKey.Issued)
    batch.insert(
        table.ApiKeyRow(
            key_id=recorded.stream_id,
            tenant=metadata.tenant,
            actor=event.actor,
            name=event.name,
            prefix=event.prefix,
            secret_sha256=event.secret_sha256,
            roles=array_text(event.roles),
            channel=event.channel,
            expires_at=event.expires_at,
            issued_by=metadata.actor,
            issued_at=metadata.recorded_at,
            revoked_at=None,
            log_position=recorded.position,
        )
    )


def _own_key(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.ApiKeyRow, recorded.stream_id


def _revoked(batch: Batch, recorded: RecordedEvent) -> None:
    (key,) = batch.of(table.ApiKeyRow, recorded.stream_id)
    batch.change(key, revoked_at=recorded.metadata.recorded_at)


def _actor_revoked(batch: Batch, recorded: RecordedEvent) -> None:
    event, metadata = recorded.event, recorded.metadata
    assert isinstance(event, ActorAccess.Revoked)
    batch.insert(
        table.RevokedActorRow(
            access_id=recorded.stream_id,
            tenant=metadata.tenant,
            actor=event.actor,
            revoked_at=metadata.recorded_at,
            log_position=recorded.position,
        )
    )


def _own_actor(recorded: RecordedEvent) -> Iterator[Wanted]:
    yield table.RevokedActorRow, recorded.stream_id


def _actor_revoked_again(batch: Batch, recorded: RecordedEvent) -> None:
    (actor,) = batch.of(table.RevokedActorRow, recorded.stream_id)
    batch.change(actor, revoked_at=recorded.metadata.recorded_at, log_position=recorded.position)


PROJECTION = RelationalProjection(
    name="api_keys",
    version=1,
    tables=table.TABLES,
    handlers={
        ApiKey.Issued: _issued,
        ApiKey.Revoked: _revoked,
        ActorAccess.Revoked: _actor_revoked,
        ActorAccess.RevokedAgain: _actor_revoked_again,
    },
    finds={ApiKey.Revoked: _own_key, ActorAccess.RevokedAgain: _own_actor},
)
