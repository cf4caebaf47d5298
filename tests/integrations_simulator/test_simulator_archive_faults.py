"""What the platform makes of faults in archives and workbooks: found, and taken whole when asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from api.platform import Platform
from commands.feeds import FeedRun
from integrations.isos.simulator.exchange import Exchange
from tests.integrations_simulator.markets import BASE, Fetching, SteppedClock, client_of, world

DAY = timedelta(days=1)
DISCLOSURE, HISTORY, WORKBOOK = "ercot/dam_disclosure", "ercot/dam_lzhb_spp", "miso/sr_gfm"
WHERE = {DISCLOSURE: "ercot-mis/*mirDownload", HISTORY: "ercot-mis/*mirDownload", WORKBOOK: "miso-reports/*sr_gfm*"}
AGE = {DISCLOSURE: 62 * DAY, HISTORY: 5 * DAY, WORKBOOK: 2 * DAY}
_calls = count()


def opened(platform: Platform, feed_id: str, kind: str) -> tuple[Exchange, Fetching]:
    """A January of its own for each call, in which nothing was asked for before."""
    clock = SteppedClock(datetime(2026 + next(_calls), 1, 13, 16, 2, tzinfo=UTC))
    exchange = world(clock, f"{kind}:{WHERE[feed_id]}")
    base_urls = {source: f"{BASE}/{source}" for source in exchange.sources}
    return exchange, Fetching.of(platform, clock, base_urls=base_urls, client=client_of(exchange))


def run_once(fetching: Fetching, feed_id: str) -> FeedRun:
    start = fetching.clock.now() - AGE[feed_id]
    return fetching.run(feed_id, start, start + timedelta(hours=1))


@pytest.mark.parametrize(
    ("feed_id", "kind"),
    [
        *((feed_id, kind) for feed_id in (DISCLOSURE, HISTORY) for kind in ("truncated", "duplicated", "wrong_schema")),
        (WORKBOOK, "truncated"), (WORKBOOK, "wrong_schema"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_quarantined_and_taken_whole_next_time(platform: Platform, feed_id: str, kind: str) -> None:
    exchange, fetching = opened(platform, feed_id, kind)
    first = run_once(fetching, feed_id)
    assert [fault.kind for fault in exchange.faults.journal] == [kind]
    assert (first.quarantined, first.damaged) == (1, 1)
    fetching.clock.wait(60)
    second = run_once(fetching, feed_id)
    assert second.quarantined == 0
    assert second.publications > 0
    assert [fault.kind for fault in exchange.faults.journal] == [kind], "no other"
    fetching.feeds.close()


@pytest.mark.parametrize("feed_id", [DISCLOSURE, HISTORY, WORKBOOK])
def test_what_is_missing_or_no_answer_is_asked_for_again(platform: Platform, feed_id: str) -> None:
    _, fetching = opened(platform, feed_id, "missing")
    run_once(fetching, feed_id)
    assert len(fetching.absent) == 1
    fetching.clock.wait(60)
    second = run_once(fetching, feed_id)
    assert (second.failed, second.publications > 0) == ([], True)
    fetching.feeds.close()

    exchange, fetching = opened(platform, feed_id, "error_page")
    run = run_once(fetching, feed_id)
    assert [trouble["kind"] for trouble in run.troubles] == ["error_page"]
    assert run.publications > 0
    assert len(exchange.faults.journal) == 1
    fetching.feeds.close()
