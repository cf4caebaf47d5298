"""The state of the event table."""

from __future__ import annotations

from infra.event_recorder import Pool
from queries.relational import Row, row


def event_table(pool: Pool) -> Row:
    """Its name, number of events and streams, newest position and size."""
    found = row(
        pool,
        """SELECT 'log.events' AS name, count(*) AS events, count(DISTINCT stream_id) AS streams,
                  (SELECT position FROM log.head) AS newest_position,
                  pg_total_relation_size('log.events') AS size_bytes, split_part(version(), ' ', 2) AS server_version
           FROM log.events""",
        {},
    )
    assert found is not None
    return found
