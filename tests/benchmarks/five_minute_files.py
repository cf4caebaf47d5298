"""Five-minute prices of all nodes of the four ISOs, as their operators publish them: 18,500 nodes.

The layouts are the operators' own: MISO's consolidated table (JSON), CAISO's PRC_INTVL_LMP (a zip of one CSV, a line a
component), PJM's rt_unverified_fivemin_lmps (a page of Data Miner's JSON), ERCOT's NP6-788 (a zip of one CSV).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

NODES = {"MISO": 2_600, "CAISO": 6_000, "PJM": 8_800, "ERCOT": 1_100}
PAGE_ROWS = 50_000
FIVE_MINUTES = timedelta(minutes=5)
FIRST_INTERVAL = datetime(2025, 6, 10, 7, tzinfo=UTC)

Prices = np.ndarray[tuple[int, int], np.dtype[np.float64]]
File = tuple[str, bytes]


def interval_files(start: datetime) -> dict[str, File]:
    """By ISO, the (name, bytes) of the file of the interval that starts then, as it is fetched when it is new."""
    return {
        "MISO": _miso(start, _prices("MISO", start)),
        "CAISO": _caiso([start]),
        "PJM": _pjm([start])[0],
        "ERCOT": _ercot(start, _prices("ERCOT", start)),
    }


def miso_file(start: datetime) -> File:
    """MISO's file of the interval that starts then."""
    return _miso(start, _prices("MISO", start))


def ercot_file(start: datetime) -> File:
    """ERCOT's file of the interval that starts then."""
    return _ercot(start, _prices("ERCOT", start))


def hour_files(start: datetime) -> list[File]:
    """The files of an hour as they are fetched later on.

    CAISO gives an hour at once, PJM pages of 50,000 rows, MISO and ERCOT one interval a file as ever.
    """
    starts = [start + number * FIVE_MINUTES for number in range(12)]
    single = [file for s in starts for file in (_miso(s, _prices("MISO", s)), _ercot(s, _prices("ERCOT", s)))]
    return [_caiso(starts), *_pjm(starts), *single]


def _prices(iso: str, start: datetime) -> Prices:
    """Energy, congestion and loss of each node."""
    count = NODES[iso]
    random = np.random.default_rng((int(start.timestamp()), count))
    congestion, loss = random.normal((1.0, 0.5), (3.0, 0.3), (count, 2)).T
    return np.stack([np.full(count, random.normal(30.0, 8.0)), congestion, loss]).round(2)


def _miso(start: datetime, prices: Prices) -> File:
    end = start + FIVE_MINUTES - timedelta(hours=5)  # Eastern Standard Time all year
    energy, congestion, loss = prices
    nodes = [
        {"name": f"MISO.NODE{n:05}", "LMP": f"{e + c + m:.2f}", "MCC": f"{c:.2f}", "MLC": f"{m:.2f}", "region": "North"}
        for n, (e, c, m) in enumerate(zip(energy.tolist(), congestion.tolist(), loss.tolist(), strict=True))
    ]
    table = {"RefId": f"{end:%d-%b-%Y} - Interval {end:%H:%M} EST", "FiveMinLMP": {"PricingNode": nodes}}
    return f"GetLmpConsolidatedTable_{start:%Y%m%dT%H%M}.json", json.dumps({"LMPData": table}).encode()


def _caiso(starts: Sequence[datetime]) -> File:
    lines = ["INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,NODE_ID_XML,NODE_ID,NODE,MARKET_RUN_ID,LMP_TYPE,"
             "XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,VALUE,OPR_INTERVAL,GROUP"]  # fmt: skip
    for start in starts:
        lines += _caiso_lines(start, *_prices("CAISO", start).tolist())
    start, end = starts[0], starts[0] + timedelta(days=1)
    name = f"{start:%Y%m%d}_{end:%Y%m%d}_PRC_INTVL_LMP_RTM_{start:%Y%m%d_%H_%M_%S}_v3"
    return f"{name}.zip", _zipped(f"{name}.csv", lines)


