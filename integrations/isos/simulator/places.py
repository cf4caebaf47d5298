"""The priced places of the simulated markets.

Trading hubs, and ERCOT's load zones and ties, bear the operators' own names, since that is what anyone would ask for
first; everything else bears a name with SIM in it. All prices are simulated.
"""

from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["hub", "zone", "unit", "wind", "outside"]


@dataclass(frozen=True)
class Place:
    """A priced place: `node_type` as the operator's price file states it, or "" where that file has no type.

    `role` is what the price model goes by: `wind` sits behind a line that is full at night, `outside` lies in an area
    that only joins in the real-time market (CAISO's energy imbalance market).
    """

    node: str
    node_type: str
    role: Role


# fmt: off
TREES = (
    "ALDER", "ASPEN", "BIRCH", "CEDAR", "CYPRESS", "ELM", "FIR", "HAZEL", "HOLLY", "JUNIPER", "LARCH",
    "LAUREL", "LINDEN", "MAPLE", "OAK", "PINE", "POPLAR", "ROWAN", "SPRUCE", "WALNUT", "WILLOW", "YEW",
)
# fmt: on
STONES = ("AGATE", "BASALT", "COBALT", "FLINT", "GARNET", "JASPER", "MARBLE", "ONYX", "QUARTZ", "SLATE")
WINDS = ("BREEZE", "GALE", "MISTRAL")


def _places(names: str, node_type: str, role: Role) -> list[Place]:
    return [Place(name, node_type, role) for name in names.split(",")]


def _miso() -> list[Place]:
    hubs = "ARKANSAS.HUB,ILLINOIS.HUB,INDIANA.HUB,LOUISIANA.HUB,MICHIGAN.HUB,MINN.HUB,MS.HUB,TEXAS.HUB"
    return [
        *_places(hubs, "Hub", "hub"),
        *_places("SIMEAST,SIMNORTH,SIMWEST", "Interface", "zone"),
        *(Place(f"SIM.{stone}", "Loadzone", "zone") for stone in STONES),
        *(Place(f"SIM.{tree}1", "Gennode", "unit") for tree in TREES),
        *(Place(f"SIM.{wind}1.WND", "Gennode", "wind") for wind in WINDS),
    ]


def _caiso() -> list[Place]:
    return [
        *_places("TH_NP15_GEN-APND,TH_SP15_GEN-APND,TH_ZP26_GEN-APND", "", "hub"),
        *_places("DLAP_SIMC-APND,DLAP_SIMN-APND,DLAP_SIMS-APND", "", "zone"),
        *(Place(f"SIM{stone}_1_N004", "", "zone") for stone in STONES),
        *(Place(f"SIM{tree}_7_N001", "", "unit") for tree in TREES),
        *(Place(f"SIM{wind}_2_GN002", "", "wind") for wind in WINDS),
        *_places("ELAP_SIMEAST-APND,ELAP_SIMNORTH-APND", "", "outside"),
    ]


def _pjm() -> list[Place]:
    hubs = (
        "AEP GEN HUB,AEP-DAYTON HUB,ATSI GEN HUB,CHICAGO GEN HUB,CHICAGO HUB,DOMINION HUB,EASTERN HUB,"
        "N ILLINOIS HUB,NEW JERSEY HUB,OHIO HUB,WEST INT HUB,WESTERN HUB"
    )
    return [
        *_places(hubs, "HUB", "hub"),
        *_places("SIMCOAST,SIMLAKES,SIMRIDGE", "ZONE", "zone"),
        *_places("SIMIMP", "INTERFACE", "zone"),
        *(Place(f"SIM{stone}", "LOAD", "zone") for stone in STONES),
        *(Place(f"SIM{tree}1", "GEN", "unit") for tree in TREES),
        *(Place(f"SIM{wind} WF", "GEN", "wind") for wind in WINDS),
    ]


def _ercot() -> list[Place]:
    zones = "LZ_AEN,LZ_CPS,LZ_HOUSTON,LZ_LCRA,LZ_NORTH,LZ_RAYBN,LZ_SOUTH,LZ_WEST"
    ties = "DC_E,DC_L,DC_N,DC_R,DC_S"
    return [
        *_places("HB_HOUSTON,HB_NORTH,HB_PAN,HB_SOUTH,HB_WEST", "HU", "hub"),
        *_places("HB_BUSAVG", "SH", "hub"),
        *_places("HB_HUBAVG", "AH", "hub"),
        *_places(zones, "LZ", "zone"),
        *_places(zones, "LZEW", "zone"),
        *_places(ties, "LZ_DC", "zone"),
        *_places(ties, "LZ_DCEW", "zone"),
        *(Place(f"SIM{stone}_CC1", "LCCRN", "unit") for stone in STONES[:2]),
        *(Place(f"SIM{stone}_GT1", "PCCRN", "unit") for stone in STONES[:2]),
        *(Place(f"SIM{stone}_PUN1", "PUN", "unit") for stone in STONES[:2]),
        *(Place(f"SIM{tree}_RN", "RN", "unit") for tree in TREES),
        *(Place(f"SIM{wind}_WND", "RN", "wind") for wind in WINDS),
    ]


PLACES: Final[dict[str, tuple[Place, ...]]] = {
    "MISO": tuple(sorted(_miso(), key=lambda place: place.node)),
    "CAISO": tuple(sorted(_caiso(), key=lambda place: place.node)),
    "PJM": tuple(_pjm()),
    "ERCOT": tuple(sorted(_ercot(), key=lambda place: (place.node, place.node_type))),
}
