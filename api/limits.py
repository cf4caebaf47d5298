"""The limits of the ways in, in one place; docs/limits.md says the same and is compared with this."""

from __future__ import annotations

from typing import Literal

RouteClass = Literal["commands", "uploads", "graphql", "reads"]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

LARGEST_BODY_BYTES: dict[RouteClass, int] = {
    "commands": MIB,
    "uploads": 2 * GIB,
    "graphql": 128 * KIB,
    "reads": MIB,
}
# A body may take this long, and a second more for each SLOWEST_BODY_BYTES_PER_S bytes of it that have come.
BODY_PATIENCE_S = 30.0
SLOWEST_BODY_BYTES_PER_S = 16 * KIB
DEEPEST_JSON = 32

LARGEST_URL_BYTES = 8 * KIB
LARGEST_HEAD_BYTES = 32 * KIB
HEAD_PATIENCE_S = 10.0
KEEP_ALIVE_S = 15
MOST_CONNECTIONS = 512
SHUTDOWN_PATIENCE_S = 10

# Reads that may take long or answer much; others cost little.
HEAVY_READS = ("/v1/prices", "/v1/audit", "/v1/lineage", "/v1/objects", "/graphql")
MOST_HEAVY_READS = 16
MOST_HEAVY_READS_EACH = 8
HEAVY_READ_PATIENCE_S = 10.0

FAILED_ATTEMPTS_PER_MINUTE = 60

# The stream: one client message; a client's list of nodes; and how much waits for a reader before it counts as slow.
LARGEST_STREAM_MESSAGE_BYTES = 64 * KIB
MOST_STREAM_NODES = 1_000
MOST_STREAM_SUBSCRIPTIONS = 32
MOST_STREAMS_EACH = 16
STREAM_AUTHENTICATION_PATIENCE_S = 10.0
STREAM_PING_INTERVAL_S = 20.0
MOST_WAITING_UPDATES = 8
MOST_WAITING_PUBLICATIONS = 1_000
MOST_REPLAYED_PUBLICATIONS = 500
MOST_REPLAYED_ROWS = 2_000_000
MOST_ROWS_A_MESSAGE = 5_000


def route_class(method: str, path: str) -> RouteClass:
    """What kind of request this is; anything unknown counts as a read."""
    if path == "/graphql":
        return "graphql"
    if method == "POST" and (path == "/v1/objects" or path.startswith("/v1/objects/")):
        return "uploads"
    if method not in ("GET", "HEAD", "OPTIONS"):
        return "commands"
    return "reads"


def is_heavy(method: str, path: str) -> bool:
    """Whether a request counts among the heavy reads."""
    if path == "/graphql":
        return True
    return method in ("GET", "HEAD") and any(path == p or path.startswith(f"{p}/") for p in HEAVY_READS)
