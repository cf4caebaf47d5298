"""How this process treats its memory."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Has the cyclic collector look less often.

    A page of events is tens of thousands of objects without a cycle among them, and a build has several pages at hand.
    By default the collector would look through all of them again and again while they are made, which takes as long as
    making them.

    In return, what is in a cycle may stay for days: nothing that comes with every request may be in one.
    """
    gc.set_threshold(500_000, 10, 10)
