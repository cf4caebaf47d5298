"""Every command there is, and how it is handled."""

from __future__ import annotations

from commands import (
    api_keys,
    curves,
    entitlements,
    feeds,
    followed_curves,
    instruments,
    ppas,
    publications,
    quotes,
    results,
    scenarios,
)
from commands.bus import Handling
from commands.permissions import Permission
from write_model.api_keys import ActorAccess, ApiKey
from write_model.curves import Curve
from write_model.entitlements import Entitlements
from write_model.feeds import FeedFetch
from write_model.followed_curves import FollowedCurve
from write_model.instruments import Instrument
from write_model.ppas import PpaContract, PpaValuation
from write_model.publications import Publication
from write_model.quotes import QuoteSheet
from write_model.results import ComputedResult
from write_model.scenarios import Scenario

_HANDLINGS = (
    Handling(
        publications.IngestPublication, Permission.OPERATE, Publication, publications.stream_of_publication,
        publications.handle_ingest_publication, publications.status_of_publication,
    ),
    Handling(feeds.RecordFetch, Permission.OPERATE, FeedFetch, feeds.stream_of_fetch, feeds.handle_record_fetch),
    Handling(
        instruments.RegisterInstrument, Permission.DEFINE, Instrument, instruments.stream_of_instrument,
        instruments.handle_register_instrument,
    ),
    Handling(
        quotes.RecordQuotes, Permission.DEFINE, QuoteSheet, quotes.stream_of_quote_sheet, quotes.handle_record_quotes,
    ),
    Handling(
        scenarios.DefineScenario, Permission.DEFINE, Scenario, scenarios.stream_of_scenario,
        scenarios.handle_define_scenario,
    ),
    Handling(
        scenarios.ReviseScenario, Permission.DEFINE, Scenario, scenarios.stream_of_scenario,
        scenarios.handle_revise_scenario,
    ),
    Handling(curves.BuildCurve, Permission.COMPUTE, Curve, curves.stream_of_curve, curves.handle_build_curve),
    Handling(
        followed_curves.FollowCurve, Permission.COMPUTE, FollowedCurve, followed_curves.stream_of_followed_curve,
        followed_curves.handle_follow_curve,
    ),
    Handling(
        followed_curves.UnfollowCurve, Permission.COMPUTE, FollowedCurve, followed_curves.stream_of_followed_curve,
        followed_curves.handle_unfollow_curve,
    ),
    Handling(ppas.RegisterPpa, Permission.DEFINE, PpaContract, ppas.stream_of_ppa, ppas.handle_register_ppa),
    Handling(ppas.PricePpa, Permission.COMPUTE, PpaValuation, ppas.stream_of_valuation, ppas.handle_price_ppa),
    Handling(
        results.RecomputeResult, Permission.COMPUTE, ComputedResult, results.stream_of_result,
        results.handle_recompute_result, results.status_of_recomputation,
    ),
    Handling(
        entitlements.GrantEntitlement, Permission.GRANT_ENTITLEMENTS, Entitlements, entitlements.stream_of_entitlements,
        entitlements.handle_grant_entitlement,
    ),
    Handling(
        entitlements.RevokeEntitlement, Permission.GRANT_ENTITLEMENTS, Entitlements,
        entitlements.stream_of_entitlements, entitlements.handle_revoke_entitlement,
    ),
    Handling(
        api_keys.IssueApiKey, Permission.HOLD_KEYS, ApiKey, api_keys.stream_of_new_key,
        api_keys.handle_issue_api_key,
    ),
    Handling(
        api_keys.RevokeApiKey, Permission.HOLD_KEYS, ApiKey, api_keys.stream_of_key,
        api_keys.handle_revoke_api_key,
    ),
    Handling(
        api_keys.RevokeActor, Permission.HOLD_KEYS, ActorAccess, api_keys.stream_of_actor,
        api_keys.handle_revoke_actor,
    ),
)  # fmt: skip

REGISTRY = {handling.message.command_name(): handling for handling in _HANDLINGS}
