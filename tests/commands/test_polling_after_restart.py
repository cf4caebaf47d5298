"""What polling goes on from after a restart. Each test opens its own platform, of which a process has one at a time."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from api.wiring import open_platform
from commands.feeds import RecordFetch
from infra.settings import Settings
from tests.commands.test_bus import caller


def test_a_platform_that_is_opened_again_knows_what_it_has_of_a_feed(dsn: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=dsn)
    wanted, now = "caiso/prc_intvl_lmp", datetime.now(UTC)
    newest = now - timedelta(days=1)
    with closing(open_platform(settings)) as first:
        regular = now - first.feeds.recent(wanted, now)[0]
        message = RecordFetch(
            feed=wanted, request_key="a day", start_utc=newest - timedelta(days=1), end_utc=newest,
            object=first.objects.put("raw", b"a day"), size_bytes=5, last_interval_end_utc=newest,
        )  # fmt: skip
        first.bus.dispatch(message, caller())
        first.settled_position()
    with closing(open_platform(settings)) as second:
        assert now - second.feeds.recent(wanted, now)[0] == regular + timedelta(days=1)
