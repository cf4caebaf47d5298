"""Every relational read model there is."""

from __future__ import annotations

from infra.objects import Objects
from projections import (
    api_keys,
    audit,
    curves,
    entitlements,
    feeds,
    followed_curves,
    instruments,
    ppas,
    publications,
    quality,
    scenarios,
)
from projections.lineage import lineage_projection
from projections.quotes import quotes_projection
from projections.relational import RelationalProjection


def relational_projections(objects: Objects) -> tuple[RelationalProjection, ...]:
    """Those with the most rows come last: their indexes are the first to be made."""
    return (
        entitlements.PROJECTION,
        instruments.PROJECTION,
        quotes_projection(objects),
        scenarios.PROJECTION,
        curves.PROJECTION,
        followed_curves.PROJECTION,
        ppas.PROJECTION,
        api_keys.PROJECTION,
        feeds.PROJECTION,
        lineage_projection(objects),
        audit.PROJECTION,
        quality.PROJECTION,
        publications.PROJECTION,
    )
