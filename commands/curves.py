"""Building forward curves: quotes, history and a scenario in, a monthly curve to December 2050 out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from analytics.curves import MonthlyCurve, build_monthly_curve
from analytics.quotes import ConflictingQuotes, Quote
from analytics.seasons import learn_seasonal_shape
from analytics.splines import CurveNotSolved
from commands.entitlements import demand_entitlement
from commands.instruments import Name
from commands.message import Caller, Command, Context, Tools, example
from infra.canonical import digest, to_parquet
from write_model.base import Refused, stream_id
from write_model.curves import NOUN, Curve, CurveShape
from write_model.instruments import Instrument, instrument_id
from write_model.results import Computation, Origin
from write_model.scenarios import Scenario, scenario_id

CURVE_SCHEMA = pa.schema(
    [("delivery_month", pa.date32()), ("price_usd_per_mwh", pa.float64()), ("is_extrapolated", pa.bool_())]
)


class BuildCurve(Command):
    """A forward curve of a hub under a scenario, from everything quoted and ingested so far."""

    model_config = example(hub="PJM-WH", scenario="base")

    hub: Name
    scenario: Name


def stream_of_curve(command: BuildCurve, caller: Caller, _: Tools) -> UUID:
    return stream_id(caller.tenant, NOUN, {"command": command.command_name(), "command_id": str(caller.command_id)})


def handle_build_curve(command: BuildCurve, _: None, context: Context) -> Curve:
    tenant, tools = context.caller.tenant, context.tools
    instrument = context.load(
        Instrument,
        instrument_id(tenant, command.hub),
        "hub",
        command.hub,
        remedy="`carbon254 instruments list` shows the hubs.",
    )
    scenario = context.load(
        Scenario, scenario_id(tenant, command.scenario), "scenario", command.scenario,
        remedy="`carbon254 scenarios list` shows them; define one with `carbon254 scenarios define`.",
    )  # fmt: skip
    through = tools.settled_position()
    quotes = tools.forward_quotes(tenant=tenant, hub=command.hub, through_position=through)
    if not quotes.num_rows:
        raise Refused(
            f"no quotes are recorded for {command.hub}", remedy="Record some with `carbon254 quotes record FILE.csv`."
        )
    hub = instrument.value.hub
    if context.caller.principal:
        demand_entitlement(tools, context.caller.principal, hub.iso, context.caller.principal.channel)
    history = tools.price_history(
        iso=hub.iso, market=hub.market, node=hub.node, node_type=hub.node_type, through_position=through
    )
    parameters: dict[str, Any] = {
        "hub": command.hub,
        "scenario": command.scenario,
        "scenario_revision": scenario.value.revision,
        "growth_per_year": scenario.value.assumptions.growth_per_year,
        "seasonal_weight": scenario.value.assumptions.seasonal_weight,
        "time_zone": hub.time_zone,
        "valuation_date": pc.max(quotes["quoted_at"]).as_py().astimezone(ZoneInfo(hub.time_zone)).date().isoformat(),
        "through_position": through,
    }
    points, report = compute_curve(quotes, history, parameters)
    computation = Computation(
        inputs={
            "quotes": tools.objects.put("runs", to_parquet(quotes)),
            "history": tools.objects.put("runs", to_parquet(history)),
        },
        made_from={
            "hub": Origin(instrument.value.id, instrument.position),
            "scenario": Origin(scenario.value.id, scenario.position),
        },
        parameters=parameters,
        code_version=tools.code_version,
        artifact_sha256=tools.objects.put("curves", to_parquet(points)),
        digest=digest(points),
    )
    return Curve.build(context.stream_id, _shape(command.hub, points), computation, report)


def compute_curve(quotes: pa.Table, history: pa.Table, parameters: dict[str, Any]) -> tuple[pa.Table, dict[str, Any]]:
    """The curve as a table of CURVE_SCHEMA and its report, from nothing but the snapshots and parameters of an event.

    Quotes whose delivery is over on the valuation date are left out, and so is the older one where two quotes of
    different times contradict each other; the report names them. Raises Refused when quotes of the same time
    contradict each other, or no curve runs through them.
    """
    shape = learn_seasonal_shape(
        history["interval_start_utc"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy(),
        history["lmp_usd_per_mwh"].to_numpy(),
        parameters["time_zone"],
    )
    usable, expired = _usable(quotes, date.fromisoformat(parameters["valuation_date"]))
    stale: list[Quote] = []
    while True:
        try:
            curve = build_monthly_curve(
                list(usable),
                parameters["time_zone"],
                shape,
                growth_per_year=parameters["growth_per_year"],
                seasonal_weight=parameters["seasonal_weight"],
            )
        except ConflictingQuotes as conflict:
            stale.append(_oldest(conflict, usable))
            del usable[stale[-1]]
        except (CurveNotSolved, ValueError) as error:
            raise Refused(str(error), remedy="Check the quotes for a price or a period that is far off.") from error
        else:
            left_out = {"quotes_expired": expired, "quotes_stale": [str(quote) for quote in stale]}
            return _table(curve), curve.diagnostics() | left_out


def _usable(quotes: pa.Table, valuation_date: date) -> tuple[dict[Quote, datetime], list[str]]:
    """Quotes still ahead, each with the time it is of; and those whose delivery is over."""
    given = {Quote.of(q["product"], q["price_usd_per_mwh"]): q["quoted_at"] for q in quotes.to_pylist()}
    ahead = {quote: quoted_at for quote, quoted_at in given.items() if quote.period.end > valuation_date}
    if not ahead:
        raise Refused(
            f"the delivery of every quote was over by {valuation_date}", remedy="Record quotes of coming months."
        )
    return ahead, [str(quote) for quote in given if quote not in ahead]


def _oldest(conflict: ConflictingQuotes, quoted_at: dict[Quote, datetime]) -> Quote:
    """The quote that gives way to newer ones. Raises Refused where they are all of one time."""
    involved = sorted((conflict.quote, *conflict.implied_by), key=lambda quote: quoted_at[quote])
    if quoted_at[involved[0]] == quoted_at[involved[-1]]:
        raise Refused(str(conflict), remedy="Record a newer quote for the product that is wrong.") from conflict
    return involved[0]


def _table(curve: MonthlyCurve) -> pa.Table:
    columns = [curve.month.astype("datetime64[D]"), curve.price_usd_per_mwh, curve.is_extrapolated]
    return pa.table([pa.array(column) for column in columns], names=CURVE_SCHEMA.names).cast(CURVE_SCHEMA)


def _shape(hub: str, points: pa.Table) -> CurveShape:
    months: list[date] = points["delivery_month"].to_pylist()
    quoted = points.filter(pc.invert(points["is_extrapolated"]))["delivery_month"].to_pylist()
    return CurveShape(
        hub=hub,
        first_month=months[0],
        last_quoted_month=quoted[-1],
        last_month=months[-1],
        point_count=len(months),
    )
