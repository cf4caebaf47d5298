"""CAISO's atlas as CSV: pricing nodes (`ATL_PNODE`), the nodes of hubs (`ATL_PNODE_MAP`) and of load areas
(`ATL_TAC_AREA_MAP`), each with its validity."""

from dataclasses import dataclass

import numpy as np

from integrations.isos.caiso.lmps import moments
from integrations.isos.csv_reading import read
from integrations.isos.heads import CsvFile
from integrations.isos.series import series_publication, series_rows
from integrations.isos.ticks import ParsedPublication, labels, seconds


@dataclass(frozen=True)
class Layout:
    """`area` is the column of what a node belongs to, '' where the report has none."""

    feed: str
    area: str
    node_type: str


PNODES = Layout("atl_pnode", "", "")
HUBS = Layout("atl_pnode_map", "APNODE_ID", "APNODE member")
LOAD_AREAS = Layout("atl_tac_area_map", "TAC_AREA_ID", "TAC area member")
LAYOUTS = {"apnodeid": HUBS, "tacareaid": LOAD_AREAS}
"""By the column, as a key, that tells the report; without one it is the list of nodes."""


def parse(file: CsvFile, layout: Layout) -> ParsedPublication:
    """The places of a report, with the validity that the operator states (its last second is included there)."""
    positions = {
        "node": file.need("PNODE_ID"), "description": file.need("DESCRIPTION"),
        "start": file.need("EFF_START_DT_GMT"), "end": file.need("EFF_END_DT_GMT"),
    }  # fmt: skip
    positions |= {"area": file.need(layout.area)} if layout.area else {}
    positions |= {"type": file.need("PNODE_TYPE")} if not layout.area else {}
    frame = read([file], [positions], frozenset())
    node = frame.text("node")
    is_described_by_name = frame.strings("description").equals(frame.strings("node"))
    description = node if is_described_by_name else frame.text("description", may_be_empty=True)
    start, end = frame.text("start"), frame.text("end")
    begins = moments(frame, start, "start")[start.codes]
    ends = moments(frame, end, "end")[end.codes] + 1
    if (ends <= begins).any():
        frame.fail(int(np.argmax(ends <= begins)), "end", "the validity ends before it begins")
    columns = {
        "node": labels(node.codes, node.strings),
        "description": labels(description.codes, description.strings),
        "interval_start_utc": seconds(begins),
        "interval_end_utc": seconds(ends),
    }
    if layout.area:
        area = frame.text("area")
        columns["area"] = labels(area.codes, area.strings)
        columns["node_type"] = labels(np.zeros(frame.rows, dtype=np.int32), [layout.node_type])
    else:
        kind = frame.text("type", may_be_empty=True)
        columns["node_type"] = labels(kind.codes, kind.strings)
    rows = series_rows("places", columns)
    return series_publication("places", rows, iso="CAISO", feed=layout.feed, parser=f"caiso.{layout.feed}")
