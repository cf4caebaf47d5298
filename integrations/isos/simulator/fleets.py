"""What the four simulated systems are made of: peak load, wind, sun, batteries and a merit order of units.

Sizes are those of the real systems in round numbers, costs round figures of each technology at a middling gas price.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Segment:
    """Units of one fuel: their share of peak load, and what the cheapest and the dearest megawatt-hour of them costs.

    `availability` is the share that is not out, on average.
    """

    fuel: str
    share: float
    low_usd_per_mwh: float
    high_usd_per_mwh: float
    availability: float = 0.93


@dataclass(frozen=True)
class Fleet:
    """One system. `winter` and `summer` move the load of a day, `sun` and `evening` that of an hour."""

    peak_mw: float
    winter: float
    summer: float
    evening: float
    wind_mw: float
    solar_mw: float
    battery_mw: float
    latitude_deg: float
    longitude_deg: float
    segments: tuple[Segment, ...]


# Nuclear and run-of-river units pay to keep running; so does, for its certificates, the wind.
_NUCLEAR_COST, _WIND_COST, _SOLAR_COST = (-45.0, -35.0), (-28.0, -8.0), (-8.0, 0.0)
WIND: Final = Segment("wind", 0.0, *_WIND_COST, availability=1.0)
SOLAR: Final = Segment("solar", 0.0, *_SOLAR_COST, availability=1.0)
_DEMAND_RESPONSE: Final = Segment("other", 0.08, 250.0, 3000.0, availability=1.0)


def _segments(nuclear: float, hydro: float, *thermal: Segment) -> tuple[Segment, ...]:
    """In order of merit."""
    return (
        Segment("nuclear", nuclear, *_NUCLEAR_COST, availability=0.95),
        WIND,
        SOLAR,
        Segment("hydro", hydro, 1.0, 9.0, availability=0.6),
        *thermal,
        _DEMAND_RESPONSE,
    )


FLEETS: Final[dict[str, Fleet]] = {
    "MISO": Fleet(
        121_000, 0.10, 0.20, 0.10, wind_mw=31_000, solar_mw=14_000, battery_mw=500, latitude_deg=41,
        longitude_deg=-90,
        segments=_segments(
            0.10, 0.02, Segment("coal", 0.17, 16, 23), Segment("natural_gas", 0.22, 23, 33),
            Segment("coal", 0.12, 33, 38), Segment("natural_gas", 0.26, 38, 70), Segment("oil", 0.03, 90, 220),
        ),
    ),
    "CAISO": Fleet(
        47_000, 0.03, 0.24, 0.18, wind_mw=8_000, solar_mw=21_000, battery_mw=9_000, latitude_deg=36,
        longitude_deg=-119,
        segments=_segments(
            0.05, 0.20, Segment("imports", 0.12, 20, 33), Segment("natural_gas", 0.30, 33, 50),
            Segment("imports", 0.12, 50, 62), Segment("natural_gas", 0.32, 62, 110), Segment("biomass", 0.02, 110, 150),
        ),
    ),
    "PJM": Fleet(
        150_000, 0.14, 0.20, 0.10, wind_mw=11_000, solar_mw=13_000, battery_mw=400, latitude_deg=40,
        longitude_deg=-79,
        segments=_segments(
            0.22, 0.03, Segment("natural_gas", 0.24, 18, 27), Segment("coal", 0.14, 27, 34),
            Segment("natural_gas", 0.22, 34, 48), Segment("coal", 0.08, 48, 56), Segment("natural_gas", 0.16, 56, 90),
            Segment("oil", 0.05, 100, 240),
        ),
    ),
    "ERCOT": Fleet(
        84_000, 0.08, 0.26, 0.10, wind_mw=39_000, solar_mw=26_000, battery_mw=9_000, latitude_deg=31,
        longitude_deg=-98,
        segments=_segments(
            0.06, 0.01, Segment("natural_gas", 0.20, 15, 22), Segment("coal", 0.15, 22, 28),
            Segment("natural_gas", 0.32, 28, 45), Segment("natural_gas", 0.22, 45, 95),
        ),
    ),
}  # fmt: skip
