"""The one place where a field that shows market data asks whether the caller may see it."""

from __future__ import annotations

from api.graphql.context import Context


def check_market_data(context: Context, iso: str) -> None:
    """Raises Problem 403 where the caller's tenant has no entitlement to this ISO's data by the caller's channel."""
