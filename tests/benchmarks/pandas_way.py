"""The usual way, step by step as gridstatus does it: pandas read, melt, localise, name the places' types, sort; then
`insert_df` into the same table. Written anew here; nothing of gridstatus is run."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

COMPONENTS = {"LMP": "lmp_usd_per_mwh", "MCC": "congestion_usd_per_mwh", "MLC": "loss_usd_per_mwh"}


def decode(name: str, content: bytes) -> Any:
    """One file as a frame with the columns of `ch.market_price_ticks`."""
    return _miso(content) if "lmp" in name else _ercot(content)


def _miso(content: bytes) -> Any:
    day = pd.to_datetime(content.split(b"\n", 2)[1].decode().strip())
    wide = pd.read_csv(io.BytesIO(content), skiprows=4)
    long = wide.melt(id_vars=["Node", "Type", "Value"], var_name="hour", value_name="price")
    long["hour"] = long["hour"].str.removeprefix("HE ").astype(int)
    frame = long.pivot(index=["Node", "Type", "hour"], columns="Value", values="price").reset_index()
    start = (day + pd.to_timedelta(frame["hour"] - 1, unit="h")).dt.tz_localize("EST").dt.tz_convert("UTC")
    frame = frame.rename(columns={"Node": "node", "Type": "node_type", **COMPONENTS})
    frame["energy_usd_per_mwh"] = frame["lmp_usd_per_mwh"] - frame["congestion_usd_per_mwh"] - frame["loss_usd_per_mwh"]
    return _with_constants(frame, start, "MISO", "RTH", "rt_lmp").drop(columns=["hour"])


def _ercot(content: bytes) -> Any:
    frame = pd.read_csv(io.BytesIO(content))
    hour = frame["HourEnding"].astype(str).str.split(":").str[0].astype(int) - 1
    local = pd.to_datetime(frame["DeliveryDate"]) + pd.to_timedelta(hour, unit="h")
    start = local.dt.tz_localize("US/Central", ambiguous=frame["DSTFlag"].ne("Y").to_numpy()).dt.tz_convert("UTC")
    frame = frame.rename(columns={"SettlementPoint": "node", "SettlementPointPrice": "lmp_usd_per_mwh"})
    frame["node_type"] = _ercot_types(frame["node"])
    for column in ("energy_usd_per_mwh", "congestion_usd_per_mwh", "loss_usd_per_mwh"):
        frame[column] = float("nan")
    frame = frame.drop(columns=["DeliveryDate", "HourEnding", "DSTFlag"])
    frame = _with_constants(frame, start, "ERCOT", "DA", "dam_spp")
    return frame.sort_values("interval_start_utc").reset_index(drop=True)


def _ercot_types(names: Any) -> Any:
    """The type of each settlement point from its name, as gridstatus tells it where the file does not."""
    types = pd.Series("Resource Node", index=names.index)
    for prefix, meaning in (("HB_", "Trading Hub"), ("LZ_", "Load Zone"), ("DC_", "Load Zone DC Tie")):
        types.loc[names.str.startswith(prefix)] = meaning
    return types.astype("category")


def _with_constants(frame: Any, start: Any, iso: str, market: str, feed: str) -> Any:
    frame["interval_start_utc"] = start
    frame["interval_end_utc"] = start + pd.Timedelta(hours=1)
    frame["ghg_usd_per_mwh"] = float("nan")
    constants = {
        "iso": iso, "market": market, "feed": feed, "vintage": "final", "source_version": 0, "published_at": None,
        "recorded_at": pd.Timestamp.now("UTC"), "log_position": 1, "publication_id": "none",
    }  # fmt: skip
    for column, value in constants.items():
        frame[column] = value
    return frame
