"""The usual way with each format of many rows: pandas reads, reshapes, localises and names the columns.

Each ends in all columns of our table (see `pandas_way`): both ends of the interval in UTC, the second pass of the hour
that autumn repeats told from the first, versions, units and kinds as our rows have them.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd

from tests.benchmarks.pandas_way import completed

HOUR = pd.Timedelta(hours=1)
FIVE_MINUTES = pd.Timedelta(minutes=5)
QUARTER = pd.Timedelta(minutes=15)
CENTRAL, EASTERN = "US/Central", "US/Eastern"
FIRST_DAY, OPEN_END = pd.Timestamp("1990-01-01", tz="UTC"), pd.Timestamp("2099-12-31", tz="UTC")


def miso_lmps(content: bytes) -> Any:
    day = pd.to_datetime(content.split(b"\n", 2)[1].decode().strip())
    wide = pd.read_csv(io.BytesIO(content), skiprows=4)
    long = wide.melt(id_vars=["Node", "Type", "Value"], var_name="hour", value_name="price")
    long["hour"] = long["hour"].str.removeprefix("HE ").astype(int)
    frame = long.pivot(index=["Node", "Type", "hour"], columns="Value", values="price").reset_index()
    start = (day + pd.to_timedelta(frame["hour"] - 1, unit="h")).dt.tz_localize("EST").dt.tz_convert("UTC")
    names = {"Node": "node", "Type": "node_type", "LMP": "lmp_usd_per_mwh", "MCC": "congestion_usd_per_mwh",
             "MLC": "loss_usd_per_mwh"}  # fmt: skip
    frame = frame.rename(columns=names)
    frame["energy_usd_per_mwh"] = frame["lmp_usd_per_mwh"] - frame["congestion_usd_per_mwh"] - frame["loss_usd_per_mwh"]
    return completed("prices", frame, start, start + HOUR)


def miso_ancillary(content: bytes) -> Any:
    day = pd.to_datetime(content.split(b"\n", 3)[2].decode().split(",")[0])
    wide = pd.read_csv(io.BytesIO(content), skiprows=4)
    wide.columns = ["area", "zone", "product", *[str(name).strip() for name in wide.columns[3:]]]
    long = wide.melt(id_vars=["area", "zone", "product"], var_name="hour", value_name="price_usd_per_mw")
    long["price_usd_per_mw"] = pd.to_numeric(long["price_usd_per_mw"], errors="coerce")
    long = long.dropna(subset=["price_usd_per_mw"])
    hour = long["hour"].str.removeprefix("HE ").astype(int) - 1
    long["product"] = long["product"].str.removesuffix("MCP")
    start = (day + pd.to_timedelta(hour, unit="h")).dt.tz_localize("EST").dt.tz_convert("UTC")
    return completed("ancillary", long, start, start + HOUR)


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
        "pnode_name": "node", "type": "node_type", "version_nbr": "source_version",
    }  # fmt: skip
    frame = frame.rename(columns=names)
    if "energy_usd_per_mwh" not in frame:
        parts = frame["congestion_usd_per_mwh"] + frame["loss_usd_per_mwh"]
        frame["energy_usd_per_mwh"] = frame["lmp_usd_per_mwh"] - parts
    return completed("prices", frame, start, start + step)


def pjm_reserves(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    frame["start"] = _pjm_start(frame)
    frame = frame.rename(columns={"locale": "area", "service": "product"})
    names = {"mcp": "price_usd_per_mw", "total_mw": "cleared_mw", "as_req_mw": "requirement_mw"}
    regulation = frame.loc[frame["product"] == "REG", ["start", "area", "reg_ccp", "reg_pcp"]]
    parts = regulation.rename(columns={"reg_ccp": "REG_CCP", "reg_pcp": "REG_PCP"}).melt(
        id_vars=["start", "area"], var_name="product", value_name="price_usd_per_mw"
    )
    long = pd.concat([frame.rename(columns=names), parts], ignore_index=True).dropna(subset=["price_usd_per_mw"])
    return completed("ancillary", long, long["start"], long["start"] + FIVE_MINUTES)


def pjm_load(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    start = _pjm_start(frame)
    frame = frame.rename(columns={"load_area": "area", "mw": "value"})
    frame = frame.assign(series="load", unit="MW", source_version=frame["is_verified"].astype(int))
    return completed("fundamentals", frame, start, start + HOUR)


def pjm_places(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    start, end = _eastern_day(frame["effective_date"]), _eastern_day(frame["termination_date"])
    words = [frame["pnode_id"], frame["pnode_type"], frame["voltage_level"]]
    frame["description"] = words[0].str.cat(words[1:], sep=" ").str.rstrip()
    frame = frame.rename(columns={"pnode_name": "node", "pnode_subtype": "node_type", "zone": "area"})
    return completed("places", frame, start, end.where(end > start, start))


def caiso_lmps(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    keys = ["INTERVALSTARTTIME_GMT", "INTERVALENDTIME_GMT", "NODE"]
    wide = frame.pivot_table(index=keys, columns="LMP_TYPE", values="VALUE", aggfunc="first").reset_index()
    start, end = (pd.to_datetime(wide[stamp], utc=True) for stamp in keys[:2])
    names = {"NODE": "node", "LMP": "lmp_usd_per_mwh", "MCE": "energy_usd_per_mwh", "MCC": "congestion_usd_per_mwh",
             "MCL": "loss_usd_per_mwh", "MGHG": "ghg_usd_per_mwh"}  # fmt: skip
    return completed("prices", wide.rename(columns=names), start, end)


def caiso_places(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content), keep_default_na=False)
    start = pd.to_datetime(frame["EFF_START_DT_GMT"], utc=True)
    end = pd.to_datetime(frame["EFF_END_DT_GMT"], utc=True) + pd.Timedelta(seconds=1)
    names = {"PNODE_ID": "node", "PNODE_TYPE": "node_type", "DESCRIPTION": "description"}
    return completed("places", frame.rename(columns=names), start, end)


def ercot_lmps(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    return _ercot_hours(frame, "DeliveryDate", "HourEnding", "DSTFlag", "SettlementPoint", "SettlementPointPrice")


def ercot_price_book(content: bytes) -> Any:
    sheets = pd.read_excel(io.BytesIO(content), sheet_name=None, engine="calamine")
    frame = pd.concat(sheets.values(), ignore_index=True)
    return _ercot_hours(
        frame, "Delivery Date", "Hour Ending", "Repeated Hour Flag", "Settlement Point", "Settlement Point Price"
    )


def _ercot_hours(frame: Any, day: str, hour: str, flag: str, node: str, price: str) -> Any:
    after = pd.to_timedelta(frame[hour].astype(str).str.split(":").str[0].astype(int) - 1, unit="h")
    local = pd.to_datetime(frame[day], format="%m/%d/%Y") + after
    start = local.dt.tz_localize(CENTRAL, ambiguous=frame[flag].ne("Y").to_numpy()).dt.tz_convert("UTC")
    frame = frame.rename(columns={node: "node", price: "lmp_usd_per_mwh"})
    return completed("prices", frame, start, start + HOUR)


def ercot_places(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    at_node = ("resource node " + frame["RESOURCE_NODE"]).where(frame["RESOURCE_NODE"] != "", "")
    at_hub = (frame["HUB"] + " at " + frame["HUB_BUS_NAME"]).where(frame["HUB_BUS_NAME"] != "", "")
    described = frame["SUBSTATION"] + " " + frame["VOLTAGE_LEVEL"] + " kV"
    for words in (frame["PSSE_BUS_NAME"], at_node, at_hub):
        described = described + (", " + words).where(words != "", "")
    area = frame["SETTLEMENT_LOAD_ZONE"]
    buses = pd.DataFrame({"node": frame["ELECTRICAL_BUS"], "node_type": "bus", "area": area, "description": described})
    zones = (
        frame[frame["RESOURCE_NODE"] != ""].groupby("RESOURCE_NODE")["SETTLEMENT_LOAD_ZONE"].agg(["nunique", "first"])
    )
    nodes = pd.DataFrame(
        {"node": zones.index, "node_type": "RN", "area": zones["first"].where(zones["nunique"] == 1, "")}
    )
    hubs = pd.DataFrame({"node": frame["HUB"].unique(), "node_type": "HU"}).query("node != ''")
    every = pd.concat([buses, nodes, hubs, pd.DataFrame({"node": area.unique(), "node_type": "LZ"})], ignore_index=True)
    start = pd.Timestamp("2024-11-11", tz=CENTRAL).tz_convert("UTC")
    return completed("places", every.fillna(""), start, OPEN_END)


def ercot_self_arranged(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    long = frame.melt(id_vars=["SCED Time Stamp", "Repeated Hour Flag", "QSE"], var_name="quantity").dropna()
    local = pd.to_datetime(long["SCED Time Stamp"], format="%m/%d/%Y %H:%M:%S")
    first_pass = long["Repeated Hour Flag"].ne("Y").to_numpy()
    start = local.dt.tz_localize(CENTRAL, ambiguous=first_pass).dt.tz_convert("UTC")
    end = (start + FIVE_MINUTES / 2).dt.floor("5min") + FIVE_MINUTES
    long = long.rename(columns={"QSE": "resource"}).assign(resource_type="QSE", unit="MW")
    return completed("disclosures", long, start, end)


def ercot_load_book(content: bytes) -> Any:
    wide = pd.read_excel(io.BytesIO(content), engine="calamine")
    stamps = wide["Hour Ending"].astype(str)
    first_pass = ~stamps.str.contains("DST")
    day, hour = stamps.str[:10], stamps.str[11:13].astype(int)
    local = pd.to_datetime(day, format="%m/%d/%Y") + pd.to_timedelta(hour - 1, unit="h")
    wide["start"] = local.dt.tz_localize(CENTRAL, ambiguous=first_pass.to_numpy()).dt.tz_convert("UTC")
    long = wide.drop(columns=["Hour Ending"]).rename(columns={"ERCOT": ""}).melt(id_vars=["start"], var_name="area")
    long = long.dropna(subset=["value"]).assign(series="load", unit="MW")
    return completed("fundamentals", long, long["start"], long["start"] + HOUR)


def ercot_generation_book(content: bytes) -> Any:
    sheets = pd.read_excel(io.BytesIO(content), sheet_name=None, engine="calamine")
    wide = pd.concat(sheet for sheet in sheets.values() if "Settlement Type" in sheet.columns)
    wide = wide.drop(columns=["Settlement Type", "Total"])
    long = wide.melt(id_vars=["Date", "Fuel"], var_name="end").dropna()
    labels = long["end"].astype(str)
    clock = labels.str.extract(r"(\d+):(\d+)").astype(int)
    minutes = clock[0] * 60 + clock[1]
    ends = pd.to_timedelta(minutes.where(minutes > 0, 24 * 60), unit="min")
    local = pd.to_datetime(long["Date"]) + ends - QUARTER
    first_pass = ~labels.str.contains("DST").to_numpy()
    start = local.dt.tz_localize(CENTRAL, ambiguous=first_pass).dt.tz_convert("UTC")
    long["category"] = long["Fuel"].str.strip().str.lower().str.replace(" ", "_")
    return completed("fundamentals", long.assign(series="generation", unit="MWh"), start, start + QUARTER)


def _pjm_start(frame: Any) -> Any:
    stamps = frame["datetime_beginning_utc"]
    form = "ISO8601" if "T" in stamps.iloc[0] else "%m/%d/%Y %I:%M:%S %p"
    return pd.to_datetime(stamps, format=form).dt.tz_localize("UTC")


def _eastern_day(stamps: Any) -> Any:
    """The moment of an Eastern stamp, kept within the days that the table can hold."""
    local = pd.to_datetime(stamps, format="%m/%d/%Y %I:%M:%S %p")
    years = local.dt.year
    moment = local.where(years.between(1990, 2098), pd.Timestamp("2000-01-01")).dt.tz_localize(EASTERN)
    return moment.dt.tz_convert("UTC").mask(years < 1990, FIRST_DAY).mask(years > 2098, OPEN_END)
