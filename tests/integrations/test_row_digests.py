"""The rows of real files of each layout, by the digest that their events carry: no faster way may change a value.

The first 16 digits of it.
"""

from pathlib import Path

import pytest

from infra.canonical import digest
from integrations.isos.catalogue import parse, survey

pytestmark = pytest.mark.shared

# Of the rows as they were read one by one, before they were worked out on distinct values.
DIGESTS = {
    "miso/rt_lmp_final/20190310_rt_lmp_final.csv.gz": "900f1442f007519e",
    "miso/asm_expost_damcp/20230101_asm_expost_damcp.csv": "515a6793068030f0",
    "caiso/atlas/20230917_20230918_ATL_PNODE_N_20230921_12_16_19_v1.csv.gz": "8c5fa9fe7ea27dbd",
    "pjm/da_hrl_lmps/da_hrl_lmps__ALDENE_20250616_20260615.csv.gz": "4f88a2b2415341e6",
    "pjm/rt_hrl_lmps/rt_hrl_lmps__hubs_20250501_20250801.csv.gz": "af86c3f7004c49a7",
    "pjm/reserve_market_results/reserve_market_results.csv.gz": "dcae12e708f7a2c8",
    "pjm/hrl_load_metered/hrl_load_metered-20191215121616.csv.gz": "1db87aefdb9d9f53",
    "pjm/pnode/pnode-20191215121613.csv.gz": "d1f112f61a193686",
    "ercot/dam_spp_np4-190-cd/00012331_20220101_123131599_814952388.zip": "2de0acdebbe4d216",
    "ercot/settlement_points_np4-160-sg/Settlement_Points_11112024_174625.csv.gz": "4c8c0e954a9bc997",
    "ercot/60day_sced_np3-965-er/60d_SCED_QSE_Self_Arranged_AS-10-APR-25.csv": "fb13e09df2a80b3e",
    "ercot/dam_hub_zone_history_np4-180-er/rpt.00013060.0000000000000000.DAMLZHBSPP_2025.xlsx": "6e30c162d6b647f6",
    "ercot/native_load/Native_Load_2024.xlsx": "9776dd74e4488b19",
    "ercot/fuel_mix_intgenbyfuel/IntGenbyFuel2022.xlsx": "7ffe2ba77e69630e",
    "caiso/prc_lmp_dam/20190915_20191013_PRC_LMP_DAM_20200511_15_28_17_v1.csv": "4df985ff28a7afc9",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_rows_are_the_very_same(shared_data: Path, name: str) -> None:
    path = shared_data / "iso" / name
    found = survey(path.name, path.read_bytes(), named=True)
    assert digest(parse(found.payloads[0]).rows)[:16] == DIGESTS[name]
