"""The enumerations of markets."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum(description="An operator of power markets.")
class Iso(Enum):
    MISO = "MISO"
    CAISO = "CAISO"
    PJM = "PJM"
    ERCOT = "ERCOT"


@strawberry.enum(description="Day-ahead, and real-time by the hour, by 15 and by 5 minutes.")
class Market(Enum):
    DA = "DA"
    RTH = "RTH"
    RT15 = "RT15"
    RT5 = "RT5"


INTERVALS_PER_HOUR = {Market.DA: 1, Market.RTH: 1, Market.RT15: 4, Market.RT5: 12}


@strawberry.enum(description="Whether a publication's rows were let in.")
class PublicationStatus(Enum):
    INGESTED = "ingested"
    QUARANTINED = "quarantined"
