"""An answer of each read, as the OpenAPI document shows it. A test holds them against the schemas and the real answers.

They are of the sample market: `carbon254 sample FOLDER --day 2026-01-30`.
"""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

_PUBLICATION_ID = "bbb5feb8-8717-5457-9363-1a67a8225661"
_INSTRUMENT_ID = "d186331f-2e0e-52e9-90d1-3854e6881b03"
_SCENARIO_ID = "a3832268-f2b2-5a22-ae2d-959cf0a8ea7d"
_CURVE_ID = "120b9085-fb75-5eee-bee9-95d756a20238"
_CURVE_DIGEST = "71b392d2d374c3b8f2f32efdd7cc3fd40f21f06eefa2a682fdf0ce8b76bc9ad0"
_PPA_ID = "e132f220-7aad-56b8-a121-9183502dd1d6"
_VALUATION_ID = "ce3f270a-6707-5f4e-be3b-32f8c9a61e3d"
_VALUATION_DIGEST = "bda090f8d14ae7dec421319303627cb5316daa7a95e8642d267c142a39145257"
_COMMAND_ID = "0c08a56f-0dad-4d95-849e-996b095d59f2"
_BUILT_AT = "2026-01-31T13:47:29.106514Z"

_PRICE: Example = {
    "iso": "PJM", "node": "WESTERN HUB", "node_type": "HUB", "feed": "da_hrl_lmps", "market": "DA",
    "interval_start_utc": "2026-01-30T05:00:00Z", "interval_end_utc": "2026-01-30T06:00:00Z",
    "lmp_usd_per_mwh": 35.620302, "energy_usd_per_mwh": 36.74, "congestion_usd_per_mwh": -0.861275,
    "loss_usd_per_mwh": -0.258423, "ghg_usd_per_mwh": None, "vintage": "final", "source_version": 1,
    "published_at": None, "recorded_at": "2026-01-31T13:46:51.571170Z", "log_position": 6,
    "publication_id": "5e847893-b27e-5711-afe0-2940f75fb065",
}  # fmt: skip
_COVERAGE: Example = {
    "dataset": "prices", "iso": "CAISO", "market": "DA", "feed": "prc_lmp", "publications": 1, "row_count": 984,
    "first_interval_start_utc": "2026-01-30T08:00:00Z", "last_interval_end_utc": "2026-01-31T08:00:00Z",
}  # fmt: skip
_PUBLICATION: Example = {
    "id": _PUBLICATION_ID, "status": "ingested", "dataset": "prices", "iso": "PJM", "market": "RTH",
    "feed": "rt_hrl_lmps", "vintage": "verified", "row_count": 1224, "gap_count": 0,
    "first_interval_start_utc": "2026-01-30T05:00:00Z", "last_interval_end_utc": "2026-01-31T05:00:00Z",
    "published_at": None, "reason": None, "names": ["rt_hrl_lmps.csv"],
    "recorded_at": "2026-01-31T13:46:51.857679Z", "log_position": 7,
}  # fmt: skip
_PUBLICATION_WHOLE: Example = _PUBLICATION | {
    "publication_id": _PUBLICATION_ID, "tenant": "local", "parser": "pjm.lmps", "parser_version": 1,
    "rows_sha256": "c4d11a6cd45565a603c398077c8c77522afcf8e1d53aa9429d73df2027a7dcf5", "gaps_sha256": None,
    "defect_file": None, "defect_line": None, "defect_column": None, "place": "rt_hrl_lmps.csv",
    "raw_sha256": ["372d08e82cd95f7e82f36991fb1afa8b0ec8d3a39209ed86ba2262db18c54dc8"], "size_bytes": 160_019,
    "readings": [{"log_position": 7, "superseded_by": None}], "gaps": [],
}  # fmt: skip
_INSTRUMENT: Example = {
    "id": _INSTRUMENT_ID, "name": "PJM-WH", "iso": "PJM", "node": "WESTERN HUB", "node_type": "HUB", "market": "DA",
    "time_zone": "America/New_York", "recorded_at": "2026-01-31T13:47:13.307847Z", "log_position": 393,
}  # fmt: skip
_QUOTE: Example = {
    "hub": "PJM-WH", "product": "CAL-2030", "price_usd_per_mwh": 40.95, "source": "simulated broker",
    "quoted_at": "2026-01-30T20:30:00Z", "sheet_id": "14ab0fc6-07d4-5a51-87de-76b92a47158d",
    "recorded_at": "2026-01-31T13:47:13.443713Z", "log_position": 394,
}  # fmt: skip
_SCENARIO: Example = {
    "id": _SCENARIO_ID, "name": "base", "revision": 1, "growth_per_year": 0.02, "seasonal_weight": 1.0,
    "recorded_at": "2026-01-31T13:47:13.561603Z", "log_position": 395,
}  # fmt: skip
_CURVE: Example = {
    "id": _CURVE_ID, "hub": "PJM-WH", "scenario": "base", "first_month": "2026-02-01",
    "last_quoted_month": "2030-12-01", "last_month": "2050-12-01", "digest": _CURVE_DIGEST,
    "recorded_at": _BUILT_AT, "log_position": 396,
}  # fmt: skip
_CURVE_PARAMETERS: Example = {
    "hub": "PJM-WH", "scenario": "base", "time_zone": "America/New_York", "valuation_date": "2026-01-30",
    "growth_per_year": 0.02, "seasonal_weight": 1.0, "through_position": 395, "scenario_revision": 1,
}  # fmt: skip
_CURVE_WHOLE: Example = _CURVE | {
    "curve_id": _CURVE_ID, "tenant": "local", "parameters": _CURVE_PARAMETERS,
    "report": {
        "method": "maximum_smoothness_quartic_spline+seasonal_growth", "solver": "CLARABEL",
        "solver_status": "optimal", "quotes_used": ["2026-02", "2026-04"], "base_usd_per_mwh": 40.95,
        "max_abs_repricing_error_usd_per_mwh": 1.07e-13,
    },
    "artifact_sha256": "134c68eb0f83241889e2c1562a16778c4125bc02f95eb8df045c3c5a10d7678d",
    "code_version": "0.1.0+1b8987b39d23",
    "points": [
        {"delivery_month": "2026-02-01", "price_usd_per_mwh": 43.01, "is_extrapolated": False},
        {"delivery_month": "2026-03-01", "price_usd_per_mwh": 37.06, "is_extrapolated": False},
    ],
}  # fmt: skip
_TERMS: Example = {
    "hub": "PJM-WH", "side": "buy", "power_mw": [50.0], "first_month": "2027-01-01", "last_month": "2036-12-01",
    "fixed_price_usd_per_mwh": 31.33, "discount_rate_per_year": 0.07, "upfront_cost_usd": 17_100_000.0,
}  # fmt: skip
_FIGURES: Example = {
    "npv_mean_usd": 14_073_472.41, "npv_standard_error_usd": 53_274.38, "npv_p5_usd": 12_806_137.44,
    "npv_p50_usd": 14_095_540.21, "npv_p95_usd": 15_368_397.97, "npv_closed_form_usd": 13_988_002.21,
    "break_even_price_usd_per_mwh": 36.017882, "irr": {"rate": 0.1931, "roots": [0.1931], "reason": None},
    "months_priced": 120, "months_delivered_before": 0, "paths": 200, "seed": 7,
    "process": {"phi": 0.5825, "half_life_days": 1.2827, "sigma_per_sqrt_year": 3.4553, "day_pairs": 425},
}  # fmt: skip
_PPA: Example = {
    "id": _PPA_ID, "name": "wind-west-2027", "hub": "PJM-WH", "side": "buy", "terms": _TERMS,
    "recorded_at": "2026-01-31T13:47:29.202083Z", "log_position": 397, "valuations": 1, "stale": None,
}  # fmt: skip
_VALUED: Example = {
    "id": _VALUATION_ID, "curve_id": _CURVE_ID, "figures": _FIGURES,
    "recorded_at": "2026-01-31T13:47:29.307914Z", "log_position": 398,
}  # fmt: skip
_VALUATION: Example = {"ppa_id": _PPA_ID, "digest": _VALUATION_DIGEST} | _VALUED
_VALUATION_WHOLE: Example = _VALUATION | {
    "valuation_id": _VALUATION_ID, "tenant": "local", "code_version": "0.1.0+1b8987b39d23",
    "artifact_sha256": _VALUATION_DIGEST,
    "parameters": {
        "terms": _TERMS, "seed": 7, "paths": 200, "time_zone": "America/New_York", "valuation_date": "2026-01-30",
    },
    "valuation": _FIGURES | {
        "yearly": [{
            "year": 2027, "volume_mwh": 438_000.0, "market_revenue_usd": 17_152_080.0,
            "fixed_cost_usd": 13_722_540.0, "net_usd": 3_429_540.0, "net_p5_usd": 2_961_426.54,
            "net_p95_usd": 3_951_313.93, "discounted_usd": 3_114_268.7,
        }],
    },
}  # fmt: skip
_ENTRY: Example = {
    "position": 396, "recorded_at": _BUILT_AT, "actor": "local-operator", "command": "build-curve",
    "event": "curve.built", "outcome": "done", "reason": None, "target_id": _CURVE_ID, "command_id": _COMMAND_ID,
    "correlation_id": "553d4d87-24b4-4e68-be6d-65b2e26c616a", "causation_id": _COMMAND_ID,
}  # fmt: skip
_EVENT: Example = {
    "position": 395, "event": "scenario.defined", "stream_id": _SCENARIO_ID, "version": 0,
    "hash": "cc51e73c09bc8a65f5eebc3023249270933faf2912c8a6dc1b4ce19432dfbfbd",
    "metadata": {
        "tenant": "local", "actor": "local-operator", "command": "define-scenario",
        "command_id": "a01ab2bf-7fcf-42a4-86d7-4e488c6a5857",
        "body_sha256": "74250fc28e8df9dd054e3001c66c130b832f6114e0c1590c1a80b051216a5786", "status": "done",
        "correlation_id": "8292d636-80fc-4241-bddc-242d1ccfa353",
        "causation_id": "a01ab2bf-7fcf-42a4-86d7-4e488c6a5857", "recorded_at": "2026-01-31T13:47:13.561603Z",
        "schema_version": 1, "previous_hash": "",
    },
    "data": {"name": "base", "assumptions": {"growth_per_year": 0.02, "seasonal_weight": 1.0}},
}  # fmt: skip
_LINEAGE: Example = {
    "id": _CURVE_ID, "position": 396, "direction": "upstream",
    "nodes": [
        {
            "id": _CURVE_ID, "position": 396, "kind": "curve", "label": "of PJM-WH",
            "details": {
                "actor": "local-operator", "event": "curve.built", "digest": _CURVE_DIGEST,
                "parameters": _CURVE_PARAMETERS, "recorded_at": _BUILT_AT, "code_version": "0.1.0+1b8987b39d23",
            },
        },
        {
            "id": "6f74dab4b2d6bce3bd426869a9e3147661c66e409b85480d0915e90d4e97977c", "position": 0,
            "kind": "object:runs", "label": "Parquet", "details": {},
        },
    ],
    "edges": [{
        "child": _CURVE_ID, "child_position": 396, "role": "input: history",
        "parent": "6f74dab4b2d6bce3bd426869a9e3147661c66e409b85480d0915e90d4e97977c", "parent_position": 0,
    }],
}  # fmt: skip
_SEAL: Example = {
    "sha256": "7b9a7358d7549d79e96048d6337f7dd6cec78b0a615a23d6fe7b7901c7088d63", "first_ordinal": 397,
    "last_ordinal": 401, "root": "b2441fa3fa7bfa3e94461161fd87f5add6445e099ba3d94f2fded936c72ce363",
    "previous_seal": "4e45e0ba4747f53cbb5a8ee3a441923c4791fe49fd081bd5b24e46742ab5a20e",
    "sealed_at": "2026-01-31T13:47:30.201146Z",
}  # fmt: skip
_ENTITLEMENT: Example = {
    "tenant": "acme", "iso": "MISO", "channel": "api", "valid_from": None, "valid_until": "2027-01-01T05:00:00Z",
    "granted_by": "local-operator", "granted_at": "2026-01-31T13:47:29.432098Z", "log_position": 401,
}  # fmt: skip
_API_KEY: Example = {
    "id": "f6660a24-2216-5636-bd16-9eab34863598", "prefix": "c254_oiplemiuzlxc", "name": "nightly loader",
    "actor": "local-operator", "roles": ["analyst"], "channel": "api", "status": "active",
    "issued_by": "local-operator", "issued_at": "2026-01-31T13:47:29.419012Z",
    "expires_at": "2026-05-01T13:47:29.418776Z", "revoked_at": None, "last_used_at": None, "log_position": 399,
}  # fmt: skip
_QUALITY_DAY: Example = {
    "iso": "PJM", "dataset": "prices", "market": "DA", "feed": "da_hrl_lmps", "market_day": "2026-01-30",
    "publications": 1, "quarantined": 0, "expected_intervals": 24, "spanned_intervals": 24, "completeness": 1.0,
    "repeated_intervals": 0, "missing": [], "row_count": 1224, "gap_count": 0,
    "first_recorded_at": "2026-01-31T13:46:51.571170Z", "last_recorded_at": "2026-01-31T13:46:51.571170Z",
}  # fmt: skip

