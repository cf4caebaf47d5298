"""Small price files written by hand, and helpers to read them the way an upload is read."""

import gzip
import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from integrations.isos.catalogue import Payload, parse, survey
from integrations.isos.errors import UnreadablePublication
from integrations.isos.ticks import ParsedPublication

MISO_NAME = "20240612_da_expost_lmp.csv"
MISO_PREAMBLE = [
    "Day Ahead Market ExPost LMPs",
    "06/12/2024",
    "",
    ",,,All Hours-Ending are Eastern Standard Time (EST)",
]
MISO_HEADER = "Node,Type,Value," + ",".join(f"HE {hour}" for hour in range(1, 25))

CAISO_NAME = "20240612_20240612_PRC_LMP_DAM_20240613_01_02_03_v12.csv"
CAISO_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,"
    "LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)

PJM_NAME = "da_hrl_lmps.csv"
PJM_HEADER = (
    "datetime_beginning_utc,datetime_beginning_ept,pnode_id,pnode_name,voltage,equipment,type,zone,"
    "system_energy_price_da,total_lmp_da,congestion_price_da,marginal_loss_price_da,row_is_current,version_nbr"
)

DAM_NAME = "cdr.00012331.0000000000000000.20240611.122921.DAMSPNP4190.csv"
DAM_HEADER = "DeliveryDate,HourEnding,SettlementPoint,SettlementPointPrice,DSTFlag"
RTM_HEADER = (
    "DeliveryDate,DeliveryHour,DeliveryInterval,SettlementPointName,SettlementPointType,SettlementPointPrice,DSTFlag"
)
SCED_HEADER = "SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP"

Row = dict[str, Any]


def text(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def miso_rows(nodes: Sequence[str] = ("ALTW", "MINN.HUB"), kind: str = "Hub", base: float = 20.0) -> list[str]:
    """Three rows a node, LMP first for all nodes as MISO writes them; hour h of node n is base + 10 n + h."""
    rows = []
    for value, offset in (("LMP", None), ("MCC", -1.25), ("MLC", 0.5)):
        for position, node in enumerate(nodes):
            cells = [base + 10 * position + hour if offset is None else offset for hour in range(1, 25)]
            rows.append(f"{node},{kind},{value}," + ",".join(f"{cell:.2f}" for cell in cells))
    return rows


def miso_file(preamble: Sequence[str] = tuple(MISO_PREAMBLE), rows: Sequence[str] | None = None) -> bytes:
    return text(*preamble, MISO_HEADER, *(miso_rows() if rows is None else rows))


def caiso_row(start: str, end: str, node: str, kind: str, price: object, run: str = "DAM", group: int = 1) -> str:
    stamps = f"{start}:00-00:00,{end}:00-00:00"
    return f"{stamps},2024-06-12,1,0,{node},{node},{node},{run},{kind},LMP_PRC,{node},ALL,1,{price},{group}"


def caiso_tick(start: str, end: str, node: str, energy: float, ghg: float | None = None, run: str = "DAM") -> list[str]:
    """The four or five rows of a node and interval, congestion -1.5 and loss 0.25."""
    prices = {"LMP": energy - 1.25, "MCE": energy, "MCC": -1.5, "MCL": 0.25}
    if ghg is not None:
        prices["MGHG"] = ghg
    return [caiso_row(start, end, node, kind, round(price, 5), run) for kind, price in prices.items()]


def caiso_file(hours: int = 3, nodes: Sequence[str] = ("TH_NP15_GEN-APND",)) -> bytes:
    rows = []
    for hour in range(hours):
        start, end = f"2024-06-12T{7 + hour:02d}:00", f"2024-06-12T{8 + hour:02d}:00"
        for node in nodes:
            rows += caiso_tick(start, end, node, 30.0 + hour)
    return text(CAISO_HEADER, *reversed(rows))


def pjm_row(
    stamp: str,
    name: str = "WESTERN HUB",
    *,
    pnode: int = 51288,
    voltage: str = "",
    equipment: str = "",
    kind: str = "HUB",
    energy: object = 30.0,
    total: object = 31.5,
    congestion: object = 1.25,
    loss: object = 0.25,
    version: object = 1,
) -> str:
    prices = f"{energy},{total},{congestion},{loss}"
    return f"{stamp},{stamp},{pnode},{name},{voltage},{equipment},{kind},,{prices},True,{version}"


def pjm_file(*rows: str) -> bytes:
    return text(PJM_HEADER, *(rows or [pjm_row(f"6/12/2024 {hour}:00:00 AM") for hour in range(4, 8)]))


def dam_hours(day: str, hours: Sequence[tuple[str, str]], points: Sequence[str] = ("HB_NORTH", "LZ_WEST")) -> list[str]:
    """Rows for (HourEnding, DSTFlag) pairs; the n-th hour of point p costs 10 p + n."""
    return [
        f"{day},{hour},{point}, {10 * position + number}.5,{flag}"
        for number, (hour, flag) in enumerate(hours)
        for position, point in enumerate(points)
    ]


def dam_file(day: str = "06/12/2024") -> bytes:
    return text(DAM_HEADER, *dam_hours(day, [(f"{hour:02d}:00", "N") for hour in range(1, 25)]))


def zipped(members: Mapping[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def only_payload(name: str, content: bytes) -> Payload:
    found = survey(name, content, named=False)
    assert len(found.payloads) == 1, found.skipped
    return found.payloads[0]


def read(name: str, content: bytes) -> ParsedPublication:
    return parse(only_payload(name, content))


def rows_of(publication: ParsedPublication) -> list[Row]:
    """Rows sorted by node, type, start and version."""
    rows: list[Row] = publication.rows.to_pylist()
    return sorted(rows, key=lambda row: tuple(row[key] for key in ("node", "node_type", *_ORDER)))


_ORDER = ("interval_start_utc", "source_version")


def refusal(name: str, content: bytes) -> UnreadablePublication:
    """The error with which an upload of one payload ends."""
    payload = only_payload(name, content)
    with pytest.raises(UnreadablePublication) as caught:
        parse(payload)
    return caught.value
