"""The rows of real files of each layout, by the digest that their events carry: no faster way may change a value."""

from pathlib import Path

import pytest

from infra.canonical import digest
from integrations.isos.catalogue import parse, survey

pytestmark = pytest.mark.shared

# Of the rows as they were read one by one, before they were worked out on distinct values.
DIGESTS = {
    "miso/rt_lmp_final/20190310_rt_lmp_final.csv.gz": "900f1442f007519ee0f8f0e8ba0586b644bb66c090dd9746c639402151ce5e53",
    "miso/asm_expost_damcp/20230101_asm_expost_damcp.csv": "515a6793068030f09230d5115811931105ac28fbd37d469e36587dc864ba0c42",
    "caiso/atlas/20230917_20230918_ATL_PNODE_N_20230921_12_16_19_v1.csv.gz": "8c5fa9fe7ea27dbdd14d5ea4171c9a2f7a3c3c0bdaee31b712cfb9847408a7cb",
    "pjm/da_hrl_lmps/da_hrl_lmps__ALDENE_20250616_20260615.csv.gz": "4f88a2b2415341e685a809189d91a2e00ac782b69370f3b3a8752fc8159c0282",
    "pjm/rt_hrl_lmps/rt_hrl_lmps__hubs_20250501_20250801.csv.gz": "af86c3f7004c49a71176221ee4fd8a048b7c044fa8334c096598699311180dfe",
    "pjm/reserve_market_results/reserve_market_results.csv.gz": "dcae12e708f7a2c8caa37485118a9ba902161ed920af890a955821ae0204d740",
    "pjm/hrl_load_metered/hrl_load_metered-20191215121616.csv.gz": "1db87aefdb9d9f53813bb9a071d69b475b3c4d0aa902290a6c61eb56739f60b0",
    "pjm/pnode/pnode-20191215121613.csv.gz": "d1f112f61a19368659b3c5fd36f223368cdea9f4acdfa92e44e01db5b1caa980",
    "ercot/dam_spp_np4-190-cd/00012331_20220101_123131599_814952388.zip": "2de0acdebbe4d21602dc4c5b80a9cbed12261109c748f1c54fa014f22f0debdc",
    "ercot/settlement_points_np4-160-sg/Settlement_Points_11112024_174625.csv.gz": "4c8c0e954a9bc997c304298a9192bf0139bd5223c783438f89b3de91d0fb1dd0",
    "ercot/60day_sced_np3-965-er/60d_SCED_QSE_Self_Arranged_AS-10-APR-25.csv": "fb13e09df2a80b3ec8a2056b905709172afcd11c4b55689bff3cd1eacdd27408",
    "ercot/dam_hub_zone_history_np4-180-er/rpt.00013060.0000000000000000.DAMLZHBSPP_2025.xlsx": "6e30c162d6b647f60f8f16ec5073b44f60568860b9722fcdb07de7845e442fa5",
    "ercot/native_load/Native_Load_2024.xlsx": "9776dd74e4488b1975829ebdcc67004daa6724b111a1cc139fa9eac1a20a28f3",
    "ercot/fuel_mix_intgenbyfuel/IntGenbyFuel2022.xlsx": "7ffe2ba77e69630ee53c519ff066b2eb959f024e99a0f814269c1904f18cb51c",
    "caiso/prc_lmp_dam/20190915_20191013_PRC_LMP_DAM_20200511_15_28_17_v1.csv": "4df985ff28a7afc9aa18e82b97e30f779da446e62b2a581acc493963c15c252d",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_rows_are_the_very_same(shared_data: Path, name: str) -> None:
    path = shared_data / "iso" / name
    found = survey(path.name, path.read_bytes(), named=True)
    assert digest(parse(found.payloads[0]).rows) == DIGESTS[name]
