"""ERCOT's disclosures after 60 days, a zip of CSV files a day: what each resource was told to do and did in real time
(NP3-965), and what it was awarded day-ahead (NP3-966).

Every resource does as it is told, offers what its fuel costs in two points, and sells reserves where it has room. There
are no members of load resources, bids and obligations, for the market has none; of overrides and updates there is a
header alone, as on most real days. Since 2025-12-05 batteries have members of their own. A day-ahead file has no flag,
so the repeated hour of autumn stands there twice.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa

from integrations.isos.simulator import ercot
from integrations.isos.simulator.columns import all_repeated, each_repeated
from integrations.isos.simulator.ercot import CENTRAL, flag_of
from integrations.isos.simulator.ercot_prices import day_of, is_co_optimized, prices_of, services, states_of
from integrations.isos.simulator.ercot_resources import Outputs, Resource, awards, outputs
from integrations.isos.simulator.files import text_of
from integrations.isos.simulator.fleets import FLEETS
from integrations.isos.simulator.grid_market import GridMarket
from integrations.isos.simulator.intervals import Intervals, market_days
from integrations.isos.simulator.market import Units
from integrations.isos.simulator.texts import decimals, rows

DISCLOSED_AFTER: Final = timedelta(days=60)

Cell: TypeAlias = pa.Array | str
Columns = Mapping[str, Cell]
"""By the column's name (rows,) texts, or one text that stands in all rows."""

_SCED_POINTS, _SUBMITTED_POINTS = 35, 10
_NO_OVERRIDES = (
    "SCED Timestamp", "Repeated Hour Flag", "Participant Name", "Resource Name", "HDL Original", "HDL Manual",
    "HDL Final", "LDL Original", "LDL Manual", "LDL Final", "Reason Code",
)  # fmt: skip
_NO_UPDATES = ("Delivery Date", "Delivery Hour", "Resource Name", "Reason", "Count of Updates During Operating Hour")
_SELF_ARRANGED = ("REGUP", "REGDN", "NSPIN", "NSPNM", "RRSPFR", "RRSFFR", "RRSUFR", "ECRSS", "ECRSM")
# The services as they are called with their day-ahead award (and which of them has a price behind it), with the
# responsibility for them, and with their award in real time.
_AHEAD: Final = (
    ("RegUp Awarded", "REGUP"), ("RegUp MCPC", "REGUP"), ("RegDown Awarded", "REGDN"), ("RegDown MCPC", "REGDN"),
    ("RRSPFR Awarded", "RRS"), ("RRSFFR Awarded", ""), ("RRSUFR Awarded", ""), ("RRS MCPC", "RRS"),
    ("ECRSSD Awarded", "ECRS"), ("ECRS MCPC", "ECRS"), ("NonSpin Awarded", "NSPIN"), ("NonSpin MCPC", "NSPIN"),
)  # fmt: skip
_RESPONSIBLE: Final = {
    "Ancillary Service REGUP": "REGUP", "Ancillary Service REGDN": "REGDN", "Ancillary Service RRS": "RRS",
    "Ancillary Service RRSFFR": "", "Ancillary Service NSRS": "NSPIN", "Ancillary Service ECRS": "ECRS",
}  # fmt: skip
_AWARDED: Final = {
    "AS Awards NSPIN": "NSPIN", "AS Awards RRSFFR": "", "AS Awards RRSPFR": "RRS", "AS Awards RRSUFR": "",
    "AS Awards ECRS": "ECRS", "AS Awards REGUP": "REGUP", "AS Awards REGDN": "REGDN",
}  # fmt: skip
# Batteries begin a day with what half an hour at full power takes, and hold four hours of it.
_FIRST_HOURS, _MOST_HOURS = 0.5, 4.0


def sced_members(market: GridMarket, midnight: int) -> dict[str, bytes]:
    """NP3-965: the members of a day's zip by their names."""
    day = day_of(midnight)
    runs, state = ercot.sced_runs(market.seed, day), states_of(market, "actual", day, 5)
    made = outputs(market, state)
    reserves = awards(state, made)
    apart = is_co_optimized(runs)
    members = {}
    for name, chosen in _files("60d_SCED_Gen_Resource_Data", "60d_ESR_Data_in_SCED", made.resources, apart).items():
        held = {service: units[:, chosen] for service, units in reserves.items()}
        members[name] = _dispatch(runs, made.of(chosen), held, apart, "ESR" in name)
    members["60d_SCED_SMNE_GEN_RES"] = _metered(market, day)
    sellers = sorted({resource.seller for resource in made.resources})
    by_seller = _by_run(runs, len(sellers)) | {"QSE": all_repeated(sellers, len(runs))}
    members["60d_SCED_QSE_Self_Arranged_AS"] = _quoted(by_seller | dict.fromkeys(_SELF_ARRANGED, "0"))
    loads = {("QSE Name" if name == "QSE" else name): column for name, column in by_seller.items()}
    members["60d_SCED_DSR_Load_Data"] = _quoted(loads | {"Total Telemetered DSR Loads": "0"})
    members["60d_HDL_LDL_ManOverride"], members["60d_SCED_EOC_Updates_in_OpHour"] = (
        text_of([",".join(f'"{name}"' for name in header)]) for header in (_NO_OVERRIDES, _NO_UPDATES)
    )
    return _named(members, day)


