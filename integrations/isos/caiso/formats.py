"""CAISO OASIS locational prices as CSV (resultformat 6): how they look, and which run they belong to.

Reports `PRC_LMP` (run DAM), `PRC_RTPD_LMP` (RTPD) and `PRC_HASP_LMP` (HASP), alone (SingleZip) or as a group zip
(GroupZip, one member a component: `20251201_20251201_PRC_LMP_DAM_MCC_v12.csv`). The price column is MW, PRC or VALUE,
depending on report and version; the order of the columns differs too.
"""

import re

from integrations.isos.caiso import atlas, lmps, oasis, outlook
from integrations.isos.errors import unreadable
from integrations.isos.heads import CsvFile, Head, column_key
from integrations.isos.recognition import OtherProduct, Recognised, known_product

OPERATOR_NAME = re.compile(r"_PRC_(LMP_DAM|RTPD_LMP_RTPD|HASP_LMP_HASP|INTVL_LMP_RTM)_", re.IGNORECASE)

_OTHER_REPORT = re.compile(r"_(PRC_(?:MPM|SPTIE|CD|CURR)_?\w*?)_\d", re.IGNORECASE)
_OTHER_RUNS = {"RTD": "five minutes, advisory", "RUC": "residual unit commitment"}
_LMP_TYPES = {"LMP", "MCC", "MCE", "MCL", "MGHG", "CONG", "ENGY", "LOSS", "GHG"}
_NEEDED = ["INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "NODE", "MARKET_RUN_ID", "LMP_TYPE", "MW"]
_OTHER_PRODUCTS = [
    ("summarycatorder", "CAISO OASIS convergence bidding summary (ENE_CB_MKT_SUM)"),
    ("resourcebidseq", "CAISO OASIS public bids (PUB_BID)"),
    ("intervalstarttimegmt", "another CAISO OASIS report"),
]


def recognise(head: Head) -> Recognised | OtherProduct | None:
    """Raises UnreadablePublication for an LMP report that lacks a needed column or has no rows."""
    header = head.first
    keys = set(header.keys)
    if known := _recognise_other(head, keys):
        return known
    needed = sum(column_key(column) in keys for column in _NEEDED) + bool(keys & {"prc", "value", "nodeid"})
    if not keys & {"lmptype", "pnoderesmrid"} or needed < 4:
        return known_product(header.keys, _OTHER_PRODUCTS)
    if other := _OTHER_REPORT.search(head.name):
        return OtherProduct(f"CAISO OASIS report {other[1].upper()}: not read yet")
    file = CsvFile(head.name, head.content, header)
    lmps.positions(file)
    runs = head.cells_below(header, file.need("MARKET_RUN_ID"))
    if not runs:
        raise unreadable(
            head.name, "there is a header and no row below it: get it again, or leave it out", header.number
        )
    if runs[0].upper() in _OTHER_RUNS:
        return OtherProduct(f"CAISO OASIS prices of run {runs[0]} ({_OTHER_RUNS[runs[0].upper()]}): not read yet")
    return Recognised(file, lmps.parse)


def _recognise_other(head: Head, keys: set[str]) -> Recognised | None:
    """Reports that are no LMPs, by the column that only they have."""
    file = CsvFile(head.name, head.content, head.first)
    if "intervalstarttimegmt" in keys:
        if "anctype" in keys:
            return Recognised(file, lambda files: oasis.parse_ancillary(files[0]))
        layout = next((layout for key, layout in oasis.LAYOUTS.items() if key in keys), None)
        return Recognised(file, lambda files: oasis.parse(files[0], layout)) if layout else None
    if {"effstartdtgmt", "pnodeid"} <= keys:
        places = next((layout for key, layout in atlas.LAYOUTS.items() if key in keys), atlas.PNODES)
        return Recognised(file, lambda files: atlas.parse(files[0], places))
    if wide := outlook.wide_kind(head):
        return Recognised(file, lambda files: outlook.parse_wide(files[0], *wide))
    if kind := outlook.long_kind(head):
        day = outlook.named_day(head.name)
        return Recognised(file, lambda files: outlook.parse_long(files[0], kind, day), {"date": day.isoformat()})
    return None


def group_key(name: str) -> str | None:
    """What the members of a group zip have in common: the name without its LMP_TYPE; null for any other name."""
    if not OPERATOR_NAME.search(name):
        return None
    parts = re.split(r"([_.])", name)
    for position in range(len(parts) - 1, -1, -1):
        if parts[position].upper() in _LMP_TYPES:
            return "".join([*parts[:position], "*", *parts[position + 1 :]])
    return None
