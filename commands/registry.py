"""Every command there is, and how it is handled."""

from __future__ import annotations

from commands import curves, feeds, instruments, ppas, publications, quotes, results, scenarios
from commands.bus import Handling
from write_model.curves import Curve
from write_model.feeds import FeedFetch
from write_model.instruments import Instrument
from write_model.ppas import PpaContract, PpaValuation
from write_model.publications import Publication
from write_model.quotes import QuoteSheet
from write_model.results import ComputedResult
from write_model.scenarios import Scenario

_HANDLINGS = (
    Handling(
        publications.IngestPublication, Publication, publications.stream_of_publication,
        publications.handle_ingest_publication, publications.status_of_publication,
    ),
    Handling(feeds.RecordFetch, FeedFetch, feeds.stream_of_fetch, feeds.handle_record_fetch),
    Handling(
        instruments.RegisterInstrument, Instrument, instruments.stream_of_instrument,
        instruments.handle_register_instrument,
    ),
    Handling(quotes.RecordQuotes, QuoteSheet, quotes.stream_of_quote_sheet, quotes.handle_record_quotes),
    Handling(scenarios.DefineScenario, Scenario, scenarios.stream_of_scenario, scenarios.handle_define_scenario),
    Handling(scenarios.ReviseScenario, Scenario, scenarios.stream_of_scenario, scenarios.handle_revise_scenario),
    Handling(curves.BuildCurve, Curve, curves.stream_of_curve, curves.handle_build_curve),
    Handling(ppas.RegisterPpa, PpaContract, ppas.stream_of_ppa, ppas.handle_register_ppa),
    Handling(ppas.PricePpa, PpaValuation, ppas.stream_of_valuation, ppas.handle_price_ppa),
    Handling(
        results.RecomputeResult, ComputedResult, results.stream_of_result, results.handle_recompute_result,
        results.status_of_recomputation,
    ),
)  # fmt: skip

REGISTRY = {handling.message.command_name(): handling for handling in _HANDLINGS}
