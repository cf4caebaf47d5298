"""`carbon254 ppas`: contracts and their valuations."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli.common import AsJson, Id, InputFile, connect, read_fields, reads, send
from api.cli.output import err, out, say, show_json, table
from api.cli.staleness import Stale, show_stale_rows, stale_lines

app = typer.Typer(help="Power purchase agreements.", no_args_is_help=True)


NO_IRR = {
    "no_outlay": "there is no upfront cost to earn a rate on",
    "no_sign_change": "the cash flows never change sign",
    "no_rate": "no rate makes the cash flows worth zero",
}


@app.command()
def register(file: InputFile, as_json: AsJson = False) -> None:
    """Register the contract of a YAML FILE: name, hub, side, power_mw, fixed_price_usd_per_mwh, start, end,
    discount_rate_per_year, upfront_cost_usd."""
    fields = read_fields(file)
    with connect() as connection:
        send(connection, "register-ppa", fields, as_json)


@app.command()
def price(
    ppa_id: Id,
    curve: Annotated[UUID, typer.Option(help="The curve's id.")],
    paths: Annotated[int, typer.Option(help="Simulated price paths.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same number, to the last bit.")] = 0,
    kappa: Annotated[float | None, typer.Option(help="Mean reversion a year; estimated where left out.")] = None,
    sigma: Annotated[float | None, typer.Option(help="Volatility a square root of a year; as kappa.")] = None,
    as_json: AsJson = False,
) -> None:
    """Price a contract on a curve."""
    body = {
        "ppa_id": str(ppa_id),
        "curve_id": str(curve),
        "paths": paths,
        "seed": seed,
        "kappa_per_year": kappa,
        "sigma_per_sqrt_year": sigma,
    }
    with connect() as connection:
        answer = connection.command("price-ppa", body)
        found = connection.get(f"/v1/ppas/valuations/{answer['id']}")
    if as_json:
        show_json(found)
    else:
        show_valuation(found)


@app.command("list")
@reads
def list_(stale: Stale = False, as_json: AsJson = False) -> None:
    """List the contracts; stale are those of which a newest valuation would be another by now."""
    columns = ("name", "hub", "side", "valuations", "id", "stale_since")
    empty = "No contract is stale." if stale else "No contracts yet: `carbon254 ppas register FILE.yaml`."
    with connect() as connection:
        found = connection.items("/v1/ppas", stale="true" if stale else None)
        show_stale_rows(found, columns, only_stale=stale, as_json=as_json, empty=empty)


@app.command()
@reads
def show(ppa_id: Id, as_json: AsJson = False) -> None:
    """Show a contract with its valuations, and what has changed since they were made."""
    with connect() as connection:
        found = connection.get(f"/v1/ppas/{ppa_id}")
    if as_json:
        show_json(found)
        return
    for line in stale_lines(found["stale"]):
        say(line, err)
    terms = [{"term": name, "value": value} for name, value in found["terms"].items()]
    out.print(table(terms, ("term", "value")))
    valuations = [valuation | valuation["figures"] for valuation in found["valuations"]]
    columns = (
        "id", "curve_id", "npv_mean_usd", "npv_standard_error_usd", "break_even_price_usd_per_mwh", "seed",
        "stale_since",
    )  # fmt: skip
    empty = "Not priced yet: `carbon254 ppas price ID --curve ID`."
    show_stale_rows(valuations, columns, only_stale=False, as_json=False, empty=empty)


def show_valuation(found: dict[str, Any]) -> None:
    """The headline figures and the yearly settlement of one valuation."""
    valuation = found["valuation"]
    out.print(found["id"])
    process, irr = valuation["process"], valuation["irr"]
    if process["fallback"]:
        say(f"Fallback {process['fallback']}: {process['reason']}", err)
    figures = [
        ("NPV, mean of paths", f"{valuation['npv_mean_usd']:,.0f} $ ± {valuation['npv_standard_error_usd']:,.0f}"),
        ("NPV, closed form", f"{valuation['npv_closed_form_usd']:,.0f} $"),
        ("NPV P5 / P50 / P95", " / ".join(f"{valuation[f'npv_p{p}_usd']:,.0f}" for p in (5, 50, 95)) + " $"),
        ("Break-even price", f"{valuation['break_even_price_usd_per_mwh']:.4f} $/MWh"),
        ("IRR", f"{irr['rate']:.2%} a year" if irr["rate"] is not None else f"none: {NO_IRR[irr['reason']]}"),
        (
            "Mean reversion",
            f"{process['kappa_per_year']:.3f} a year (half-life {process['half_life_days']:.1f} days), "
            f"volatility {process['sigma_per_sqrt_year']:.3f}",
        ),
        ("Paths, seed", f"{valuation['paths']:,}, {valuation['seed']}"),
    ]
    out.print(table([{"figure": name, "value": value} for name, value in figures], ("figure", "value")))
    columns = ("year", "volume_mwh", "market_revenue_usd", "fixed_cost_usd", "net_usd", "net_p5_usd", "net_p95_usd",
               "discounted_usd")  # fmt: skip
    whole = [{k: v if k == "year" else round(v) for k, v in year.items()} for year in valuation["yearly"]]
    out.print(table(whole, columns))