_FEED: Example = {
    "id": "miso/da_expost_lmp", "iso": "MISO", "name": "da_expost_lmp", "title": "day-ahead LMPs, ex-post",
    "dataset": "prices", "market": "DA", "rows_feed": "da_expost_lmp", "source": "miso-reports",
    "asked_at": "https://docs.misoenergy.org/marketreports", "licence": "public; MISO's terms of use",
    "cadence_s": 86_400.0, "freshness_target_s": 93_600.0, "settled_after_s": 604_800.0,
    "last_fetched_at": "2026-01-30T20:15:03.118274Z", "newest_interval_end_utc": "2026-02-01T05:00:00Z",
    "requests": 31, "bytes_fetched": 55_482_911, "is_fresh": True, "last_run_at": "2026-01-30T20:15:01.004518Z",
    "last_good_run_at": "2026-01-30T20:15:01.004518Z", "failing_since": None, "last_failure": None, "is_polled": True,
}  # fmt: skip
_PROJECTION: Example = {
    "name": "prices", "position": 401, "lag": 0, "lag_s": 0.0, "dead_letters": 0, "trouble": None,
}  # fmt: skip
_DATASET: Example = {"name": "ancillary", "labels": ["product", "area"], "values": ["price_usd_per_mw", "cleared_mw"]}


