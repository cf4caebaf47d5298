"""The main job on sample data: from ISO files to a priced PPA that explains itself."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.rule import Rule

from api.cli.common import AsJson, read_fields
from api.cli.connection import Connection
from api.cli.ingest import ingest_paths
from api.cli.lineage import lineage_tree
from api.cli.output import out, say, show_json
from api.cli.ppas import show_valuation
from infra.errors import PlatformError

SAMPLE_SEED = 254
SEED = 7
PATHS = 10_000


def show_main_job(connection: Connection) -> None:
    """Writes sample files, takes them through the whole platform, and prints what came of each step."""
    from api.simulated_markets import write_sample_files

    with tempfile.TemporaryDirectory(prefix="carbon254-sample-") as folder:
        _step("1  Sample files of four ISOs, in the operators' own formats")
        with out.status("Writing files…"):
            sample = write_sample_files(Path(folder), day=None, seed=SAMPLE_SEED)
        say(f"{len(sample.price_files)} price files: {', '.join(f.name for f in sample.price_files[:4])}, …")

        _step("2  Ingest: raw bytes kept, rows read, one event a publication")
        report = ingest_paths(connection, list(sample.price_files))
        out.print(f"{report.publications} publications with {report.rows:,} prices of MISO, CAISO, PJM and ERCOT")

        _step("3  Hub, quotes, scenario")
        connection.command("register-instrument", read_fields(sample.instrument_file))
        quotes = connection.command("record-quotes", {"object": connection.upload(sample.quotes_file.read_bytes())})
        scenario = read_fields(sample.scenario_file)
        connection.command("define-scenario", scenario)
        count = quotes["events"][0]["data"]["sheet"]["quote_count"] if quotes["events"] else 0
        assumed = f"{scenario['growth_per_year']:.0%} growth a year, seasonal weight {scenario['seasonal_weight']:g}"
        say(f"{count} quotes of {sample.hub}; scenario {scenario['name']}: {assumed}")

        _step("4  Forward curve to December 2050")
        curve = connection.command("build-curve", {"hub": sample.hub, "scenario": scenario["name"]})
        _say_curve(curve)

        _step("5  Price a PPA")
        ppa = connection.command("register-ppa", read_fields(sample.ppa_file))
        body = {"ppa_id": ppa["id"], "curve_id": curve["id"], "paths": PATHS, "seed": SEED}
        with out.status("Simulating prices…"):
            valuation = connection.command("price-ppa", body)
        show_valuation(connection.get(f"/v1/ppas/valuations/{valuation['id']}"))

    _step("6  What this NPV rests on, down to the raw files")
    out.print(lineage_tree(connection.get(f"/v1/lineage/{valuation['id']}")))
    again = connection.command("recompute-result", {"result_id": valuation["id"]})
    data = again["events"][0]["data"]
    say(f"Recomputed from the recorded inputs: {'equal' if data['equal'] else data['difference']}.")


def sample(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Made if it is missing.")],
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The simulated day. Default: the last that is over.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same day and seed, same files.")] = SAMPLE_SEED,
    as_json: AsJson = False,
) -> None:
    """Write a day of simulated price files of four ISOs, and the inputs of a curve and a PPA, into FOLDER."""
    from api.simulated_markets import write_sample_files

    if folder.exists() and any(folder.iterdir()):
        raise PlatformError(f"{folder} is not empty", "Name a new folder.")
    written = write_sample_files(folder, day=day.date() if day else None, seed=seed)
    inputs = {
        "instrument_file": written.instrument_file,
        "quotes_file": written.quotes_file,
        "scenario_file": written.scenario_file,
        "ppa_file": written.ppa_file,
    }
    if as_json:
        show_json({"price_files": written.price_files} | inputs)
        return
    say(f"{folder / 'prices'}  {len(written.price_files)} price files")
    for file in inputs.values():
        say(file)


def _step(title: str) -> None:
    out.print(Rule(title, align="left", style="dim"))


def _say_curve(answer: dict[str, Any]) -> None:
    data = answer["events"][0]["data"]
    shape, report = data["shape"], data["report"]
    out.print(
        f"{shape['point_count']} months to {shape['last_month'][:7]}, quoted to {shape['last_quoted_month'][:7]}, "
        f"quotes met to {report['max_abs_repricing_error_usd_per_mwh']:.0e} $/MWh; "
        f"season learnt from {report['seasonal_years_used']} year(s) of history"
    )