def _caiso_lines(start: datetime, energy: list[float], congestion: list[float], loss: list[float]) -> Iterator[str]:
    local = start.astimezone(ZoneInfo("America/Los_Angeles"))
    stamps = f"{start:%Y-%m-%dT%H:%M}:00-00:00,{start + FIVE_MINUTES:%Y-%m-%dT%H:%M}:00-00:00"
    hour = f"{local:%Y-%m-%d},{local.hour + 1}"
    components = (
        ("LMP", [e + c + m for e, c, m in zip(energy, congestion, loss, strict=True)]),
        ("MCC", congestion), ("MCE", energy), ("MCL", loss), ("MGHG", [0.0] * len(energy)),
    )  # fmt: skip
    for group, (kind, values) in enumerate(components, start=1):
        for number, value in enumerate(values):
            node = f"CAISO_{number:05}_N001"
            yield (f"{stamps},{hour},{node},{node},{node},RTM,{kind},LMP_{kind},{node},ALL_APNODES,{group},"
                   f"{value:.5f},{local.minute // 5 + 1},{group}")  # fmt: skip


def _pjm(starts: Sequence[datetime]) -> list[File]:
    """As many pages as it takes."""
    items = [item for start in starts for item in _pjm_items(start)]
    links = [{"rel": "self", "href": "https://api.pjm.com/api/v1/rt_unverified_fivemin_lmps?rowCount=50000"}]
    pages = []
    for first in range(0, len(items), PAGE_ROWS):
        answer = {"links": links, "items": items[first : first + PAGE_ROWS],
                  "searchSpecification": {"rowCount": PAGE_ROWS}, "totalRows": len(items)}  # fmt: skip
        name = f"rt_unverified_fivemin_lmps_{starts[0]:%Y%m%dT%H%M}_page{1 + first // PAGE_ROWS}.json"
        pages.append((name, json.dumps(answer).encode()))
    return pages


def _pjm_items(start: datetime) -> list[dict[str, Any]]:
    eastern = start.astimezone(ZoneInfo("America/New_York"))
    utc, ept = f"{start:%Y-%m-%dT%H:%M:%S}", f"{eastern:%Y-%m-%dT%H:%M:%S}"
    energy, congestion, loss = _prices("PJM", start).tolist()
    return [
        {
            "datetime_beginning_utc": utc, "datetime_beginning_ept": ept, "pnode_id": 50_000 + n,
            "pnode_name": f"PJM{n:05} STATION", "voltage": "138 KV", "equipment": f"UNIT{n % 9}", "type": "GEN",
            "zone": "PEPCO", "total_lmp_rt": round(e + c + m, 6), "congestion_price_rt": c, "marginal_loss_price_rt": m,
        }
        for n, (e, c, m) in enumerate(zip(energy, congestion, loss, strict=True))
    ]  # fmt: skip


def _ercot(start: datetime, prices: Prices) -> File:
    run = start.astimezone(ZoneInfo("America/Chicago")) + timedelta(seconds=15)
    lines = ["SCEDTimestamp,RepeatedHourFlag,SettlementPoint,LMP"]
    for number, (energy, congestion) in enumerate(zip(prices[0].tolist(), prices[1].tolist(), strict=True)):
        lines.append(f"{run:%m/%d/%Y %H:%M:%S},N,ERCOT_{number:04}_RN,{energy + congestion:12.2f}")
    stem = f"cdr.00012300.0000000000000000.{run:%Y%m%d.%H%M%S}521.LMPSROSNODENP6788_{run:%Y%m%d_%H%M%S}"
    return f"{stem}_csv.zip", _zipped(f"{stem}.csv", lines)


def _zipped(name: str, lines: Sequence[str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "\n".join(lines) + "\n")
    return sink.getvalue()