def _page(row: Example) -> Example:
    return {"items": [row], "next_cursor": None}


ANSWERS: dict[str, Example] = {
    "list_prices": _page(_PRICE),
    "price_coverage": _page(_COVERAGE),
    "list_publications": _page(_PUBLICATION),
    "read_publication": _PUBLICATION_WHOLE,
    "list_instruments": _page(_INSTRUMENT),
    "read_instrument": _INSTRUMENT,
    "list_quotes": _page(_QUOTE),
    "list_scenarios": _page(_SCENARIO),
    "read_scenario": _SCENARIO | {"revisions": [_SCENARIO]},
    "list_curves": _page(_CURVE | {"followed_by": "ada", "stale": None}),
    "read_curve": _CURVE_WHOLE,
    "read_curve_staleness": {"stale": None, "followed_by": "ada"},
    "list_ppas": _page(_PPA),
    "read_ppa": _PPA | {"ppa_id": _PPA_ID, "tenant": "local", "valuations": [_VALUED | {"stale": None}]},
    "list_ppa_valuations": _page(_VALUATION | {"stale": None}),
    "read_ppa_valuation": _VALUATION_WHOLE,
    "read_ppa_valuation_staleness": {"stale": None},
    "list_audit": _page(_ENTRY),
    "read_event": _EVENT,
    "list_seals": {
        "public_key": "659b63a697c6b94ccc1abd6b10f25565ce7a413900aabd5afb48662c81e03042",
        "items": [_SEAL],
    },
    "read_lineage": _LINEAGE,
    "list_feeds": {"items": [_FEED]},
    "list_quality_days": _page(_QUALITY_DAY),
    "list_datasets": {"items": [_DATASET]},
    "list_projections": {"head": 401, "items": [_PROJECTION]},
    "list_entitlements": _page(_ENTITLEMENT),
    "list_api_keys": _page(_API_KEY),
}
"""By operation id: what it answers with status 200, as JSON."""