def dam_members(market: GridMarket, midnight: int) -> dict[str, bytes]:
    """NP3-966: the members of a day's zip by their names."""
    day = day_of(midnight)
    hours, state = market_days("ERCOT", day, day, minutes=60), states_of(market, "day_ahead", day, 60)
    made = outputs(market, state)
    reserves, prices = awards(state, made), services(state)
    column_of = {place: column for column, place in enumerate(market.places)}
    at_nodes = prices_of(market, "DA", day).lmp[:, [column_of[resource.place] for resource in made.resources]]
    members = {}
    apart = is_co_optimized(hours)
    for name, chosen in _files("60d_DAM_Gen_Resource_Data", "60d_DAM_ESR_Data", made.resources, apart).items():
        some, count = made.of(chosen), len(chosen)
        starts = hours.starts_in(CENTRAL)
        table: dict[str, Cell] = {
            "Delivery Date": f"{day:%m/%d/%Y}",
            "Hour Ending": each_repeated([f"{start.hour + 1}" for start in starts], count),
        }
        table |= _who(some, len(hours)) | _curve("QSE submitted Curve", some, _SUBMITTED_POINTS)
        table |= dict.fromkeys(("Start Up Hot", "Start Up Inter", "Start Up Cold", "Min Gen Cost"), "")
        table |= {
            "HSL": _mw(some.high), "LSL": _mw(some.low), "Resource Status": "ON", "Awarded Quantity": _mw(some.output),
            "Settlement Point Name": all_repeated([each.place.node for each in some.resources], len(hours)),
            "Energy Settlement Point Price": decimals(at_nodes[:, chosen].ravel(), 2, trimmed=True),
        }  # fmt: skip
        for column, service in _AHEAD:
            if column.endswith("MCPC"):
                cents = np.rint(prices[service] * 100).astype(np.int64)
                table[column] = decimals(np.repeat(cents, count), 2, trimmed=True)
            else:
                table[column] = _mw(reserves[service][:, chosen]) if service else ""
        members[name] = _quoted(table)
    return _named(members, day)


def _dispatch(
    runs: Intervals, made: Outputs, reserves: Mapping[str, Units], is_co_optimized: bool, has_charge: bool
) -> bytes:
    """A row a run and resource."""
    up = made.high - sum(reserves[service] for service in ("REGUP", "RRS", "ECRS", "NSPIN"))
    down = made.low + reserves["REGDN"]
    table = _by_run(runs, len(made.resources)) | _who(made, len(runs))
    table |= _curve("SCED1 Curve", made, _SCED_POINTS) | _curve("SCED2 Curve", made, _SCED_POINTS)
    table |= {
        "Output Schedule": "", "HSL": _mw(made.high), "HASL": _mw(up), "HDL": _mw(up), "LSL": _mw(made.low),
        "LASL": _mw(down), "LDL": _mw(down), "Telemetered Resource Status": "ON", "Base Point": _mw(made.output),
        "Telemetered Net Output": _mw(made.output),
    }  # fmt: skip
    if has_charge:
        most, charge = _charge(made)
        table |= {"State of Charge": _mw(charge), "Minimum SOC": "0", "Maximum SOC": _mw(most)}
    for column, service in (_AWARDED if is_co_optimized else _RESPONSIBLE).items():
        table[column] = _mw(reserves[service]) if service else "0"
    table |= dict.fromkeys(
        ("Bid_Type", "Start Up Cold Offer", "Start Up Hot Offer", "Start Up Inter Offer", "Min Gen Cost"), ""
    )
    return _quoted(table | _curve("SCED TPO Offer Curve", made, _SUBMITTED_POINTS) | {"Proxy Extension": ""})


