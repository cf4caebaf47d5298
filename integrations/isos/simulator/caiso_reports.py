"""CAISO's OASIS reports that are no LMPs, as CSV: ancillary prices, load, wind and solar, schedules, nodes.

Layouts are those of real files, `PRC_AS` that of the specification. Megawatts and prices have two decimals.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from integrations.isos.simulator.caiso import Clock, clocks
from integrations.isos.simulator.files import text_of, two_decimals
from integrations.isos.simulator.fundamentals import Service, by_area, reserve_prices
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals
from integrations.isos.simulator.shapes import Floats
from integrations.isos.simulator.system import View

SERVICES: Final[dict[str, Service]] = {
    "NR": "non_spinning", "RD": "regulation_down", "RU": "regulation_up", "SR": "spinning",
}  # fmt: skip
# With its neighbours CAISO pays what is marginal; inside, and in the south, services are worth a little more.
REGIONS: Final[dict[str, float]] = {"AS_CAISO_EXP": 1.0, "AS_CAISO": 1.05, "AS_SP26": 1.15}
TAC_AREAS: Final = ("PGE-TAC", "SCE-TAC", "SDGE-TAC", "VEA-TAC")
WHOLE: Final = "CA ISO-TAC"
HUBS: Final = ("NP15", "SP15", "ZP26")

_VALID = "2009-04-01T00:00:00,2030-12-31T23:59:59,2009-04-01T07:00:00-00:00,2031-01-01T07:59:59-00:00,N,,,,,"


def ancillary_prices(market: GridMarket, intervals: Intervals) -> bytes:
    """PRC_AS, run DAM: a price a service and region."""
    header = (
        "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,ANC_TYPE,ANC_REGION,MARKET_RUN_ID,XML_DATA_ITEM,MW,"
        "GROUP"
    )
    prices = reserve_prices(market.states("day_ahead", intervals))
    series = [
        (f"{service},{region},DAM,SP_MIN_CLR_PRC", prices[kind] * factor)
        for service, kind in SERVICES.items()
        for region, factor in REGIONS.items()
    ]
    return text_of([header, *_rows(intervals, series, "{begin},{end},{day},{hour},{label},{value},{group}")])


def load_forecast(market: GridMarket, intervals: Intervals) -> bytes:
    """SLD_FCST, run DAM."""
    return _load(market, intervals, "day_ahead", "DAM", "Demand Forecast Day Ahead", "SYS_FCST_DA_MW")


def load(market: GridMarket, intervals: Intervals) -> bytes:
    """SLD_FCST, run ACTUAL."""
    return _load(market, intervals, "actual", "ACTUAL", "Total Actual Hourly Integrated Load", "SYS_FCST_ACT_MW")


def renewable_forecast(market: GridMarket, intervals: Intervals) -> bytes:
    """SLD_REN_FCST, run DAM: what wind and sun would give at each hub."""
    header = (
        "OPR_DT,OPR_HR,OPR_INTERVAL,INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,TRADING_HUB,RENEWABLE_TYPE,LABEL,"
        "XML_DATA_ITEM,MARKET_RUN_ID_POS,RENEW_POS,MW,MARKET_RUN_ID,GROUP"
    )
    state = market.states("day_ahead", intervals)
    series = [
        (f"{hub},{kind},Renewable Forecast Day Ahead,RENEW_FCST_DA_MW,1,{position}", megawatts)
        for kind, position, at_buses in (("Solar", 2, state.bus_solar_mw), ("Wind", 1, state.bus_wind_mw))
        for hub, megawatts in by_area(at_buses, HUBS).items()
    ]
    return text_of([header, *_rows(intervals, series, "{day},{hour},0,{begin},{end},{label},{value},DAM,{group}")])


def schedules(market: GridMarket, intervals: Intervals) -> bytes:
    """ENE_SLRS, run DAM: what was scheduled of the whole ISO; nothing is exported."""
    header = (
        "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,SLRS_TYPE,OPR_DT,OPR_HR,OPR_INTERVAL,MARKET_RUN_ID,TAC_ZONE_NAME,"
        "SCHEDULE,XML_DATA_ITEM,POS,MW,GROUP"
    )
    state = market.states("day_ahead", intervals)
    imports = state.generation_mw["imports"]
    series = [
        ("Export,ISO_TOT_EXP_MW,1", np.zeros(len(intervals))),
        ("Generation,ISO_TOT_GEN_MW,2", state.load_mw - imports),
        ("Import,ISO_TOT_IMP_MW,3", imports),
        ("Load,ISO_TOT_LOAD_MW,4", state.load_mw),
    ]
    return text_of(
        [header, *_rows(intervals, series, "{begin},{end},ALL,{day},{hour},0,DAM,Caiso_Totals,{label},{value},{group}")]
    )


def nodes(market: GridMarket, intervals: Intervals) -> bytes:
    """ATL_PNODE: every place with its validity, whatever the stretch."""
    del intervals
    header = (
        "PNODE_ID,PNODE_TYPE,DESCRIPTION,COMMENTS,EFF_START_DT,EFF_END_DT,EFF_START_DT_GMT,EFF_END_DT_GMT,CB_NODE_FLAG,"
        "MAX_CB_MW,MAX_CB_MW_EFF_START_DT,MAX_CB_MW_EFF_END_DT,MAX_CB_MW_EFF_START_DT_GMT,MAX_CB_MW_EFF_END_DT_GMT"
    )
    return text_of([header, *(f"{place.node},,{place.node},,{_VALID}" for place in market.places)])


def _load(market: GridMarket, intervals: Intervals, view: View, run: str, label: str, item: str) -> bytes:
    header = (
        "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,LOAD_TYPE,OPR_DT,OPR_HR,OPR_INTERVAL,MARKET_RUN_ID,TAC_AREA_NAME,"
        "LABEL,XML_DATA_ITEM,POS,MW,EXECUTION_TYPE,GROUP"
    )
    state = market.states(view, intervals)
    areas = {WHOLE: state.load_mw} | by_area(state.bus_load_mw, TAC_AREAS)
    series = [(f"{area},{label},{item},1", megawatts) for area, megawatts in areas.items()]
    layout = f"{{begin}},{{end}},0,{{day}},{{hour}},0,{run},{{label}},{{value}},{run},{{group}}"
    return text_of([header, *_rows(intervals, series, layout)])


def _rows(intervals: Intervals, series: Sequence[tuple[str, Floats]], layout: str) -> Iterator[str]:
    """The rows of each labelled series, one after the other; GROUP numbers them."""
    stamped: list[Clock] = clocks(intervals)
    for group, (label, values) in enumerate(series, start=1):
        for clock, value in zip(stamped, values.tolist(), strict=True):
            yield layout.format(
                begin=clock.begin, end=clock.end, day=clock.day, hour=clock.hour, label=label,
                value=two_decimals(value), group=group,
            )  # fmt: skip
