"""A small simulated power market that publishes files in the four operators' own formats.

It lets everything be tried without the internet. Prices (`market`) are kept apart from the files they are written to
(one module per operator); the same day and seed are the same bytes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from integrations.isos.simulator import caiso, ercot, miso, pjm, sample_inputs
from integrations.isos.simulator.files import SimulatedFile
from integrations.isos.simulator.market import SimulatedMarket


@dataclass(frozen=True)
class SampleMarket:
    """Where the sample lies. `hub` is the name under which the instrument, the quotes and the PPA know their hub."""

    price_files: tuple[Path, ...]
    instrument_file: Path
    quotes_file: Path
    scenario_file: Path
    ppa_file: Path
    hub: str


def write_sample(folder: Path, *, day: date, seed: int, progress: Callable[[str], None] | None = None) -> SampleMarket:
    """Writes a day of each operator's prices, a year's history of one hub, and the inputs of a first valuation.

    Price files go to `folder`/prices/<iso>, the rest to `folder` itself; both are made if need be, and files of the
    same name are replaced. `seed` is a non-negative integer. `progress` is told each file's path within `folder` once
    the file is written. Raises OSError where the folder can't be written.
    """

    def put(path: str, content: bytes) -> Path:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        if progress is not None:
            progress(path)
        return target

    pjm_market = SimulatedMarket("PJM", seed)
    return SampleMarket(
        price_files=tuple(put(f"prices/{where}/{file.name}", file.content) for where, file in _price_files(day, seed)),
        instrument_file=put("hub.yaml", sample_inputs.instrument_yaml().encode()),
        quotes_file=put("quotes.csv", sample_inputs.quotes_csv(pjm_market, day).encode()),
        scenario_file=put("scenario.yaml", sample_inputs.scenario_yaml().encode()),
        ppa_file=put("ppa.yaml", sample_inputs.ppa_yaml(pjm_market, day).encode()),
        hub=sample_inputs.HUB,
    )


def _price_files(day: date, seed: int) -> Iterator[tuple[str, SimulatedFile]]:
    """Each file with the folder it goes to; PJM calls every export of a feed the same, so the history has its own."""
    miso_market, caiso_market, pjm_market, ercot_market = (
        SimulatedMarket(iso, seed) for iso in ("MISO", "CAISO", "PJM", "ERCOT")
    )
    yield "miso", miso.day_ahead_lmp(miso_market, day)
    yield "miso", miso.real_time_lmp(miso_market, day)
    yield "caiso", caiso.day_ahead_lmp(caiso_market, day)
    yield "caiso", caiso.real_time_lmp(caiso_market, day)
    yield "pjm/western_hub", pjm.hub_history(pjm_market, day)
    yield "pjm", pjm.day_ahead_lmps(pjm_market, day)
    yield "pjm", pjm.real_time_lmps(pjm_market, day)
    yield "ercot", ercot.day_ahead_spp(ercot_market, day)
    yield "ercot", ercot.real_time_spp(ercot_market, day)
    yield "ercot", ercot.sced_lmp(ercot_market, day)
