"""The usual way with each format of many rows, as `pandas_way`: pandas reads, reshapes, localises and names columns.

Each ends in the columns of our table. Written anew here; nothing of another library is run.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd

HOUR = pd.Timedelta(hours=1)
FIVE_MINUTES = pd.Timedelta(minutes=5)
CENTRAL, EASTERN = "US/Central", "US/Eastern"


def miso_ancillary(content: bytes) -> Any:
    day = pd.to_datetime(content.split(b"\n", 3)[2].decode().split(",")[0])
    wide = pd.read_csv(io.BytesIO(content), skiprows=4)
    wide.columns = ["area", "zone", "product", *[str(name).strip() for name in wide.columns[3:]]]
    wide["area"] = wide["area"].ffill()
    long = wide.melt(id_vars=["area", "zone", "product"], var_name="hour", value_name="price_usd_per_mw")
    long["price_usd_per_mw"] = pd.to_numeric(long["price_usd_per_mw"], errors="coerce")
    long = long.dropna(subset=["price_usd_per_mw"])
    hour = long["hour"].str.removeprefix("HE ").astype(int) - 1
    long["product"] = long["product"].str.removesuffix("MCP")
    start = (day + pd.to_timedelta(hour, unit="h")).dt.tz_localize("EST").dt.tz_convert("UTC")
    return _finished(long.drop(columns=["hour"]), start, HOUR, "MISO", "asm_expost_damcp")


def pjm_lmps(content: bytes) -> Any:
    return _pjm_lmps(pd.read_csv(io.BytesIO(content)), HOUR)


def pjm_lmp_page(content: bytes) -> Any:
    return _pjm_lmps(pd.DataFrame(json.loads(content)["items"]), FIVE_MINUTES)


def _pjm_lmps(frame: Any, step: Any) -> Any:
    start = _pjm_start(frame)
    run = "rt" if "total_lmp_rt" in frame else "da"
    names = {
        f"total_lmp_{run}": "lmp_usd_per_mwh", f"congestion_price_{run}": "congestion_usd_per_mwh",
        f"marginal_loss_price_{run}": "loss_usd_per_mwh", f"system_energy_price_{run}": "energy_usd_per_mwh",
        "pnode_name": "node", "type": "node_type",
    }  # fmt: skip
    frame = frame.rename(columns=names)
    if "energy_usd_per_mwh" not in frame:
        parts = frame["congestion_usd_per_mwh"] + frame["loss_usd_per_mwh"]
        frame["energy_usd_per_mwh"] = frame["lmp_usd_per_mwh"] - parts
    kept = [name for name in names.values() if name in frame]
    return _finished(frame[kept], start, step, "PJM", "lmps")


def pjm_reserves(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    start = _pjm_start(frame)
    frame["start"] = start
    prices = {"mcp": "REG", "reg_ccp": "REG_CCP", "reg_pcp": "REG_PCP"}
    names = {"locale": "area", "total_mw": "cleared_mw", "as_req_mw": "requirement_mw"}
    long = frame.rename(columns=names | prices).melt(
        id_vars=["start", *names.values()], value_vars=list(prices.values()), var_name="product",
        value_name="price_usd_per_mw",
    )  # fmt: skip
    return _finished(long.drop(columns=["start"]), long["start"], FIVE_MINUTES, "PJM", "reserves")


def pjm_load(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    start = _pjm_start(frame)
    frame = frame.rename(columns={"load_area": "area", "mw": "value"})[["area", "value"]]
    return _finished(frame, start, HOUR, "PJM", "hrl_load_metered")


def pjm_places(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content)).fillna("")
    start = pd.to_datetime(frame["effective_date"], format="%m/%d/%Y %I:%M:%S %p").dt.tz_localize(EASTERN)
    frame["description"] = frame["pnode_id"].astype(str) + " " + frame["pnode_type"] + " " + frame["voltage_level"]
    frame = frame.rename(columns={"pnode_name": "node", "pnode_subtype": "node_type", "zone": "area"})
    kept = frame[["node", "node_type", "area", "description"]]
    return _finished(kept, start.dt.tz_convert("UTC"), HOUR, "PJM", "pnode")


def caiso_lmps(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    keys = ["INTERVALSTARTTIME_GMT", "NODE"]
    wide = frame.pivot_table(index=keys, columns="LMP_TYPE", values="VALUE").reset_index()
    start = pd.to_datetime(wide["INTERVALSTARTTIME_GMT"], utc=True)
    names = {"NODE": "node", "LMP": "lmp_usd_per_mwh", "MCE": "energy_usd_per_mwh", "MCC": "congestion_usd_per_mwh",
             "MCL": "loss_usd_per_mwh", "MGHG": "ghg_usd_per_mwh"}  # fmt: skip
    wide = wide.rename(columns=names)[list(names.values())]
    return _finished(wide, start, FIVE_MINUTES, "CAISO", "prc_intvl_lmp")


def caiso_places(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    start = pd.to_datetime(frame["EFF_START_DT_GMT"], utc=True)
    kept = frame.rename(columns={"PNODE_ID": "node", "PNODE_TYPE": "node_type", "DESCRIPTION": "description"})
    return _finished(kept[["node", "node_type", "description"]].fillna(""), start, HOUR, "CAISO", "atl_pnode")


def ercot_places(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content), dtype=str).fillna("")
    buses = frame.assign(node=frame["ELECTRICAL_BUS"], node_type="bus")
    words = [buses["SUBSTATION"], buses["VOLTAGE_LEVEL"] + " kV,", buses["PSSE_BUS_NAME"]]
    buses["description"] = words[0].str.cat(words[1:], sep=" ")
    kinds = (("RESOURCE_NODE", "resource_node"), ("HUB", "hub"), ("SETTLEMENT_LOAD_ZONE", "load_zone"))
    others = [
        frame[frame[column] != ""].drop_duplicates(column).assign(node=frame[column], node_type=kind, description="")
        for column, kind in kinds
    ]
    every = pd.concat([buses, *others]).rename(columns={"SETTLEMENT_LOAD_ZONE": "area"})
    every = every[["node", "node_type", "area", "description"]]
    start = pd.Series(pd.Timestamp("2024-11-11", tz=CENTRAL).tz_convert("UTC"), index=every.index)
    return _finished(every, start, HOUR, "ERCOT", "settlement_points")


def ercot_self_arranged(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    long = frame.melt(id_vars=["SCED Time Stamp", "Repeated Hour Flag", "QSE"], var_name="quantity").dropna()
    start = _central(long["SCED Time Stamp"], long["Repeated Hour Flag"], "%m/%d/%Y %H:%M:%S")
    long = long.rename(columns={"QSE": "resource"})[["resource", "quantity", "value"]]
    return _finished(long, start, FIVE_MINUTES, "ERCOT", "sced_disclosure")


def ercot_price_book(content: bytes) -> Any:
    sheets = pd.read_excel(io.BytesIO(content), sheet_name=None, engine="calamine")
    frame = pd.concat(sheets.values())
    hour = frame["Hour Ending"].str.split(":").str[0].astype(int) - 1
    local = pd.to_datetime(frame["Delivery Date"]) + pd.to_timedelta(hour, unit="h")
    start = local.dt.tz_localize(CENTRAL, ambiguous=frame["Repeated Hour Flag"].ne("Y").to_numpy())
    frame = frame.rename(columns={"Settlement Point": "node", "Settlement Point Price": "lmp_usd_per_mwh"})
    kept = frame[["node", "lmp_usd_per_mwh"]]
    return _finished(kept, start.dt.tz_convert("UTC"), HOUR, "ERCOT", "dam_lzhb_spp")


def ercot_load_book(content: bytes) -> Any:
    wide = pd.read_excel(io.BytesIO(content), engine="calamine")
    stamps = wide["Hour Ending"].astype(str)
    repeated = stamps.str.contains("DST")
    day, hour = stamps.str[:10], stamps.str[11:13].astype(int)
    local = pd.to_datetime(day, format="%m/%d/%Y") + pd.to_timedelta(hour - 1, unit="h")
    wide["start"] = local.dt.tz_localize(CENTRAL, ambiguous=(~repeated).to_numpy()).dt.tz_convert("UTC")
    long = wide.drop(columns=["Hour Ending"]).melt(id_vars=["start"], var_name="area")
    return _finished(long[["area", "value"]], long["start"], HOUR, "ERCOT", "native_load")


def ercot_generation_book(content: bytes) -> Any:
    sheets = pd.read_excel(io.BytesIO(content), sheet_name=None, engine="calamine")
    wide = pd.concat(sheet for sheet in sheets.values() if "Settlement Type" in sheet.columns)
    wide = wide.drop(columns=["Settlement Type", "Total"])
    long = wide.melt(id_vars=["Date", "Fuel"], var_name="end").dropna()
    clock = long["end"].astype(str).str.extract(r"(\d+):(\d+)").astype(int)
    minutes = clock[0] * 60 + clock[1]
    ends = pd.to_timedelta(minutes.where(minutes > 0, 24 * 60), unit="min")
    local = pd.to_datetime(long["Date"]) + ends - pd.Timedelta(minutes=15)
    start = local.dt.tz_localize(CENTRAL, ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")
    long = long.rename(columns={"Fuel": "category"})[["category", "value"]]
    return _finished(long, start, pd.Timedelta(minutes=15), "ERCOT", "int_gen_by_fuel")


def _pjm_start(frame: Any) -> Any:
    stamps = frame["datetime_beginning_utc"]
    form = "ISO8601" if "T" in stamps.iloc[0] else "%m/%d/%Y %I:%M:%S %p"
    return pd.to_datetime(stamps, format=form).dt.tz_localize("UTC")


def _central(stamps: Any, repeated: Any, form: str) -> Any:
    local = pd.to_datetime(stamps, format=form)
    return local.dt.tz_localize(CENTRAL, ambiguous=repeated.ne("Y").to_numpy()).dt.tz_convert("UTC")


def _finished(frame: Any, start: Any, step: Any, iso: str, feed: str) -> Any:
    frame = frame.copy()
    frame["interval_start_utc"] = start
    frame["interval_end_utc"] = start + step
    constants = {
        "iso": iso, "market": "", "feed": feed, "vintage": "final", "source_version": 0, "published_at": None,
        "recorded_at": pd.Timestamp.now("UTC"), "log_position": 1, "publication_id": "none",
    }  # fmt: skip
    for column, value in constants.items():
        frame[column] = value
    return frame
