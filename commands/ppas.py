"""Registering power purchase agreements, and pricing them against a curve."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa
from pydantic import BeforeValidator, Field, field_validator, model_validator

from analytics.mean_reversion import MeanReversion, OuProcess, estimate_mean_reversion
from analytics.periods import Period
from analytics.ppas import PpaTerms, forward_of, price_ppa
from analytics.price_paths import GENERATOR
from analytics.volumes import PROFILE_LENGTHS, delivery_volumes
from commands.instruments import Name
from commands.message import Caller, Command, Context, Tools, example
from infra.canonical import from_parquet
from write_model.base import Refused, stream_id
from write_model.curves import Curve
from write_model.instruments import Instrument, instrument_id
from write_model.ppas import PpaContract, PpaValuation, Terms, ppa_id
from write_model.results import Computation, Origin

Month = Annotated[str, Field(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$")]
Power = Annotated[float, Field(ge=0, le=1e6)]

# Assumed where history cannot tell: a deviation halves within a month, and a year's noise is half the price.
DEFAULT_PROCESS = OuProcess(kappa_per_year=8.4, sigma_per_sqrt_year=0.5)
_SIDES: dict[str, Literal["buyer", "seller"]] = {"buy": "buyer", "sell": "seller"}


def _as_profile(power: object) -> object:
    return (power,) if isinstance(power, int | float) else power


class RegisterPpa(Command):
    """A fixed-price contract. `power_mw` is one number or a profile of 24, 168, 288 or 8760 hourly values; `start` and
    `end` are the first and last delivery month; rates are fractions (0.07 for 7 %)."""

    model_config = example(
        name="Blue Creek wind",
        hub="PJM-WH",
        side="buy",
        power_mw=100,
        fixed_price_usd_per_mwh=38.5,
        start="2027-01",
        end="2036-12",
        discount_rate_per_year=0.07,
    )

    name: Name
    hub: Name
    side: Literal["buy", "sell"]
    power_mw: Annotated[
        tuple[Power, ...], BeforeValidator(_as_profile, json_schema_input_type=Power | tuple[Power, ...])
    ]
    fixed_price_usd_per_mwh: Annotated[float, Field(ge=-10_000, le=10_000)]
    start: Month
    end: Month
    discount_rate_per_year: Annotated[float, Field(gt=-0.5, le=1)]
    upfront_cost_usd: Annotated[float, Field(ge=0, le=1e12)] = 0.0

    @field_validator("power_mw")
    @classmethod
    def _a_profile(cls, power: tuple[float, ...]) -> tuple[float, ...]:
        if len(power) not in PROFILE_LENGTHS:
            raise ValueError(f"{len(power)} values are no profile; give 1, 24, 168, 288 or 8760")
        if not any(power):
            raise ValueError("nothing would be delivered; give a power above 0")
        return power

    @model_validator(mode="after")
    def _in_order(self) -> RegisterPpa:
        if self.end < self.start:
            raise ValueError(f"the contract would end ({self.end}) before it starts ({self.start})")
        if self.end > "2050-12":
            raise ValueError(f"delivery to {self.end} lies past December 2050, where curves end")
        return self


class PricePpa(Command):
    """A valuation of a contract on a curve. Without `kappa_per_year` and `sigma_per_sqrt_year` mean reversion and
    volatility are estimated from the history that the curve was built with."""

    model_config = example(
        ppa_id="0b8f3c1e-5c7a-5d0e-9b1c-2f6a7d8e9f01",
        curve_id="6f1e2d3c-4b5a-5968-8776-655443322110",
        paths=10_000,
        seed=7,
    )

    ppa_id: UUID
    curve_id: UUID
    paths: Annotated[int, Field(ge=2, le=1_000_000)] = 10_000
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    kappa_per_year: Annotated[float, Field(gt=0, le=1000)] | None = None
    sigma_per_sqrt_year: Annotated[float, Field(ge=0, le=20)] | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> PricePpa:
        if (self.kappa_per_year is None) != (self.sigma_per_sqrt_year is None):
            raise ValueError("give kappa_per_year and sigma_per_sqrt_year together, or neither")
        return self


def stream_of_ppa(command: RegisterPpa, caller: Caller, _: Tools) -> UUID:
    return ppa_id(caller.tenant, command.name)


def stream_of_valuation(command: PricePpa, caller: Caller, _: Tools) -> UUID:
    key = {"command": command.command_name(), "command_id": str(caller.command_id)}
    return stream_id(caller.tenant, "ppa valuation", key)


def handle_register_ppa(command: RegisterPpa, contract: PpaContract | None, context: Context) -> PpaContract:
    hub_id = instrument_id(context.caller.tenant, command.hub)
    context.load(Instrument, hub_id, "hub", command.hub, remedy="Register it with `carbon254 instruments register`.")
    terms = Terms(
        hub=command.hub,
        side=command.side,
        power_mw=command.power_mw,
        fixed_price_usd_per_mwh=command.fixed_price_usd_per_mwh,
        first_month=date.fromisoformat(f"{command.start}-01"),
        last_month=date.fromisoformat(f"{command.end}-01"),
        discount_rate_per_year=command.discount_rate_per_year,
        upfront_cost_usd=command.upfront_cost_usd,
    )
    if contract is None:
        return PpaContract.register(context.stream_id, command.name, terms)
    contract.register_again(terms)
    return contract


def handle_price_ppa(command: PricePpa, _: None, context: Context) -> PpaValuation:
    contract = context.load(
        PpaContract, command.ppa_id, "contract", command.ppa_id, remedy="`carbon254 ppas list` shows the contracts."
    )
    curve = context.load(
        Curve, command.curve_id, "curve", command.curve_id, remedy="`carbon254 curves list` shows the curves."
    )
    terms, made = contract.value.terms, curve.value
    if made.shape.hub != terms.hub:
        raise Refused(
            f"the contract settles at {terms.hub}, but the curve is of {made.shape.hub}",
            remedy=f"Build a curve of {terms.hub} and price on that.",
            status=422,
        )
    inputs = {"curve": made.computation.artifact_sha256, "history": made.computation.inputs["history"]}
    given = command.kappa_per_year is not None
    parameters: dict[str, Any] = {
        "terms": msgspec.to_builtins(terms),
        "time_zone": made.computation.parameters["time_zone"],
        "valuation_date": made.computation.parameters["valuation_date"],
        "paths": command.paths,
        "seed": command.seed,
        "generator": GENERATOR,
        "given_process": {"kappa_per_year": command.kappa_per_year, "sigma_per_sqrt_year": command.sigma_per_sqrt_year}
        if given
        else None,
    }
    objects = context.tools.objects
    points = from_parquet(objects.get("curves", inputs["curve"]))
    history = from_parquet(objects.get("runs", inputs["history"]))
    valuation = compute_valuation(points, history, parameters)
    artifact = canonical_valuation(valuation)
    key = objects.put("runs", artifact)
    computation = Computation(
        inputs=inputs,
        made_from={
            "contract": Origin(contract.value.id, contract.position),
            "curve": Origin(made.id, curve.position),
        },
        parameters=parameters,
        code_version=context.tools.code_version,
        artifact_sha256=key,
        digest=key,
    )
    figures = {name: value for name, value in valuation.items() if name != "yearly"}
    return PpaValuation.price(
        context.stream_id, ppa_id=command.ppa_id, curve_id=command.curve_id, computation=computation, figures=figures
    )


def canonical_valuation(valuation: dict[str, Any]) -> bytes:
    """JSON with sorted keys and shortest-form floats: equal valuations are equal bytes, so the hash is the digest."""
    return msgspec.json.encode(valuation, order="sorted")


def compute_valuation(points: pa.Table, history: pa.Table, parameters: dict[str, Any]) -> dict[str, Any]:
    """The valuation as plain JSON values, from nothing but the curve's points, the history and the parameters.

    Raises Refused when the curve does not cover the months still to be delivered.
    """
    terms = msgspec.convert(parameters["terms"], Terms)
    valuation_date = date.fromisoformat(parameters["valuation_date"])
    process = _process(history, parameters)
    after = np.datetime64(terms.last_month, "M") + 1
    delivery = Period(terms.first_month, after.astype("datetime64[D]").item())
    volumes = delivery_volumes(delivery, parameters["time_zone"], terms.power_mw)
    ahead = (volumes.month + 1).astype("datetime64[D]") > np.datetime64(valuation_date, "D")
    if not ahead.any():
        raise Refused(
            f"the contract was over before {valuation_date}", remedy="Price it on an older curve.", status=422
        )
    try:
        forward = forward_of(
            volumes.month[ahead],
            points["delivery_month"].to_numpy().astype("datetime64[M]"),
            points["price_usd_per_mwh"].to_numpy(),
        )
    except ValueError as error:
        raise Refused(str(error), remedy="Quote the missing months and build the curve again.", status=422) from error
    priced = price_ppa(
        PpaTerms(
            side=_SIDES[terms.side],
            fixed_price_usd_per_mwh=terms.fixed_price_usd_per_mwh,
            discount_rate_per_year=terms.discount_rate_per_year,
            valuation_date=valuation_date,
            upfront_cost_usd=terms.upfront_cost_usd,
        ),
        volumes.month[ahead],
        forward,
        volumes.volume_mwh[ahead],
        process.process,
        paths=parameters["paths"],
        seed=parameters["seed"],
    )
    result = asdict(priced) | {
        "process": _process_report(process),
        "months_priced": int(ahead.sum()),
        "months_delivered_before": int((~ahead).sum()),
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(result))
    return plain


def _process(history: pa.Table, parameters: dict[str, Any]) -> MeanReversion:
    given = parameters["given_process"]
    if given:
        return MeanReversion(OuProcess(**given), None, 0, 0, 0)
    starts = history["interval_start_utc"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_numpy()
    prices = history["lmp_usd_per_mwh"].to_numpy()
    return estimate_mean_reversion(starts, prices, parameters["time_zone"], default=DEFAULT_PROCESS)


def _process_report(estimate: MeanReversion) -> dict[str, Any]:
    facts = asdict(estimate)
    process = facts.pop("process")
    return {**process, "half_life_days": estimate.process.half_life_days, **facts}
