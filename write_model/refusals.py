"""Commands that were understood and refused: kept, because an auditor asks for them too."""

from __future__ import annotations

from uuid import UUID, uuid4

from write_model.base import Aggregate


class Refusal(Aggregate):
    """One refused command, on a stream of its own so that the command's id stays free."""

    NAME = "refusal"

    class Recorded(Aggregate.Created):
        TOPIC = "command.refused"
        target_id: UUID
        reason: str
        remedy: str

    @classmethod
    def record(cls, *, target_id: UUID, reason: str, remedy: str) -> Refusal:
        return cls._create(cls.Recorded, id=uuid4(), target_id=target_id, reason=reason, remedy=remedy)
