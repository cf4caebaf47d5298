"""CAISO OASIS locational prices as CSV (resultformat 6): how they look, and which run they belong to.

Reports `PRC_LMP` (run DAM), `PRC_RTPD_LMP` (RTPD) and `PRC_HASP_LMP` (HASP), alone (SingleZip) or as a group zip
(GroupZip, one member a component: `20251201_20251201_PRC_LMP_DAM_MCC_v12.csv`). The price column is MW, PRC or VALUE,
depending on report and version; the order of the columns differs too.
"""

import re

from integrations.isos.caiso import lmps
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, Head, column_key
from integrations.isos.recognition import OtherProduct, Recognised, known_product

OPERATOR_NAME = re.compile(r"_PRC_(LMP_DAM|RTPD_LMP_RTPD|HASP_LMP_HASP)_", re.IGNORECASE)

_OTHER_REPORT = re.compile(r"_(PRC_(?:INTVL|MPM|SPTIE|CD|CURR)_?\w*?)_\d", re.IGNORECASE)
_OTHER_RUNS = {"RTM": "PRC_INTVL_LMP, five minutes", "RTD": "five minutes", "RUC": "residual unit commitment"}
_LMP_TYPES = {"LMP", "MCC", "MCE", "MCL", "MGHG", "CONG", "ENGY", "LOSS", "GHG"}
_NEEDED = ["INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "NODE", "MARKET_RUN_ID", "LMP_TYPE", "MW"]
_OTHER_PRODUCTS = [
    ("renewabletype", "CAISO OASIS renewables forecast (SLD_REN_FCST)"),
    ("tacareaname", "CAISO OASIS load forecast (SLD_FCST)"),
    ("slrstype", "CAISO OASIS load and resource schedules (ENE_SLRS)"),
    ("anctype", "CAISO OASIS ancillary service prices (PRC_AS)"),
    ("resourcebidseq", "CAISO OASIS public bids (PUB_BID)"),
    ("effstartdtgmt", "CAISO OASIS atlas"),
    ("intervalstarttimegmt", "another CAISO OASIS report"),
]


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for an LMP report that lacks a needed column or has no rows."""
    header = head.first
    keys = set(header.keys)
    needed = sum(column_key(column) in keys for column in _NEEDED) + bool(keys & {"prc", "value", "nodeid"})
    if not keys & {"lmptype", "pnoderesmrid"} or needed < 4:
        return known_product(header.keys, _OTHER_PRODUCTS)
    if other := _OTHER_REPORT.search(head.name):
        return OtherProduct(f"CAISO OASIS report {other[1].upper()}: not read yet")
    file = CsvFile(head.name, head.content, header)
    lmps.positions(file)
    runs = head.cells_below(header, file.need("MARKET_RUN_ID"))
    if not runs:
        raise unreadable(head.name, "there is a header and no row below it", header.number)
    if runs[0].upper() in _OTHER_RUNS:
        return OtherProduct(f"CAISO OASIS prices of run {runs[0]} ({_OTHER_RUNS[runs[0].upper()]}): not read yet")
    return Recognised(file, lmps.parse)


def group_key(name: str) -> str | None:
    """What the members of a group zip have in common: the name without its LMP_TYPE; null for any other name."""
    if not OPERATOR_NAME.search(name):
        return None
    parts = re.split(r"([_.])", name)
    for position in range(len(parts) - 1, -1, -1):
        if parts[position].upper() in _LMP_TYPES:
            return "".join([*parts[:position], "*", *parts[position + 1 :]])
    return None
