"""Every relational read model there is."""

from __future__ import annotations

from infra.objects import Objects
from projections import (
    api_keys,
    audit,
    curves,
    entitlements,
    feeds,
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
    return (
        audit.PROJECTION,
        publications.PROJECTION,
        entitlements.PROJECTION,
        instruments.PROJECTION,
        quotes_projection(objects),
        scenarios.PROJECTION,
        curves.PROJECTION,
        ppas.PROJECTION,
        api_keys.PROJECTION,
        feeds.PROJECTION,
        quality.PROJECTION,
        lineage_projection(objects),
    )
