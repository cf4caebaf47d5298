"""What a client of the stream does, in few words."""

from __future__ import annotations

from typing import Any

from starlette.testclient import WebSocketTestSession

Message = dict[str, Any]


class Client:
    """One connection, message by message."""

    def __init__(self, session: WebSocketTestSession) -> None:
        self.session = session

    def authenticate(self, token: str) -> Message:
        self.send(type="authenticate", token=token)
        return self.next("authenticated")

    def send(self, **message: Any) -> None:
        self.session.send_json(message)

    def next(self, type: str) -> Message:
        """The next message, which has to be of this type."""
        message: Message = self.session.receive_json()
        assert message["type"] == type, message
        return message

    def subscribe(self, id: str = "a", *, channel: str = "prices", from_seq: int | None = None, **filters: Any) -> int:
        """Subscribes, and answers the sequence number from which updates follow."""
        asked = {"type": "subscribe", "id": id, "channel": channel, "filters": {"iso": "MISO", **filters}}
        self.send(**asked, **({} if from_seq is None else {"from_seq": from_seq}))
        return int(self.next("subscribed")["seq"])


def prices(message: Message) -> dict[str, float]:
    """The prices of a snapshot or an update by node, where it has one interval of each."""
    found: dict[str, float] = {}
    for batch in message["batches"]:
        assert batch["topic"] == "power.ticks.v1"
        columns = batch["columns"]
        found |= dict(zip(columns["node"], columns["lmp_usd_per_mwh"], strict=True))
    return found
