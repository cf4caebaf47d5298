"""The formats of at least 10,000 rows a file: a file of each, and how pandas is used with it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any, NamedTuple

from integrations.isos.catalogue import Payload, survey
from tests.benchmarks import pandas_formats as usual
from tests.benchmarks.files import ERCOT_FILE, MISO_FILE, SHARED
from tests.benchmarks.five_minute_files import FIRST_INTERVAL, hour_files

Usual = Callable[[bytes], Any]


class Format(NamedTuple):
    name: str
    dataset: str
    payload: Payload
    usual: Usual
    label: bytes
    """A name in the file with the byte that follows it; its two last characters may be others."""
    served: tuple[str, bytes]
    """The file as its operator serves it, and its name: bare, or for what only comes so a zip of it."""

    @property
    def content(self) -> bytes:
        return self.payload.contents[0]

    def unwrapped(self, served: bytes) -> bytes:
        """What is in a file that is like the one `served`, for who reads no zips."""
        if self.served[1] is self.content:
            return served
        with zipfile.ZipFile(io.BytesIO(served)) as archive:
            return archive.read(archive.infolist()[0])


def formats() -> list[Format]:
    """Real files where they are large enough, else generated ones."""
    generated = dict(hour_files(FIRST_INTERVAL))
    caiso = next(file for file in generated.items() if "PRC_INTVL" in file[0])
    pjm = next(file for file in generated.items() if "_page1" in file[0])
    return [
        _of("MISO rt_lmp_final (CSV)", "prices", (MISO_FILE.name, MISO_FILE.read_bytes()), usual.miso_lmps, b"\nAECI,"),
        _real(
            "MISO asm_expost_damcp (CSV)",
            "ancillary",
            "miso/asm_expost_damcp/20230101*",
            usual.miso_ancillary,
            b"ALTW.ADAMSADAM,",
        ),
        _of("CAISO PRC_INTVL_LMP (CSV, generated)", "prices", caiso, usual.caiso_lmps, b"CAISO_00000_N001,")._replace(
            served=caiso
        ),
        _real("CAISO ATL_PNODE (CSV)", "places", "caiso/atlas/*ATL_PNODE_N*", usual.caiso_places, b"CON25_1_N001,"),
        _real("PJM da_hrl_lmps (CSV)", "prices", "pjm/da_hrl_lmps/*hubs_20250501*", usual.pjm_lmps, b"EASTERN HUB,"),
        _real("PJM rt_hrl_lmps (CSV)", "prices", "pjm/rt_hrl_lmps/*hubs_20250501*", usual.pjm_lmps, b"EASTERN HUB,"),
        _of("PJM five-minute LMPs (JSON, generated)", "prices", pjm, usual.pjm_lmp_page, b'PJM00000 STATION"'),
        _real(
            "PJM reserve_market_results (CSV)",
            "ancillary",
            "pjm/reserve_market_results/*.gz",
            usual.pjm_reserves,
            b",PJM_RTO,",
        ),
        _real("PJM hrl_load_metered (CSV)", "fundamentals", "pjm/hrl_load_metered/*1616*", usual.pjm_load, b",AECO,"),
        _real("PJM pnode (CSV)", "places", "pjm/pnode/*", usual.pjm_places, b",PJM-RTO,"),
        _of("ERCOT NP4-190 (CSV)", "prices", (ERCOT_FILE.name, ERCOT_FILE.read_bytes()), usual.ercot_lmps, b",AEEC,"),
        _real(
            "ERCOT NP4-160 (CSV)",
            "places",
            "ercot/settlement_points_np4-160-sg/Settl*",
            usual.ercot_places,
            b",L_BUCKRA8_1Y,",
        ),
        _real(
            "ERCOT NP3-965 self-arranged (CSV)",
            "disclosures",
            "ercot/60day*/*Self*",
            usual.ercot_self_arranged,
            b'"QAEN"',
        ),
        _real("ERCOT NP4-180 (workbook)", "prices", "ercot/dam_hub*/*2025*", usual.ercot_price_book, b">HB_BUSAVG<"),
        _real(
            "ERCOT native load (workbook)",
            "fundamentals",
            "ercot/native_load/*2024*",
            usual.ercot_load_book,
            b">FWEST<",
        ),
        _real(
            "ERCOT IntGenbyFuel (workbook)",
            "fundamentals",
            "ercot/fuel_mix*/*2022*",
            usual.ercot_generation_book,
            b">Biomass<",
        ),
    ]


def _real(name: str, dataset: str, pattern: str, how: Usual, label: bytes) -> Format:
    path = max(SHARED.glob(pattern), key=lambda found: found.stat().st_size)
    return _of(name, dataset, (path.name, path.read_bytes()), how, label)


def _of(name: str, dataset: str, file: tuple[str, bytes], how: Usual, label: bytes) -> Format:
    (payload,) = survey(*file, named=True).payloads
    return Format(name, dataset, payload, how, label, (payload.names[0], payload.contents[0]))
