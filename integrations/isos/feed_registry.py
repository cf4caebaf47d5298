"""Every feed there is, by its id."""

from collections.abc import Mapping

from integrations.isos.caiso.feeds import FEEDS as CAISO
from integrations.isos.ercot.feeds import FEEDS as ERCOT
from integrations.isos.feeds import Feed
from integrations.isos.miso.feeds import FEEDS as MISO
from integrations.isos.pjm.feeds import FEEDS as PJM

FEEDS: Mapping[str, Feed] = {feed.id: feed for feed in (*MISO, *CAISO, *PJM, *ERCOT)}

ROWS_UNDER: Mapping[str, str] = {
    "miso/rt_lmp_prelim": "rt_lmp",
    "miso/rt_lmp_final": "rt_lmp",
    "miso/5min_lmp": "rt_five_min_lmp",
    "miso/asm_rtmcp_prelim": "asm_rtmcp",
    "miso/asm_rtmcp_final": "asm_rtmcp",
    "caiso/sld_fcst_actual": "sld_fcst",
    "pjm/rt_unverified_hrl_lmps": "rt_hrl_lmps",
    "pjm/rt_unverified_fivemin_lmps": "rt_fivemin_hrl_lmps",
    "ercot/dam_mcpc_history": "dam_mcpc",
    "ercot/sced_price_adders_history": "sced_price_adders",
}
"""The feed that rows bear, where it is not the one they were fetched as: another vintage or archive of one product."""