def _charge(made: Outputs) -> tuple[Units, Units]:
    """(T, N) thousandths of a megawatt-hour that batteries can hold, and hold at the start of each five minutes."""
    spent = np.cumsum(made.output, axis=0) - made.output
    charge = np.rint(_FIRST_HOURS * made.high - spent / 12).astype(np.int64)
    most = np.rint(_MOST_HOURS * made.high).astype(np.int64)
    return most, np.clip(charge, 0, most)


def _metered(market: GridMarket, day: date) -> bytes:
    """What meters counted in each quarter of an hour, told by the last second of it and its number in the day."""
    made = outputs(market, states_of(market, "actual", day, 15))
    ends = market_days("ERCOT", day, day, minutes=15).end_s.tolist()
    stamps = [f"{datetime.fromtimestamp(end - 1, CENTRAL):%m/%d/%Y %H:%M:%S}" for end in ends]
    count = len(made.resources)
    return _quoted(
        {
            "Interval Time": each_repeated(stamps, count),
            "Interval Number": each_repeated([f"{number}" for number in range(1, len(ends) + 1)], count),
            "Resource Code": all_repeated([resource.name for resource in made.resources], len(ends)),
            # A quarter of a thousandth has five decimals.
            "Interval Value": decimals(25 * made.output.ravel(), 5, trimmed=True),
        }
    )


def _files(units: str, batteries: str, resources: Sequence[Resource], apart: bool) -> dict[str, list[int]]:
    """The positions of the resources in each file."""
    numbers = range(len(resources))
    if not apart:
        return {units: list(numbers)}
    stores = [number for number in numbers if resources[number].fuel == "battery"]
    return {units: [number for number in numbers if number not in stores], batteries: stores}


def _by_run(runs: Intervals, count: int) -> dict[str, Cell]:
    """The columns that tell the run, of which each has `count` rows."""
    starts = runs.starts_in(CENTRAL)
    return {
        "SCED Time Stamp": each_repeated([f"{start:%m/%d/%Y %H:%M:%S}" for start in starts], count),
        "Repeated Hour Flag": each_repeated([flag_of(start) for start in starts], count),
    }


def _who(made: Outputs, steps: int) -> dict[str, Cell]:
    def repeated(texts: Sequence[str]) -> pa.Array:
        return all_repeated(texts, steps)

    is_battery = [each.fuel == "battery" for each in made.resources]
    return {
        "QSE": repeated([each.seller for each in made.resources]),
        "DME": repeated([each.seller.replace("Q", "Y", 1) for each in made.resources]),
        "Resource Name": repeated([each.name for each in made.resources]),
        "Resource Type": repeated(["ESR" if all(is_battery) else each.resource_type for each in made.resources]),
    }


def _curve(name: str, made: Outputs, points: int) -> dict[str, Cell]:
    """What each resource offers: all that it could make, from the least to the most that its fuel costs."""
    offers = [_offer(resource.fuel) for resource in made.resources]
    filled: dict[str, Cell] = {}
    for point, quantity in ((1, made.low), (2, made.high)):
        filled[f"{name}-MW{point}"] = _mw(quantity)
        prices = [f"{offer[point - 1]:g}" if offer else "" for offer in offers]
        filled[f"{name}-Price{point}"] = all_repeated(prices, len(quantity))
    return {
        f"{name}-{side}{point}": filled.get(f"{name}-{side}{point}", "")
        for point in range(1, points + 1)
        for side in ("MW", "Price")
    }


def _offer(fuel: str) -> tuple[float, float] | None:
    """None for batteries, whose charge costs what it did."""
    costs = [
        cost
        for segment in FLEETS["ERCOT"].segments
        if segment.fuel == fuel
        for cost in (segment.low_usd_per_mwh, segment.high_usd_per_mwh)
    ]
    return (min(costs), max(costs)) if costs else None


def _named(members: Mapping[str, bytes], day: date) -> dict[str, bytes]:
    """Names bear the day of publication."""
    published = f"{day + DISCLOSED_AFTER:%d-%b-%y}".upper()
    return {f"{name}-{published}.csv": content for name, content in members.items()}


def _mw(units: Units) -> pa.Array:
    return decimals(units.ravel(), 3, trimmed=True)


def _quoted(table: Columns) -> bytes:
    """All cells in quotes, as ERCOT writes these files."""
    header = ",".join(f'"{name}"' for name in table) + "\n"
    parts: list[Cell] = []
    between = '"'
    for cell in table.values():
        if isinstance(cell, str):
            between += cell + '","'
        else:
            parts += [between, cell]
            between = '","'
    return header.encode() + rows(*parts, between.removesuffix(',"') + "\n")
