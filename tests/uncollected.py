"""What is left for the cyclic collector, which looks seldom: it should not be what comes again with every request."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collector() -> Iterator[None]:
    """What is in no cycle goes as soon as nobody holds it, and the rest stays."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def count_of(*kinds: type) -> int:
    """How many objects of exactly these types there are, whether or not anybody holds them."""
    return sum(type(found) in kinds for found in gc.get_objects())
