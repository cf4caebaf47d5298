"""Numerics only: arrays and plain dataclasses in, arrays and plain dataclasses out.

Nothing here reads a file, a clock or global random state, and nothing imports another room, so every result can be
computed again from its recorded inputs.
"""
