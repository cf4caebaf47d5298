"""The priced places of a simulated market of any size: those of the sample, and as many more as are wanted.

Whatever is added bears a name with SIM in it, like the sample's own. The four full sizes add up to 18,500.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from integrations.isos.simulator.places import PLACES, STONES, TREES, WINDS, Place, Role

FULL_SIZES: Final[dict[str, int]] = {"MISO": 2612, "CAISO": 2600, "PJM": 12_200, "ERCOT": 1088}


@dataclass(frozen=True)
class _Kind:
    """Places of one kind: how many of each 25, and how they are called (by a word and a number from 2)."""

    of_25: int
    name: str
    words: tuple[str, ...]
    node_type: str
    role: Role


_KINDS: Final[dict[str, tuple[_Kind, ...]]] = {
    "MISO": (
        _Kind(11, "SIM.{}{}", TREES, "Gennode", "unit"),
        _Kind(1, "SIM.{}{}.WND", WINDS, "Gennode", "wind"),
        _Kind(13, "SIM.{}{}", STONES, "Loadzone", "zone"),
    ),
    "CAISO": (
        _Kind(9, "SIM{}{}_7_N001", TREES, "", "unit"),
        _Kind(2, "SIM{}{}_2_GN002", WINDS, "", "wind"),
        _Kind(13, "SIM{}{}_1_N004", STONES, "", "zone"),
        _Kind(1, "SIM{}{}_5_EN003", STONES, "", "outside"),
    ),
    "PJM": (
        _Kind(6, "SIM{}{}", TREES, "GEN", "unit"),
        _Kind(1, "SIM{}{} WF", WINDS, "GEN", "wind"),
        _Kind(18, "SIM{}{}", STONES, "LOAD", "zone"),
    ),
    "ERCOT": (
        _Kind(14, "SIM{}{}_RN", TREES, "RN", "unit"),
        _Kind(4, "SIM{}{}_WND", WINDS, "RN", "wind"),
        _Kind(3, "SIM{}{}_CC1", STONES, "LCCRN", "unit"),
        _Kind(2, "SIM{}{}_GT1", STONES, "PCCRN", "unit"),
        _Kind(2, "SIM{}{}_PUN1", STONES, "PUN", "unit"),
    ),
}


def sizes_of(nodes: int) -> dict[str, int]:
    """How many places each ISO has where the four have `nodes` together, in the proportions of the full sizes.

    Raises ValueError where that is fewer than the sample's in any ISO.
    """
    total = sum(FULL_SIZES.values())
    sizes = {iso: nodes * full // total for iso, full in FULL_SIZES.items()}
    sizes["PJM"] += nodes - sum(sizes.values())
    for iso, size in sizes.items():
        if size < len(PLACES[iso]):
            raise ValueError(f"{nodes} nodes would leave {iso} {size}; it has at least {len(PLACES[iso])}")
    return sizes


@cache
def grid_places(iso: str, size: int) -> tuple[Place, ...]:
    """`size` places in the order that the sample's are in. Raises ValueError where the sample has more."""
    sample = PLACES[iso]
    if size < len(sample):
        raise ValueError(f"{iso} has at least {len(sample)} places, not {size}")
    pattern = [kind for kind in _KINDS[iso] for _ in range(kind.of_25)]
    made = dict.fromkeys(_KINDS[iso], 0)
    added = []
    for number in range(size - len(sample)):
        # Eleven has no factor in common with 25, so any 25 in a row are the whole pattern.
        kind = pattern[number * 11 % 25]
        word, again = kind.words[made[kind] % len(kind.words)], made[kind] // len(kind.words) + 2
        added.append(Place(kind.name.format(word, again), kind.node_type, kind.role))
        made[kind] += 1
    places = (*sample, *added)
    return places if iso == "PJM" else tuple(sorted(places, key=lambda place: (place.node, place.node_type)))
